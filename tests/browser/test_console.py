"""The window in a real browser: every page, by sight of its words, on a desk and on a phone."""

import json

import pytest
from playwright.async_api import expect

from services.console.domain.access import Role
from tests.builders import ny
from tests.console.test_work import CASE, TASK, ask_to_read, commands, open_case, raise_task
from tests.waiting import until

PAGES = ["/", "/?hours=24", "/why", "/why?q=bk_1", "/dead-letters", "/upcoming", "/tasks", "/safety", f"/safety/{CASE}"]
PAGES += [f"/tasks/{TASK}"]
PAGES += ["/checkins", "/checkins/pt_1", "/runbook", "/audit", "/clinics/harbor/pause", "/?asked=pause"]


async def everything_goes_wrong(rooms, console):
    """Have something to show on every page, and a button wherever there is one."""
    await rooms.book()
    await rooms.receive("STOP")
    await console.dead_letter(body=b'{"source": "ehr", "data": {"clinic_id": "harbor"}}')
    await console.rows(
        """INSERT INTO notifier.pauses (scope, cause, paused_by) VALUES ('clinic:harbor', 'wrong_texts', 'nina'),
                  ('provider', '20003', NULL), ('email', '401', NULL) RETURNING 1"""
    )
    await console.rows(
        """INSERT INTO booking_events.turned_away (feed, reason, since, last_at)
           VALUES ('calcom', 'the signature is missing or wrong, or no secret is set', %s, %s) RETURNING 1""",
        *(ny("2026-11-20 11:00"), ny("2026-11-20 11:59")),
    )
    await console.rows("UPDATE booking_events.appointments SET changed_at = %s RETURNING 1", ny("2026-11-18 12:00"))
    await open_case(console)
    await raise_task(console)
    await ask_to_read(console)
    await score(console)


async def score(console):
    for day, total in enumerate((18, 12, 7)):
        await console.rows(
            """INSERT INTO followup.scores (score_id, clinic_id, patient_ref, taken_by, instrument, version, score, total,
                    at)
               VALUES (%s, 'harbor', 'pt_1', 'checkin', 'phq9', '1', '{"band": "moderate"}', %s, %s) RETURNING 1""",
            f"s{day}",
            total,
            ny(f"2026-11-1{day} 12:00"),
        )


async def test_every_page_opens_fits_and_complains_of_nothing(rooms, console, visit):
    await everything_goes_wrong(rooms, console)
    async with visit() as window:
        await expect(window.locator(".verdict")).to_contain_text("harbor was paused", timeout=10_000)
        for page in PAGES:
            answer = await window.goto(page)
            assert answer.status == 200, page
            assert await window.locator("h1").count() == 1, page
            for width in (390, 1280):
                await window.set_viewport_size({"width": width, "height": 860})
                wide = await window.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{page} is {wide} wide on a screen of {width}"


async def test_every_page_can_be_used_by_everybody(rooms, console, visit, axe):
    await everything_goes_wrong(rooms, console)
    async with visit() as window:
        await expect(window.locator(".verdict")).to_contain_text("harbor was paused", timeout=10_000)
        for page in PAGES:
            await window.goto(page)
            await window.evaluate(axe)
            for scheme, rules in (("light", "{}"), ("dark", "{runOnly: 'color-contrast'}")):  # else alike
                await window.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                found = await window.evaluate(
                    f"axe.run(document, {rules})"
                    ".then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`))"
                )
                assert found == [], f"{page} {scheme}"


async def test_the_first_page_says_whether_patients_are_told_and_follows_by_itself(console, visit):
    async with visit() as window:
        # No service runs in this test, and the page says so.
        await expect(window.locator(".verdict")).to_contain_text("Nobody reads the queue notifier.urgent")
        await expect(window.locator("#live")).to_contain_text("Live")
        await expect(window.locator("#queues tbody tr")).to_have_count(5)
        await console.dead_letter()
        await window.get_by_role("link", name="1 message could not be handled").click()
        await expect(window.locator("h1")).to_have_text("Dead letters")


async def test_the_live_figures_come_even_when_the_part_that_streams_them_arrives_last(visit):
    async with visit() as window:

        async def hold_back(route):
            await window.wait_for_function("window.htmx")
            # A turn of the page's own clock: whatever the library would start at once has started.
            await window.evaluate("() => new Promise(done => setTimeout(done, 50))")
            await route.continue_()

        await window.route("**/hx-sse*", hold_back)
        await window.reload()
        await expect(window.locator("#live")).to_contain_text("Live")


async def test_why_tells_a_patients_story_by_booking_and_by_number_without_showing_it(rooms, console, visit):
    await rooms.book()
    await rooms.send()
    async with visit() as window:
        await window.goto("/why")
        await window.keyboard.press("Tab")
        await window.keyboard.press("/")
        await window.locator("#q").fill("(212) 555-0123")
        await window.keyboard.press("Enter")
        await expect(window.locator(".line")).to_contain_text("booked")
        await expect(window.locator(".short")).to_contain_text("The next text is planned for")
        assert "5550123" not in (await window.content()).replace("-", "").replace(" ", "")
        await window.goto("/why?q=bk_1")
        await expect(window.locator(".story h2")).to_contain_text("America/New_York")
    looks = await console.rows("SELECT target FROM console.audit WHERE what = 'looked somebody up' ORDER BY id")
    assert [look["target"] for look in looks] == ["a phone number", "bk_1"]


