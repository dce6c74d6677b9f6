"""A visitor plays on the demo: books at the reception, turns the clock, answers on the phone, and sees the console move."""

import asyncio
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from cli import stage
from cli.people import sign_in_link
from cli.reception import open_demo_reception
from cli.reception_routes import serving_reception
from cli.run import start_demo
from cli.sandbox_line import SandboxLine
from cli.stack import SERVICES
from cli.story import Ending, story_start
from cli.visits import Book
from services.console.domain.access import Role, Visitor
from shared.runtime.local_servers import _free_ports
from tests.conftest import fresh_database, fresh_vhost

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

SAM = "#phone-12125550160"
FRAMED, REFUSED = "Blocked autofocusing", "status of 409"
"""What the browser itself notes of a page inside another one, and of a wish that was refused."""


@pytest.fixture(scope="module")
async def playing(servers, template, tmp_path_factory):
    """The demo as its story leaves it, but for the story."""
    begin = story_start(datetime.now(UTC))
    names = [*(f"AFTERCARE_{name.upper()}_PORT" for name in (*SERVICES, "reception")), "SANDBOX_PORT"]
    with (
        pytest.MonkeyPatch.context() as patch,
        fresh_vhost(servers) as amqp_url,
        fresh_database(servers, template) as database_url,
    ):
        patch.setenv("AFTERCARE_AMQP_URL", amqp_url)
        patch.setenv("AFTERCARE_DATABASE_URL", database_url)
        for name, port in zip(names, _free_ports(len(names)), strict=True):
            patch.setenv(name, str(port))
        stack = await asyncio.to_thread(start_demo, tmp_path_factory.mktemp("home"), begin)
        try:
            async with (
                open_demo_reception(stack, Ending(begin, Book(), 0)) as reception,
                serving_reception(stack.environment, reception),
            ):
                yield stack
        finally:
            await asyncio.to_thread(stack.stop)


@pytest.fixture
def visit(chromium, playing):
    """Open a page of the sandbox; a complaint of its console fails the test."""

    @asynccontextmanager
    async def open_window(path="/", *, width=1280, height=900, locale="en-US", but=None):
        context = await chromium.new_context(viewport={"width": width, "height": height}, locale=locale)
        window = await context.new_page()
        complaints = []
        window.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        window.on("pageerror", lambda error: complaints.append(str(error)))
        await window.goto(playing.addresses["sandbox"] + path)
        yield window
        await context.close()
        assert [said for said in complaints if but is None or but not in said] == []

    return open_window


async def turn(window, name):
    """Press one of the clock's buttons and wait until the time has passed."""
    await window.get_by_role("button", name=name).click()
    await arrived(window)


async def arrived(window):
    await expect(window.locator("#remote .said")).not_to_contain_text("Time passes")
    await expect(window.locator("#remote")).to_have_attribute("aria-busy", "false", timeout=30_000)


async def book(window, *, name=None, days=2, at="10:00"):
    reception = window.locator("#reception")
    if name is not None:
        await reception.get_by_label("Name").fill(name)
    await reception.locator(".booking [name=day]").select_option(index=days)
    await reception.locator(".booking [name=time]").fill(at)
    await reception.get_by_role("button", name="Book", exact=True).click()


async def read(window, part, phone=SAM):
    await expect(window.locator(f"{phone} .theirs .bubble").filter(has_text=part).last).to_be_visible()


async def write(window, text, phone=SAM):
    await window.locator(f"{phone} textarea").fill(text)
    await window.locator(f"{phone} textarea").press("Enter")


