"""What a clinic asks about one patient: export, erase, and details put right by hand."""

from datetime import timedelta

import pytest

from cli.patient import write_export
from services.notifier.handlers.sweep_inbound import SweepInbound
from shared.kernel.errors import PermanentError, TransientError
from shared.messages.booking import RESCHEDULED
from shared.messages.patient import (
    CORRECT,
    ERASE,
    EXPORT,
    CorrectedConsent,
    CorrectPatient,
    ErasePatient,
    ExportPatient,
)
from shared.postgres import patient_requests
from tests.builders import ny

SECRETS = ("+12125550123", "Ana", "call me please")


async def patient_ref(rooms):
    return (await rooms.row("SELECT patient_ref FROM booking_events.patients"))["patient_ref"]


async def asked(rooms, kind, model, request_id="r-1", **details):
    ref = await patient_ref(rooms)
    request = model(clinic_id="harbor", patient_ref=ref, request_id=request_id, who="front desk", **details)
    return await rooms.say(kind, request, source="aftercare/cli")


async def exported(rooms, database, request_id):
    async with database.transaction() as connection:
        return await patient_requests.fetch_export(connection, database.sealer, request_id)


async def met(rooms):
    """A patient who was texted and has written back."""
    await rooms.book()
    await rooms.until(ny("2026-11-20 12:05"))
    await rooms.receive("call me please")


async def test_an_export_holds_all_that_was_said_and_can_be_fetched_once(rooms):
    await met(rooms)
    await asked(rooms, EXPORT, ExportPatient)
    booked, told = await exported(rooms, rooms.bookings, "r-1"), await exported(rooms, rooms.notifier, "r-1")
    assert (booked["details"][0]["phone"], booked["details"][0]["given_name"]) == ("+12125550123", "Ana")
    assert [item["booking_id"] for item in booked["appointments"]] == ["bk_1"]
    assert [text["text"] for text in told["texts"]] == ["call me please"]
    assert told["messages"][0]["values"]["clinic_name"] == "Harbor Clinic"
    assert await exported(rooms, rooms.notifier, "r-1") == {}
    assert (await rooms.row("SELECT who, kind FROM notifier.patient_requests")) == {
        "who": "front desk",
        "kind": "export",
    }


async def test_an_export_that_nobody_fetches_is_gone_after_a_day(rooms):
    await met(rooms)
    await asked(rooms, EXPORT, ExportPatient)
    for hours, left in ((23, 0), (25, 1)):
        async with rooms.notifier.transaction() as connection:
            now = rooms.clock.now() + timedelta(hours=hours)
            assert await patient_requests.forget_exports(connection, now=now) == left
    assert await exported(rooms, rooms.notifier, "r-1") == {}


async def test_the_texts_of_a_shared_number_are_nobodys_to_export_or_erase(rooms):
    await met(rooms)
    ref = await patient_ref(rooms)
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2"})
    for kind, model, request_id in ((EXPORT, ExportPatient, "r-1"), (ERASE, ErasePatient, "r-2")):
        request = model(clinic_id="harbor", patient_ref=ref, request_id=request_id, who="front desk")
        await rooms.say(kind, request)
    assert (await exported(rooms, rooms.notifier, "r-1"))["texts"] == []
    assert (await rooms.row("SELECT counts FROM notifier.patient_requests WHERE request_id = 'r-2'"))["counts"][
        "texts"
    ] == 0


async def test_after_an_erasure_nothing_leads_to_the_patient_and_nothing_is_sent(rooms):
    await met(rooms)
    sent = len(rooms.texts())
    await asked(rooms, ERASE, ErasePatient)
    await rooms.until(ny("2026-12-05 12:00"))
    assert len(rooms.texts()) == sent
    reasons = await rooms.rows("SELECT DISTINCT outcome, reason FROM notifier.messages WHERE outcome <> 'sent'")
    assert {(row["outcome"], row["reason"]) for row in reasons} == {("withdrawn", "erased")}
    await asked(rooms, EXPORT, ExportPatient, "r-2")
    left = [await exported(rooms, database, "r-2") for database in (rooms.bookings, rooms.notifier)]
    assert not [secret for secret in SECRETS if secret in str(left)]
    assert (await rooms.row("SELECT count(*) AS n FROM booking_events.aliases"))["n"] == 0


async def test_an_erased_text_is_not_taken_in_again_by_a_sweep(rooms):
    await met(rooms)
    await asked(rooms, ERASE, ErasePatient)
    assert await rooms.rows("SELECT 1 FROM notifier.inbound") != []
    sweep = SweepInbound(rooms.notifier, rooms.clock, rooms.context, back=timedelta(hours=26))
    await sweep.run_once()
    assert await rooms.carry() == []


