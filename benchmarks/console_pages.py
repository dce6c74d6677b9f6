"""How long each page of the console takes with a million messages behind it: ``python -m benchmarks.console_pages``.

Starts everything on private servers, fills them with made-up rows, signs in by a link and asks for each page twenty
times.
``--shots FOLDER`` takes pictures of each page instead, light and dark, on a desk and on a phone (needs Chromium).
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import psycopg

from cli.people import sign_in_link
from cli.stack import start_stack
from services.console.domain.access import Role, Visitor

PAGES = (
    "/",
    "/?hours=24",
    "/why?q=bk_777",
    "/why?q=pt_777",
    "/dead-letters",
    "/dead-letters/group?queue=booking_events&cause=refused&reason=data.consent%3A+Field+required",
    "/upcoming",
    "/tasks",
    "/safety",
    "/safety/harb-0000000001",
    "/checkins",
    "/checkins/pt_777",
    "/runbook",
    "/audit",
    "/clinics/harbor/pause",
)
TIMES = 20
BOUND_MS = 300
_SQL = Path(__file__).with_suffix(".sql")
_SCREENS = {"desk": (1280, 860), "phone": (390, 844)}


def main() -> int:
    """Measure, or take pictures; return 1 if a page is slower than the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        stack = start_stack(Path(folder), sandbox=True, throwaway=True, say=lambda line: print(line, flush=True))
        try:
            database = stack.environment["AFTERCARE_DATABASE_URL"]
            print("filling the tables", flush=True)
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(_SQL.read_text(encoding="utf-8").encode())
            link = asyncio.run(sign_in_link(database, stack.addresses["console"], Visitor("ada", Role.ADMIN)))
            time.sleep(5)  # the services settle
            if arguments.shots:
                arguments.shots.mkdir(parents=True, exist_ok=True)
                return asyncio.run(take_pictures(link, arguments.shots))
            return asyncio.run(measure(link))
        finally:
            stack.stop()


async def measure(link: str) -> int:
    """Ask for each page and print how long it took."""
    base = link.partition("/sign-in/")[0]
    slow = 0
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await session.post(link, headers={"Sec-Fetch-Site": "same-origin"})
        for page in PAGES:
            took = []
            for _ in range(TIMES):
                started = time.perf_counter()
                async with session.get(page) as answer:
                    size = len(await answer.read())
                    assert answer.status == 200, (page, answer.status)
                took.append((time.perf_counter() - started) * 1000)
            slow += max(took) > BOUND_MS
            print(
                f"{page[:60]:<62} median {statistics.median(took):6.1f} ms  worst {max(took):6.1f} ms  {size:>8,} bytes"
            )
    return 1 if slow else 0


async def take_pictures(link: str, folder: Path) -> int:
    """Write a picture of each page."""
    from playwright.async_api import async_playwright

    base = link.partition("/sign-in/")[0]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        state = None
        for scheme in ("light", "dark"):
            for screen, (width, height) in _SCREENS.items():
                context = await browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, base_url=base, storage_state=state
                )
                window = await context.new_page()
                if state is None:
                    await window.goto(link)
                    await window.get_by_role("button", name="Open").click()
                    await window.wait_for_url(f"{base}/")
                    state = await context.storage_state()
                for page in PAGES:
                    await window.goto(page)
                    await window.wait_for_timeout(600)
                    name = page.partition("?")[0].strip("/").replace("/", "-") or "now"
                    await window.screenshot(path=folder / f"{name}-{scheme}-{screen}.png", full_page=True)
                await context.close()
        await browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
