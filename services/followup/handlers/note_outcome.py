"""Note what became of our texts: a question runs from when it was sent, and what did not arrive needs a person."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.followup.context import Context, hours_of
from services.followup.domain.case import worst
from services.followup.domain.checkin import CheckIn, Status, read_key, subject_of
from services.followup.domain.schedule import close_at, nudge_at
from services.followup.handlers.answer_patient import answer_patient
from services.followup.handlers.page_case import case_of_subject, page_sooner
from services.followup.handlers.raise_case import raise_case
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.handlers.record_answer import Recorded, finish_without_last_item
from services.followup.handlers.run_checkins import close_unsent
from services.followup.handlers.sender import Sender
from services.followup.store import cases, checkins, patients, records
from shared.messages import outcome as events
from shared.messages.envelope import Envelope
from shared.messages.outcome import MessageOutcome
from shared.messages.plan import Recipient
from shared.postgres.unit_of_work import UnitOfWork

_NEVER_LEFT = (events.FAILED, events.DROPPED)
_OUR_OWN_WISH = "not_wanted"
_HEEDED = frozenset({"checkins", "safety", "pages"})
"""Kinds of subjects whose outcomes change something here."""


def touches(_envelope: Envelope, outcome: MessageOutcome) -> Iterable[str]:
    """Name what an outcome changes: its patient."""
    return (f"patient:{outcome.patient_ref}",)


def concerns(outcome: MessageOutcome) -> bool:
    """Return whether an outcome is of a question, a safety text or a page; the others are none of our business."""
    return outcome.subject.partition(":")[0] in _HEEDED


async def note_outcome(unit: UnitOfWork, envelope: Envelope, outcome: MessageOutcome, *, context: Context) -> None:
    """Note an outcome of ours."""
    kind = outcome.subject.partition(":")[0]
    if kind == "checkins" and outcome.subject == subject_of(outcome.patient_ref):
        await _note_question(unit, envelope, outcome, context=context)
    elif kind == "safety" and envelope.type in _NEVER_LEFT and outcome.reason != _OUR_OWN_WISH:
        await _note_blocked_safety_text(unit, outcome)
    elif kind == "pages" and envelope.type in _NEVER_LEFT and outcome.reason != _OUR_OWN_WISH:
        await _note_failed_page(unit, outcome)


async def _note_question(unit: UnitOfWork, envelope: Envelope, outcome: MessageOutcome, *, context: Context) -> None:
    named = read_key(outcome.key)
    checkin = await checkins.find(unit.connection, named[0]) if named else None
    if checkin is None or checkin.status is not Status.ASKING or checkin.key != outcome.key:
        return
    known = (await patients.find(unit.connection, unit.sealer, [checkin.patient_ref])).get(checkin.patient_ref)
    if known is None or known.recipient is None or checkin.sent_at is not None:
        return
    if envelope.type in _NEVER_LEFT:
        await _go_on_without(unit, checkin, known.recipient, outcome, context=context)
    elif envelope.type in (events.SENT, events.UNKNOWN):
        # Whoever cannot know whether a question arrived waits for the answer all the same.
        await note_sent(unit, checkin, envelope.time or unit.now, known.recipient, context=context)


async def note_sent(
    unit: UnitOfWork, checkin: CheckIn, sent_at: datetime, recipient: Recipient, *, context: Context
) -> CheckIn:
    """Let a question's clocks run from when it was sent."""
    first = checkin.first_sent_at or sent_at
    closes = close_at(checkin.kind, first)
    nudge = None
    if not checkin.nudged and not checkin.is_sensitive:
        nudge = nudge_at(sent_at, closes, hours_of(context.clinic(checkin.clinic_id), recipient))
    sent = replace(checkin, sent_at=sent_at, first_sent_at=first, next_at=nudge or closes)
    await checkins.save(unit.connection, [sent])
    return sent


async def _go_on_without(
    unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, outcome: MessageOutcome, *, context: Context
) -> None:
    records.remember(
        unit,
        "question not sent",
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        reference=checkin.checkin_id,
        detail=outcome.reason,
    )
    if checkin.is_sensitive:
        recorded = await finish_without_last_item(unit, checkin, recipient)
        await _thank(unit, checkin, recipient, recorded, context=context)
    else:
        await close_unsent(unit, checkin, recipient)


async def _thank(
    unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, recorded: Recorded, *, context: Context
) -> None:
    """Thank for a questionnaire that ended without its last item, and have somebody look where the rest says so."""
    found = worst(list(recorded.findings))
    if found is not None:
        sender = Sender(
            checkin.clinic_id, checkin.patient_ref, (), checkin.patient_ref, recipient.phone, checkin.language
        )
        await raise_case(
            unit,
            sender,
            found,
            text=f"(the answers of {checkin.moment})",
            provider_reference=checkin.checkin_id,
            received_at=unit.now,
            context=context,
        )
    if recorded.answer_with is not None:
        await answer_patient(
            unit,
            recorded.answer_with,
            clinic_id=checkin.clinic_id,
            patient_ref=checkin.patient_ref,
            recipient=recipient,
            reference=checkin.checkin_id,
            context=context,
        )


async def _note_blocked_safety_text(unit: UnitOfWork, outcome: MessageOutcome) -> None:
    """A person in danger got no text from us: somebody has to phone (3.3)."""
    case_id = outcome.key.partition("/")[0]
    case = await cases.find(unit.connection, case_id)
    if case is None or case.automatic_text == "blocked_opt_out":
        return
    await cases.note_text(unit.connection, case_id, "blocked_opt_out", tier=None, at=None)
    await raise_task(
        unit,
        TaskKind.PHONE_THE_PATIENT,
        clinic_id=case.clinic_id,
        patient_ref=case.patient_ref,
        cause=f"{case_id}:{outcome.key}",
        references={"case": case_id},
        due_by=unit.now,
    )
    if case.waits and case.tier != "S3":
        await page_sooner(unit, case)


async def _note_failed_page(unit: UnitOfWork, outcome: MessageOutcome) -> None:
    """A page that did not arrive is no page: the next person is paged at once."""
    case_id = case_of_subject(outcome.subject)
    case = await cases.find(unit.connection, case_id)
    if case is None or not case.waits:
        return
    records.remember(
        unit,
        "page not delivered",
        clinic_id=case.clinic_id,
        patient_ref=case.patient_ref,
        reference=case_id,
        detail=f"{outcome.channel}: {outcome.reason}",
    )
    if outcome.key.endswith("/text"):
        await page_sooner(unit, case)
