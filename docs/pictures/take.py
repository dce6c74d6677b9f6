"""Take the pictures that the documentation shows, of a system that has just lived through the demo's story.

`make pictures` runs it; it needs Debian's chromium.
"""

import asyncio
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from cli.people import sign_in_link
from cli.private_servers import home_of
from cli.reception import open_demo_reception
from cli.reception_routes import serving_reception
from cli.run import start_demo
from cli.stack import Stack
from cli.story import story_start, storyteller
from services.console.domain.access import Role, Visitor

HERE = Path(__file__).resolve().parent
SIZE, WIDE = {"width": 1360, "height": 800}, {"width": 1720, "height": 900}


def main() -> None:
    """Start everything, tell the story, take the pictures, stop everything."""
    path = shutil.which("chromium")
    if path is None:
        sys.exit("no Chromium here: apt-get install --no-install-recommends chromium fonts-dejavu-core")
    begin = story_start(datetime.now(UTC))
    stack = start_demo(home_of() / "pictures", begin, say=print)
    try:
        asyncio.run(_take(stack, begin, path))
    finally:
        stack.stop()


async def _take(stack: Stack, begin: datetime, path: str) -> None:
    async with storyteller(stack, print, begin) as story:
        ending = await story.run()
    async with (
        open_demo_reception(stack, ending) as reception,
        serving_reception(stack.environment, reception),
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        await _play(browser, stack)
        await _console(browser, stack)
        await browser.close()


async def _play(browser: Browser, stack: Stack) -> None:
    link = await _link(stack)
    page = await (await browser.new_context(viewport=WIDE)).new_page()
    await page.goto(f"{stack.addresses['sandbox']}/side-by-side#sign-in={link.rpartition('/')[2]}")
    await page.frame_locator("#console").get_by_role("button", name="Open").click()
    phones = page.frame_locator("#phones")
    await phones.locator(".booking [name=name]").fill("Sam")
    await phones.locator(".booking [name=day]").select_option(index=4)
    await phones.get_by_role("button", name="Book", exact=True).click()
    await phones.get_by_text("Booked.").wait_for()
    for turn in ("Next message", "Next message"):
        await phones.get_by_role("button", name=turn).click()
        await phones.locator("#remote .said", has_text="message").wait_for()
        await phones.locator("#remote[aria-busy=false]").wait_for()
    await phones.locator("#phone-12125550160").get_by_role("button", name="C", exact=True).click()
    await phones.get_by_text("we will see you on", exact=False).last.wait_for()
    await page.wait_for_timeout(3000)  # the live figures have to have come since
    await _shoot(page, "play")


async def _console(browser: Browser, stack: Stack) -> None:
    page = await (await browser.new_context(viewport=SIZE, color_scheme="dark")).new_page()
    await page.goto(await _link(stack))
    await page.get_by_role("button", name="Open").click()
    await page.get_by_role("heading", level=1).wait_for()
    await page.wait_for_timeout(3000)  # the live figures have to have come once
    await _shoot(page, "now")
    await page.goto(f"{stack.addresses['console']}/why")
    await page.get_by_role("textbox").first.fill("bk_1")
    await page.get_by_role("button", name="Ask").click()
    await page.get_by_text("What happened").wait_for()
    await _shoot(page, "why")


async def _link(stack: Stack) -> str:
    return await sign_in_link(
        stack.environment["AFTERCARE_DATABASE_URL"], stack.addresses["console"], Visitor("you", Role.ADMIN)
    )


async def _shoot(page: Page, name: str) -> None:
    await page.screenshot(path=HERE / f"{name}.png")
    sys.stdout.write(f"docs/pictures/{name}.png\n")


if __name__ == "__main__":
    main()
