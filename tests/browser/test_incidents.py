"""Five incidents as somebody meets them who is new to operations: on the first page, in words, and put right from there.

Everything runs: the services, the sandbox, real queues, the demo's clock. Each incident may take five clicks, from the first
page with its cause unknown to the act that mends it.
"""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from cli.people import sign_in_link
from services.console.domain.access import Role, Visitor
from shared.postgres.demo_clock import set_demo_clock
from tests.builders import ROOT, booking_json, ny
from tests.integration.stack import Running, own_place, running_stack
from tests.waiting import until

BEGIN = ny("2026-12-01 09:00")
MOST_CLICKS = 5
SEEN_WITHIN_MS = 20_000
OURS = "+15005550006"


@dataclass
class Incidents:
    """A running clinic whose clock the test moves, and people who look at it."""

    system: Running
    browser: object
    now: object = BEGIN

    async def move(self, **duration):
        """Let clinical time pass."""
        self.now += timedelta(**duration)
        await set_demo_clock(self.system.stack.environment["AFTERCARE_DATABASE_URL"], self.now)

    def booking(self, number, **changes):
        """Return a booking ten days ahead of the patient with a number."""
        starts = self.now + timedelta(days=10)
        patient = {"patient_id": f"p_{number}", "phone": f"+1212555{number:04d}"} | changes.pop("patient", {})
        times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=2)).isoformat()}
        return booking_json(booking_id=f"bk_{number}", patient=patient, **times, **changes)

    async def book(self, number, *, source="ehr", **changes):
        """Let a booking come in, and its confirmation be due."""
        await self.publish(self.booking(number, **changes), source=source)
        ref = f"SELECT count(*) FROM notifier.messages WHERE key LIKE '%/bk_{number}:%'"
        await until(lambda: self.counts(ref), within=20, what="the plan of a booking")
        await self.move(seconds=20)

    async def publish(self, data, *, source="ehr"):
        """Publish a booking as a feed does."""
        event = self.system.event(data, source=source, time=self.now.isoformat())
        await self.system.send(event)

    async def counts(self, query, least=1):
        return await self.system.count(query) >= least

    async def says(self, text, number):
        """Let a patient text in."""
        form = {"from": f"+1212555{number:04d}", "to": OURS, "body": text}
        await self.sandbox("POST", "/sandbox/inbound", form)

    async def sandbox(self, method, path, body=None):
        await self.system.call(
            method, "sandbox", path, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )

    async def texted(self, number):
        """Wait until a patient has got a text."""
        await self.system.texts_to([f"+1212555{number:04d}"])

    @asynccontextmanager
    async def person(self, role=Role.OPERATOR, name="nina", *, width=1280, scheme="light"):
        """Somebody who has just opened the first page."""
        console = self.system.stack.addresses["console"]
        context = await self.browser.new_context(
            viewport={"width": width, "height": 844}, base_url=console, color_scheme=scheme
        )
        window = await context.new_page()
        complaints = []
        window.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        window.on("pageerror", lambda error: complaints.append(str(error)))
        url = self.system.stack.environment["AFTERCARE_DATABASE_URL"]
        await window.goto(await sign_in_link(url, console, Visitor(name, role)))
        await window.get_by_role("button", name="Open").click()
        await window.wait_for_url(f"{console}/")
        person = Person(window)
        yield person
        assert await window.evaluate("document.documentElement.scrollWidth") <= width
        await context.close()
        assert complaints == []
        assert person.clicks <= MOST_CLICKS


@dataclass
class Person:
    """A person's eyes and hand. Every click counts."""

    window: Page
    clicks: int = 0

    async def sees(self, words, *, at=".verdict"):
        await expect(self.window.locator(at)).to_contain_text(words, timeout=SEEN_WITHIN_MS)

    async def no_longer_sees(self, words, *, at=".verdict"):
        await expect(self.window.locator(at)).not_to_contain_text(words, timeout=SEEN_WITHIN_MS)

    async def clicks_on(self, role, name, *, within="body"):
        self.clicks += 1
        await self.window.locator(within).get_by_role(role, name=name).first.click()

    async def chooses(self, label, value):
        self.clicks += 1
        await self.window.get_by_label(label).first.select_option(value)


@pytest.fixture(scope="module")
async def incidents(servers, template, chromium, tmp_path_factory):
    with own_place(servers, template) as place:
        async with running_stack(
            tmp_path_factory.mktemp("incidents"),
            **place,
            config=ROOT / "config" / "clinic.example.toml",
            management_url=servers.addresses.management_url,
            clock="demo",
            before_services=lambda url: asyncio.run(set_demo_clock(url, BEGIN)),
        ) as system:
            yield Incidents(system, chromium)


async def test_poison_from_a_bad_feed(incidents):
    for number in range(10, 14):
        data = incidents.booking(number)
        del data["consent"]
        await incidents.publish(data, source="newehr")
    async with incidents.person() as nina:
        await nina.sees("4 messages could not be handled: the feed newehr sent what we cannot read")
        await nina.clicks_on("link", "4 messages could not be handled")
        await nina.sees("data.consent: Field required", at=".group")
        await nina.sees("Ask whoever runs newehr to correct", at=".group")
        # The feed is corrected, and sends those bookings again.
        for number in range(10, 14):
            await incidents.publish(incidents.booking(number), source="newehr")
        await nina.window.locator("summary").click()
        nina.clicks += 1
        await nina.window.get_by_label("Why may they be let go?").fill("sent again, corrected")
        await nina.clicks_on("button", "Discard 4")
        await nina.sees("4 letters are discarded", at="main")
    await until(lambda: incidents.counts("SELECT count(*) FROM booking_events.appointments", 4), what="the bookings")