async def test_a_dead_letter_is_read_masked_and_sent_back(console, visit):
    await console.dead_letter(json.dumps({"booking_id": "bk_9", "patient": {"given_name": "Zoe"}}).encode())
    async with visit() as window:

        async def listed():
            await window.goto("/dead-letters")
            return await window.get_by_role("link", name="data.consent: Field required").count()

        await until(listed, what="the letter on the page")
        await window.get_by_role("link", name="data.consent: Field required").click()
        await window.locator("tbody a").first.click()
        assert "Zoe" not in await window.content()
        await window.get_by_role("button", name="Reveal").click()
        await expect(window.locator(".fields")).to_contain_text("Zoe")
        await window.get_by_role("button", name="Send it again").click()
        await expect(window.get_by_role("status")).to_contain_text("1 letter is on its way back")

    async def sent():
        return await console.rows("SELECT 1 FROM console.dead_letters WHERE state = 'replayed'")

    await until(sent, what="the letter to be sent back")


async def test_without_scripts_everything_but_the_live_figures_works(console, visit):
    await console.dead_letter()
    async with visit(scripts=False) as window:

        async def listed():
            await window.goto("/dead-letters")
            return await window.get_by_role("button", name="Send it again").count()

        await until(listed, what="the letter on the page")
        await window.locator("summary").click()
        await window.get_by_label("Why may it be let go?").fill("a test booking")
        await window.get_by_role("button", name="Discard 1").click()
        await expect(window.get_by_role("status")).to_contain_text("1 letter is discarded")
        await window.get_by_role("button", name="dark").click()
        await expect(window.locator("html")).to_have_attribute("data-theme", "dark")


async def test_a_viewer_sees_no_button_that_would_refuse(console, visit):
    await console.dead_letter()
    async with visit(Role.VIEWER) as window:

        async def listed():
            await window.goto("/dead-letters")
            return await window.get_by_role("link", name="data.consent: Field required").count()

        await until(listed, what="the letter on the page")
        assert await window.get_by_role("button", name="Send").count() == 0
        assert await window.get_by_role("link", name="Audit").count() == 0


async def test_an_alert_is_found_on_the_first_page_and_taken_on(console, visit):
    await open_case(console)
    async with visit(Role.CLINICIAN) as window:
        await expect(window.locator(".answer")).to_contain_text("nobody has taken the case on", timeout=10_000)
        await window.get_by_role("link", name="Look").click()
        await window.get_by_role("button", name="I have it").click()
        await expect(window.get_by_role("status")).to_contain_text("in a moment")
        assert [kind for kind, _data in await commands(console)] == ["safety.acknowledge.v1"]
        # What followup does with the command; the page asks again by itself until it shows.
        await console.rows(
            "UPDATE followup.cases SET acknowledged_at = opened_at, acknowledged_by = 'ada' RETURNING case_id"
        )
        await expect(window.locator(".facts")).to_contain_text("in hand")


async def test_a_task_is_done_from_its_page(console, visit):
    await raise_task(console, due_by=ny("2026-11-20 15:00"))
    async with visit(Role.OPERATOR, width=390) as window:
        await window.goto("/tasks")
        await window.get_by_label("How it ended").select_option("read_and_nothing_to_do")
        await window.get_by_role("button", name="Done").click()
        await expect(window.get_by_role("status")).to_contain_text("Noted")
        await expect(window.locator(".empty")).to_contain_text("Nothing to do")


@pytest.mark.parametrize(("listed", "width"), [("/tasks", 1280), ("/checkins", 390)])
async def test_a_reply_is_read_and_its_task_done_by_the_keyboard_alone(console, visit, axe, listed, width):
    await ask_to_read(console)
    async with visit(Role.CLINICIAN, width=width) as window:
        await window.goto(listed)
        await window.get_by_role("button", name="Show the words and the number").focus()
        await window.keyboard.press("Enter")
        await expect(window.locator("blockquote")).to_contain_text("<b>I cannot go on</b>")
        assert await window.get_by_role("link", name="Call +12125550123").get_attribute("href") == "tel:+12125550123"
        assert await window.evaluate("document.documentElement.scrollWidth") <= width
        await window.evaluate(axe)
        assert await window.evaluate("axe.run(document).then(r => r.violations.map(v => v.id))") == []
        await window.get_by_label("How it ended").focus()
        await window.keyboard.press("ArrowDown")
        await window.keyboard.press("Tab")
        await window.keyboard.press("Enter")
        await expect(window.get_by_role("status")).to_contain_text("Noted")
        assert [kind for kind, _data in await commands(console)] == ["staff.task.done.v1"]