async def test_a_closed_number_stays_closed_after_an_erasure(rooms):
    await rooms.book()
    await rooms.receive("STOP")
    await rooms.send()
    await asked(rooms, ERASE, ErasePatient)
    await rooms.book(
        RESCHEDULED, revision=2, starts_at="2026-12-06T10:00:00-05:00", ends_at="2026-12-06T12:00:00-05:00"
    )
    await rooms.until(ny("2026-12-07 12:00"))
    assert len(rooms.texts()) == 1


async def test_a_patient_who_books_again_is_a_patient_again(rooms):
    await met(rooms)
    ref = await patient_ref(rooms)
    await asked(rooms, ERASE, ErasePatient)
    rooms.clock.set(ny("2026-11-21 12:00"))
    await rooms.book(booking_id="bk_9", starts_at="2026-12-08T10:00:00-05:00", ends_at="2026-12-08T12:00:00-05:00")
    await rooms.until(ny("2026-11-21 12:05"))
    assert "Tue, Dec 8" in rooms.texts()[-1]
    assert await patient_ref(rooms) == ref


async def test_an_erasure_waits_for_a_message_that_is_under_way(rooms):
    await met(rooms)
    await rooms.reader.execute(
        "UPDATE notifier.messages SET state = 'sending' WHERE id = (SELECT max(id) FROM notifier.messages)"
    )
    with pytest.raises(TransientError):
        await asked(rooms, ERASE, ErasePatient)


async def test_a_corrected_number_holds_until_the_booking_system_says_another(rooms):
    await rooms.book()
    await asked(rooms, CORRECT, CorrectPatient, phone="(212) 555-0177", language="es")
    await rooms.until(ny("2026-11-20 12:05"))
    (first,) = rooms.sandbox.accepted()
    assert (first["to"], "su cita" in first["body"]) == ("+12125550177", True)
    await rooms.book(
        RESCHEDULED, revision=2, starts_at="2026-12-05T10:00:00-05:00", ends_at="2026-12-05T12:10:00-05:00"
    )
    await rooms.until(ny("2026-11-20 12:10"))
    assert rooms.sandbox.accepted()[-1]["to"] == "+12125550177"
    await rooms.book(
        RESCHEDULED,
        revision=3,
        starts_at="2026-12-06T10:00:00-05:00",
        ends_at="2026-12-06T12:10:00-05:00",
        patient={"phone": "+12125550188"},
    )
    await rooms.until(ny("2026-11-20 12:15"))
    last = rooms.sandbox.accepted()[-1]
    assert (last["to"], "su cita" in last["body"]) == ("+12125550188", True)


async def test_a_consent_that_was_taken_back_by_hand_holds(rooms):
    await rooms.book()
    await asked(rooms, CORRECT, CorrectPatient, consent=CorrectedConsent(reminders=False))
    await rooms.book(
        RESCHEDULED, revision=2, starts_at="2026-12-05T10:00:00-05:00", ends_at="2026-12-05T12:10:00-05:00"
    )
    await rooms.until(ny("2026-12-06 12:00"))
    assert rooms.texts() == []


@pytest.mark.parametrize(("details", "field"), [({"phone": "soon"}, "phone"), ({"email": "nowhere"}, "email")])
async def test_a_correction_that_cannot_be_used_is_refused(rooms, details, field):
    await rooms.book()
    with pytest.raises(PermanentError, match=f"data.{field}"):
        await asked(rooms, CORRECT, CorrectPatient, **details)


async def test_nobody_of_another_clinic_is_touched(rooms):
    await rooms.book()
    request = ErasePatient(clinic_id="mesa", patient_ref=await patient_ref(rooms), request_id="r-1", who="x")
    with pytest.raises(PermanentError, match="patient_ref"):
        await rooms.say(ERASE, request)


async def test_whoever_writes_from_an_erased_number_is_answered(rooms):  # S-1: a crisis text must be able to leave
    await met(rooms)
    await asked(rooms, ERASE, ErasePatient)
    told = len(rooms.texts())
    await rooms.receive("HELP")
    await rooms.send()
    assert len(rooms.texts()) == told + 1


async def test_an_export_is_its_owners_alone_even_where_a_file_was_open_to_everybody(tmp_path):  # I15
    path = tmp_path / "export.json"
    path.write_text("an earlier one", encoding="utf-8")
    path.chmod(0o644)
    await write_export(path, {"notifier": {}})
    assert path.stat().st_mode & 0o777 == 0o600
