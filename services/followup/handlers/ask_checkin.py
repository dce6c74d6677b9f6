"""Ask, ask once more, and end check-ins: every text that a check-in sends is planned here."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.followup.context import Context, hours_of
from services.followup.domain.checkin import CheckIn, Status, key_of
from services.followup.domain.gate import COVER, SENSITIVE_FOR, Watch
from services.followup.domain.instrument import Instrument
from services.followup.domain.schedule import Kind
from services.followup.handlers.publish_plan import clinic_values, publish_plan
from services.followup.store import cases, checkins, records
from shared.clinics.model import Clinic
from shared.clinics.roster import current_shift, has_roster, is_covered
from shared.messages.base import JsonObject, Purpose
from shared.messages.checkin import EXPIRED, CheckinExpired
from shared.messages.plan import Expects, PlannedMessage, Recipient
from shared.postgres.unit_of_work import UnitOfWork

ANSWER_WITHIN = timedelta(hours=24)


async def watch_kept(unit: UnitOfWork, clinic_id: str, clinic: Clinic) -> Watch:
    """Look whether somebody would act on an answer about suicide now (3.4)."""
    shift = current_shift(clinic, unit.now)
    answered = shift is not None and await cases.test_page_answered(unit.connection, clinic_id, shift.starts_at)
    return Watch(has_roster(clinic), is_covered(clinic, unit.now, COVER), answered)


async def ask_first(
    unit: UnitOfWork, checkin: CheckIn, instrument: Instrument, recipient: Recipient, *, context: Context
) -> None:
    """Ask the first item."""
    asked = replace(
        checkin,
        status=Status.ASKING,
        instrument_name=instrument.name,
        version=instrument.version,
        language="es" if recipient.language.lower().startswith("es") else "en",
        item=1,
        asked_at=unit.now,
        next_at=checkin.useless_at,
    )
    await checkins.save(unit.connection, [asked])
    await publish_question(unit, asked, recipient, expires_at=checkin.useless_at, context=context)
    _remember(unit, asked, "check-in asked", f"{asked.moment} with {instrument.name}")


async def ask_next(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, *, context: Context) -> CheckIn:
    """Ask the next item, once the one before is answered; return the check-in as it now stands."""
    assert checkin.first_sent_at is not None
    closes = checkin.first_sent_at + ANSWER_WITHIN
    following = replace(
        checkin, item=checkin.item + 1, asked_at=unit.now, sent_at=None, clarified=False, next_at=closes
    )
    expires = closes
    if following.is_sensitive:
        expires = min(closes, unit.now + SENSITIVE_FOR)
    await checkins.save(unit.connection, [following])
    await publish_question(unit, following, recipient, expires_at=expires, context=context)
    return following


async def ask_once_more(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, *, context: Context) -> None:
    """Nudge, once (R11)."""
    assert checkin.next_at is not None
    await publish_question(unit, checkin, recipient, expires_at=checkin.next_at, variant="nudge", context=context)
    _remember(unit, checkin, "asked once more", checkin.moment)


async def ask_to_clarify(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, *, context: Context) -> None:
    """Say that the answer could not be read, once per item."""
    await checkins.save(unit.connection, [replace(checkin, clarified=True)])
    hours = hours_of(context.clinic(checkin.clinic_id), recipient)
    of_use = hours.window.answer_of_use_until(unit.now, hours.patient)
    expires = min(of_use, checkin.next_at or of_use)  # never past the question's own end
    await publish_question(unit, checkin, recipient, expires_at=expires, variant="again", context=context)
    _remember(unit, checkin, "asked to clarify", checkin.moment)


async def publish_question(
    unit: UnitOfWork,
    checkin: CheckIn,
    recipient: Recipient,
    *,
    expires_at: datetime,
    variant: str | None = None,
    context: Context,
) -> None:
    """Plan the text of the open item; every earlier question of the check-in is closed by it."""
    clinic = context.clinic(checkin.clinic_id)
    instrument = checkin.instrument
    values: JsonObject = {
        **clinic_values(clinic),
        "instrument": instrument.name,
        "item": checkin.item,
        "items": instrument.items,
        "variant": variant or "first",
    }
    grammar = instrument.grammar_of(checkin.item)
    message = PlannedMessage(
        key=f"{checkin.key}/{variant}" if variant else checkin.key,
        purpose=_purpose(checkin, variant),
        template=instrument.template,
        values=values,
        send_at=unit.now,
        expires_at=max(expires_at, unit.now + timedelta(minutes=2)),
        expects=Expects(grammar=grammar, until=max(expires_at, unit.now + ANSWER_WITHIN)),
    )
    await _plan(unit, checkin, recipient, [message], closes_below=checkin.item)


async def _plan(
    unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, messages: Sequence[PlannedMessage], *, closes_below: int
) -> None:
    await publish_plan(
        unit,
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        subject=checkin.subject,
        recipient=recipient,
        messages=messages,
        closed=closed_keys(checkin, below=closes_below),
    )


def _purpose(checkin: CheckIn, variant: str | None) -> Purpose:
    if variant == "again":
        return Purpose.ANSWER_REPLY
    if checkin.kind is Kind.HOME_SAFE:
        return Purpose.HOME_SAFE
    # A questionnaire counts once: by its first question. The others follow answers, and keep no distance.
    return Purpose.QUESTIONNAIRE_ITEM if checkin.item > 1 else Purpose.CHECKIN


def closed_keys(checkin: CheckIn, *, below: int) -> list[str]:
    """Return the keys of every question of a check-in up to, but not including, an item."""
    keys = []
    for item in range(1, below):
        key = key_of(checkin.checkin_id, item)
        keys += [key, f"{key}/nudge", f"{key}/again"]
    return keys


async def end_checkin(
    unit: UnitOfWork, checkin: CheckIn, status: Status, reason: str | None, *, recipient: Recipient | None
) -> CheckIn:
    """End a check-in: nothing more of it is sent, its questions are closed, and an unanswered one is told of (I9)."""
    ended = replace(checkin, status=status, reason=reason, next_at=None, ended_at=unit.now)
    await asyncio.gather(checkins.save(unit.connection, [ended]), _close(unit, ended, recipient=recipient))
    return ended


async def _close(unit: UnitOfWork, ended: CheckIn, *, recipient: Recipient | None) -> None:
    _remember(unit, ended, f"check-in {ended.status}", ended.reason or ended.moment)
    if ended.asked_at is None:
        return
    if ended.status is Status.EXPIRED:
        await _tell_expired(unit, ended, ended.reason or "no_response")
    if recipient is not None:
        await _plan(unit, ended, recipient, [], closes_below=ended.item + 1)


async def _tell_expired(unit: UnitOfWork, checkin: CheckIn, reason: str) -> None:
    answers = await checkins.answers_of(unit.connection, checkin.checkin_id)
    instrument = checkin.instrument
    unit.publish(
        EXPIRED,
        CheckinExpired(
            **about(checkin),
            items=tuple(answers[n].value if n in answers else None for n in range(1, instrument.items + 1)),
            reason=reason,
            expired_at=unit.now,
        ),
        subject=checkin.patient_ref,
    )


def about(checkin: CheckIn) -> JsonObject:
    """Return what every event of a check-in says."""
    return {
        "clinic_id": checkin.clinic_id,
        "patient_ref": checkin.patient_ref,
        "checkin_id": checkin.checkin_id,
        "infusion_id": checkin.infusion_id,
        "moment": checkin.moment,
        "instrument": checkin.instrument.name,
        "version": checkin.instrument.version,
        "language": checkin.language,
    }


def _remember(unit: UnitOfWork, checkin: CheckIn, what: str, detail: str) -> None:
    records.remember(
        unit,
        what,
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        reference=checkin.checkin_id,
        detail=detail,
    )
