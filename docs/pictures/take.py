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
from cli.reception import open_demo_reception
from cli.reception_routes import serving_reception
from cli.run import start_demo
from cli.stack import Stack, home_of
from cli.story import story_start, storyteller
from services.console.domain.access import Role, Visitor

HERE = Path(__file__).resolve().parent
SIZE = {"width": 1360, "height": 800}


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
        await _phones(browser, stack)
        await _console(browser, stack)
        await browser.close()


async def _phones(browser: Browser, stack: Stack) -> None:
    page = await (await browser.new_context(viewport=SIZE)).new_page()
    await page.goto(stack.addresses["sandbox"], wait_until="load")
    await page.get_by_label("Name").last.fill("Sam")
    await page.locator(".booking [name=day]").select_option(index=4)
    await page.get_by_role("button", name="Book", exact=True).click()
    await page.get_by_text("Booked.").wait_for()
    for turn in ("Next message", "+24 h"):
        await page.get_by_role("button", name=turn).click()
        await page.locator("#remote .said", has_text="message").wait_for()
    await page.locator("#phone-12125550160").get_by_role("button", name="C", exact=True).click()
    await page.get_by_text("we will see you on").last.wait_for()
    await _shoot(page, "phones")


async def _console(browser: Browser, stack: Stack) -> None:
    link = await sign_in_link(
        stack.environment["AFTERCARE_DATABASE_URL"], stack.addresses["console"], Visitor("you", Role.ADMIN)
    )
    page = await (await browser.new_context(viewport=SIZE, color_scheme="dark")).new_page()
    await page.goto(link)
    await page.get_by_role("button", name="Open").click()
    await page.get_by_role("heading", level=1).wait_for()
    await page.wait_for_timeout(3000)  # the live figures have to have come once
    await _shoot(page, "now")
    await page.goto(f"{stack.addresses['console']}/why")
    await page.get_by_role("textbox").first.fill("bk_1")
    await page.get_by_role("button", name="Ask").click()
    await page.get_by_text("What happened").wait_for()
    await _shoot(page, "why")


async def _shoot(page: Page, name: str) -> None:
    await page.screenshot(path=HERE / f"{name}.png")
    sys.stdout.write(f"docs/pictures/{name}.png\n")


if __name__ == "__main__":
    main()