async def test_one_patient_asks_why_she_got_nothing(incidents):
    await incidents.sandbox("POST", "/sandbox/faults", {"kind": "undelivered", "to": "+12125550021", "code": 30006})
    await incidents.book(21)
    barred = "SELECT count(*) FROM notifier.suppressions WHERE kind = 'unusable'"
    await until(lambda: incidents.counts(barred), what="the receipt")
    async with incidents.person(width=390, scheme="dark") as nina:
        await nina.clicks_on("link", re.compile("^Why"), within="nav")
        await nina.window.locator("#q").fill("(212) 555-0021")
        await nina.clicks_on("button", "Ask")
        await nina.sees("The number takes no texts: a landline, or the carrier is out of reach (30006)", at=".short")
        await nina.clicks_on("link", "The number takes no texts: ask the patient for another")
        # She is phoned; her new number is entered in the booking system.
        await incidents.publish(incidents.booking(21, patient={"phone": "+12125550022"}) | {"revision": 2})
        await nina.chooses("How it ended", "mended_where_it_came_from")
        await nina.clicks_on("button", "Done")
        await nina.sees("Noted", at="main")
        await nina.window.goto("/why?q=bk_21")
        await nina.no_longer_sees("The number takes no texts:", at=".short .notice, .short > ul")
    # The other task, that she was not reached, is still somebody's: nothing was swept away with the first.
    async with incidents.person() as nina:
        await nina.window.goto("/tasks")
        await nina.sees("The patient was not reached: phone", at="main")


async def test_the_provider_is_down(incidents):
    await incidents.sandbox("DELETE", "/sandbox/faults")
    await incidents.sandbox("POST", "/sandbox/faults", {"kind": "401"})
    await incidents.book(31)
    async with incidents.person(width=390, scheme="dark") as nina:
        await nina.sees("The provider refuses us: our credentials are not accepted (20003)", at=".verdict .answer")
        await nina.clicks_on("link", "What to do", within=".verdict .next")
        await expect(nina.window.locator("h2:target")).to_have_text("All sending is paused")
        # Whoever keeps the account puts the token right.
        await incidents.sandbox("DELETE", "/sandbox/faults")
        await nina.clicks_on("link", "Now", within="nav")
        await nina.clicks_on("button", "Try now", within=".verdict")
        await nina.sees("the next message is tried at once", at="main")
        await nina.no_longer_sees("The provider refuses us")
    await incidents.texted(31)


async def test_a_clinic_is_paused_and_goes_on(incidents):
    async with incidents.person() as nina:
        await nina.clicks_on("link", "Pause harbor")
        await nina.chooses("Why", "wrong_texts")
        await nina.clicks_on("button", "Pause it")
        await nina.sees("by nina: its texts are wrong")
        await incidents.book(41)
        await nina.sees("1 message is held")
        await nina.clicks_on("button", "Resume harbor", within=".verdict")
        await nina.no_longer_sees("its texts are wrong")
    await incidents.texted(41)


async def test_a_safety_alert_that_nobody_takes(incidents):
    await incidents.book(51)
    await incidents.says("I want to kill myself", 51)
    open_case = "SELECT count(*) FROM followup.cases WHERE NOT is_drill AND closed_at IS NULL"
    await until(lambda: incidents.counts(open_case), within=20, what="a case")
    await incidents.move(minutes=16)
    async with incidents.person(Role.CLINICIAN, "dr.osei", width=390) as osei:
        await osei.sees("A patient may be in danger now (S1): nobody has taken the case on", at=".verdict .answer")
        await osei.clicks_on("link", "Look", within=".verdict")
        await osei.clicks_on("button", "I have it")
        await expect(osei.window.locator(".facts")).to_contain_text("in hand", timeout=SEEN_WITHIN_MS)
        await osei.sees("Dr. Osei", at=".people")
        await osei.chooses("What came of it", "reached_safe")
        await osei.clicks_on("button", "Close the case")
        await expect(osei.window.locator(".facts")).to_contain_text("reached, and safe", timeout=SEEN_WITHIN_MS)


async def test_a_booking_feed_falls_silent(incidents):
    await incidents.book(62, source="newehr")
    stranger = incidents.system.event(incidents.booking(61))
    await incidents.move(hours=4)
    for _ in range(2):
        await incidents.move(minutes=1)
        assert (await incidents.system.post_booking(stranger, secret="rotated on one side"))[0] == 401
    async with incidents.person() as nina:
        await nina.sees("No booking has come from ehr of harbor for")
        await nina.sees("what it posts is turned away (the signature is missing, wrong or too old)")
        await nina.clicks_on("link", "what to do", within=".verdict li:has-text('from ehr')")
        await expect(nina.window.locator("h2:target")).to_have_text("A feed is silent")
        await nina.clicks_on("link", "Now", within="nav")
        # The feed gets the right secret; its predecessor is no more.
        assert (await incidents.system.post_booking(stranger))[0] == 202
        await nina.no_longer_sees("from ehr of harbor")
        await nina.clicks_on("button", "Nothing more is to come from newehr")
        await nina.no_longer_sees("from newehr of harbor")
        await nina.sees("ended, says nina", at="#feeds")
