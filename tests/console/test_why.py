"""The one search: whatever a person has in hand leads to the same story, in the patient's own time."""

from services.console.domain.access import Role
from tests.builders import ny


async def ask(console, asked):
    """Search as a person does, and follow where it leads."""
    async with console.visitor(Role.VIEWER) as nina:
        status, page = await nina.post("/why", q=asked)
        return (await nina.get(page))[1] if status == 303 else page


async def test_a_booking_a_patient_a_provider_reference_and_a_number_lead_to_the_same_story(rooms, console):
    await rooms.book(patient={"time_zone": "America/Denver"})
    await rooms.until(ny("2026-11-20 12:05"))
    (ref,) = await rooms.rows("SELECT patient_ref, provider_reference FROM notifier.messages WHERE outcome = 'sent'")
    numbers = ("+12125550123", "(212) 555-0123", "212.555.0123", "1 212 555 0123")
    for asked in ("bk_1", ref["patient_ref"], ref["provider_reference"], *numbers):
        page = await ask(console, asked)
        assert f"<code>{ref['patient_ref']}</code>" in page, asked
        assert "times in America/Denver" in page
        assert "The last text went out on Friday, Nov 20 2026 at 10:" in page  # noon in New York
        assert "5550123" not in page.replace("-", "").replace(" ", "").replace(".", "")
    assert "Nothing is known" in await ask(console, "bk_2")
    assert "No patient has that number" in await ask(console, "+12125550199")


async def test_what_keeps_texts_from_a_patient_is_said_first_and_what_follows_does_not_contradict_it(rooms, console):
    await rooms.book()
    await rooms.until(ny("2026-11-20 12:05"))
    await rooms.receive("STOP")
    page = await ask(console, "bk_1")
    assert "The patient texted STOP on Friday, Nov 20 2026 at 12:05: no texts go to that number." in page
    assert "as things stand it will be held" in page
    await rooms.receive("START")
    page = await ask(console, "bk_1")
    assert "texted STOP on" not in page
    assert "as things stand" not in page
    await console.rows("INSERT INTO notifier.pauses (scope, cause) VALUES ('provider', '20003') RETURNING 1")
    assert "Nothing is being sent to anybody: the provider refuses us" in await ask(console, "bk_1")
