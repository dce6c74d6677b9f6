"""Made-up patients, written by the product's own statements: some with an open question, some with a due reminder."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.measuring import zone_of_midday
from services.followup.context import Context
from services.followup.domain.checkin import CheckIn, Status
from services.followup.domain.instrument import MOOD
from services.followup.domain.schedule import Moment
from services.followup.handlers.ask_checkin import ask_first
from services.followup.handlers.note_outcome import note_sent
from services.followup.store import checkins
from services.followup.store import patients as followup_patients
from services.notifier.domain.equalise import equalise
from services.notifier.store import plans
from shared.clinics.model import Clinics
from shared.messages.base import Consent, Purpose
from shared.messages.envelope import Cause
from shared.messages.plan import MessagesPlan, PlannedMessage, Recipient
from shared.postgres.database import Connection, Database
from shared.postgres.sealing import Sealer
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.metrics import Metrics

CLINIC = "harbor"
_ASKED_AGO = timedelta(minutes=30)
_OF_USE_FOR = timedelta(hours=12)
_AT_ONCE = 200


def patient_of(number: int) -> str:
    """Return the reference of a made-up patient."""
    return f"pt_{number}"


def phone_of(number: int) -> str:
    """Return the telephone number of a made-up patient."""
    return f"+1212{5_000_000 + number}"


async def ask_moods(followup: Database, notifier: Database, clinics: Clinics, numbers: Sequence[int]) -> None:
    """Let patients have been asked how they are, half an hour ago: the question is sent and open."""
    now = datetime.now(UTC)
    context = Context(clinics, Metrics())
    # A few hundred at a time: a transaction may not take longer than the product allows its own.
    for some in (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE)):
        async with followup.transaction() as ours, notifier.transaction() as theirs:
            for number in some:
                recipient = _recipient(number, now)
                unit = UnitOfWork(ours, followup.sealer, now - _ASKED_AGO, "aftercare/followup", Cause())
                plan = await _ask_mood(unit, context, number, recipient, useless_at=now + _OF_USE_FOR)
                await _apply(theirs, notifier.sealer, plan)
            await theirs.execute(
                """UPDATE messages SET state = 'sent', outcome = 'sent', ended_at = %s, attempt = 1,
                          receipt = 'delivered', provider_reference = 'SM' || md5(subject)
                    WHERE state = 'planned' AND purpose = %s""",
                (now - _ASKED_AGO, Purpose.CHECKIN),
            )


async def _ask_mood(
    unit: UnitOfWork, context: Context, number: int, recipient: Recipient, *, useless_at: datetime
) -> MessagesPlan:
    ref = patient_of(number)
    await followup_patients.take_snapshot(
        unit.connection,
        unit.sealer,
        patient_ref=ref,
        clinic_id=CLINIC,
        revision=1,
        recipient=recipient,
        next_starts_at=None,
    )
    checkin = CheckIn(
        checkin_id=f"checkin-{number}",
        clinic_id=CLINIC,
        patient_ref=ref,
        infusion_id=f"bench/{number}",
        moment=Moment.DAY_1,
        status=Status.PLANNED,
        due_at=unit.now,
        useless_at=useless_at,
    )
    await ask_first(unit, checkin, MOOD, recipient, context=context)
    asked = await checkins.find(unit.connection, checkin.checkin_id)
    assert asked is not None
    await note_sent(unit, asked, unit.now, recipient, context=context)
    return MessagesPlan.model_validate(unit.outgoing[0].data)


async def plan_reminders(notifier: Database, numbers: Sequence[int]) -> None:
    """Let patients have a reminder, all due at the same moment: now, once the last of them is planned."""
    later = datetime.now(UTC) + timedelta(hours=1)
    for some in (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE)):
        async with notifier.transaction() as connection:
            for number in some:
                await _apply(connection, notifier.sealer, _reminder(number, later))
    async with notifier.transaction() as connection:
        await connection.execute(
            "UPDATE messages SET send_at = %(now)s, due_at = %(now)s WHERE state = 'planned' AND send_at = %(later)s",
            {"now": datetime.now(UTC), "later": later},
        )
        await plans.announce_due(connection)


def _reminder(number: int, now: datetime) -> MessagesPlan:
    starts_at = now + timedelta(hours=72)
    values: dict[str, Any] = {
        "clinic_name": "Harbor Clinic",
        "clinic_phone": "(212) 555-0100",
        "time_zone": zone_of_midday(now),
        "starts_at": starts_at.isoformat(),
        "visits": [{"starts_at": starts_at.isoformat(), "visit_kind": "follow_up", "modality": "in_person"}],
        "is_confirmed": False,
        "bookings": [f"bk_{number}"],
    }
    message = PlannedMessage(
        key="reminder_far",
        purpose=Purpose.REMINDER_FAR,
        template="reminder_far",
        values=values,
        send_at=now,
        expires_at=now + timedelta(hours=25),
    )
    return MessagesPlan(
        clinic_id=CLINIC,
        patient_ref=patient_of(number),
        subject=f"reminders:{patient_of(number)}",
        revision=1,
        recipient=_recipient(number, now),
        messages=(message,),
    )


async def _apply(connection: Connection, sealer: Sealer, plan: MessagesPlan) -> None:
    recipient_id = f"patient:{plan.clinic_id}:{plan.patient_ref}"
    await plans.accept_revision(connection, plan.subject, plan.revision, now=plan.recipient.as_of)
    await plans.save_recipient(connection, sealer, recipient_id, plan)
    await plans.insert_messages(connection, sealer, plan, recipient_id, equalise(plan, []).inserted, traceparent=None)


def _recipient(number: int, now: datetime) -> Recipient:
    return Recipient(
        phone=phone_of(number),
        time_zone=zone_of_midday(now),
        consent=Consent(reminders=True, checkins=True),
        as_of=now - _ASKED_AGO,
    )