async def test_a_visitor_is_the_patient_from_her_booking_to_the_page_about_her(playing, visit):
    link = await sign_in_link(
        playing.environment["AFTERCARE_DATABASE_URL"], playing.addresses["console"], Visitor("you", Role.ADMIN)
    )
    async with (
        visit() as window,
        visit(f"/side-by-side#sign-in={link.rpartition('/')[2]}", width=1700, but=FRAMED) as beside,
    ):
        console = beside.frame_locator("#console")
        await console.get_by_role("button", name="Open").click()
        await expect(console.locator("#live")).to_contain_text("Live")
        await expect(beside.frame_locator("#phones").get_by_role("heading", name="Reception")).to_be_visible()

        await book(window, name="Sam", days=3, at="11:00")
        await expect(window.locator("#reception .said")).to_contain_text("Booked.")
        await expect(window.locator("#reception .visits li")).to_contain_text("booked")
        await turn(window, "Next message")
        await expect(window.locator("#remote .said")).to_contain_text("one message")
        await turn(window, "+24 h")
        await read(window, "Reply C to confirm")
        await window.locator(SAM).get_by_role("button", name="C", exact=True).click()
        await read(window, "we will see you on")

        await window.get_by_role("button", name="Completed").click()
        await expect(window.locator("#reception .said")).to_contain_text("The visit took place", timeout=30_000)
        await expect(window.locator("#reception .visits .chip")).to_have_text("completed")
        await turn(window, "Next message")
        await read(window, "are you home and well")
        await window.locator(SAM).get_by_role("button", name="YES").click()
        await read(window, "glad you are home")
        await turn(window, "+24 h")
        await read(window, "how do you feel today")
        await write(window, "about a seven")
        await read(window, "we have noted your answer")

        await write(window, "I don't want to be alive anymore")
        await read(window, "call or text 988 now")
        await read(window, "waits for you", phone="#phone-12125550150")
        await expect(console.locator(".answer")).to_contain_text("nobody has taken the case on", timeout=15_000)
        await write(window, "1", phone="#phone-12125550150")
        await read(window, "Our care team has been alerted")


async def test_a_visit_is_moved_and_cancelled_and_what_cannot_be_is_refused(visit):
    async with visit(width=390, height=844, but=REFUSED) as window:
        reception, said = window.locator("#reception"), window.locator("#reception .said")
        await book(window, name="Lee", days=0, at="00:01")
        await expect(said).to_have_text("That time is over at the clinic. Choose a later one.")
        await reception.get_by_label("Number").fill("+1212")
        await book(window, name="Lee", days=5)
        await expect(window.locator("#reception .said")).not_to_contain_text("Booked")
        await reception.get_by_label("Number").fill("+12125550171")
        await book(window, name="Lee", days=5)
        await expect(said).to_contain_text("Booked.")
        await reception.get_by_text("Move", exact=True).press("Enter")
        await reception.locator(".mover").get_by_label("Day").select_option(index=6)
        await reception.locator(".mover").get_by_label("Time").fill("15:30")
        await reception.get_by_role("button", name="Move there").press("Enter")
        await expect(said).to_contain_text("Moved from")
        await expect(reception.locator(".visits .at")).to_contain_text("3:30 PM")
        await expect(window.get_by_label("Patient")).to_be_focused()
        await reception.get_by_role("button", name="Cancel").click()
        await expect(reception.locator(".visits .chip")).to_have_text("cancelled")
        assert await window.evaluate("document.documentElement.scrollWidth") <= 390


async def test_the_clock_says_what_it_waits_for_and_goes_on_afterwards(playing, visit, monkeypatch):
    monkeypatch.setattr(stage, "_SETTLED_WITHIN_S", 1.5)
    async with visit(but=REFUSED) as window:
        await book(window, name="Kim", days=3)
        await expect(window.locator("#reception .said")).to_contain_text("Booked.")
        await SandboxLine(playing.addresses["sandbox"]).post(
            "/sandbox/faults", {"kind": "slow_accept", "seconds": 5, "count": 1, "on": "messages"}
        )
        await window.get_by_role("button", name="Next message").click()
        await expect(window.locator("#remote .said.bad")).to_contain_text("a text whose outcome is not known yet")
        monkeypatch.undo()
        await turn(window, "+1 h")
        await expect(window.locator("#remote .said")).to_contain_text(re.compile("message"))


async def test_the_reception_and_the_clock_can_be_used_by_everybody(visit, axe):
    async with visit(locale="es-MX") as window:
        await expect(window.get_by_role("heading", name="Recepción")).to_be_visible()
        await window.get_by_text("Consentimiento y correo").click()
        for scheme in ("light", "dark"):
            await window.emulate_media(color_scheme=scheme)
            await window.evaluate(axe)
            found = await window.evaluate(
                "axe.run(document).then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`))"
            )
            assert found == []
