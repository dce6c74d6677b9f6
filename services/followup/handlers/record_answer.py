"""Record the answer to an item: publish it, ask the next one or finish, and see whether it gives reason to look."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.followup.context import Context
from services.followup.domain.case import Finding
from services.followup.domain.checkin import Answer, CheckIn, Status
from services.followup.domain.conversation import Effect, OpenItem
from services.followup.domain.instrument import HOME_SAFE, MOOD, PHQ8, Instrument
from services.followup.domain.scoring import Baseline, is_low_mood, score
from services.followup.handlers.ask_checkin import about, ask_next, end_checkin, watch_kept
from services.followup.store import checkins, records
from shared.messages.checkin import ANSWERED, COMPLETED, CheckinAnswered, CheckinCompleted, Score
from shared.messages.plan import Recipient
from shared.postgres.unit_of_work import UnitOfWork

_OVERLAP = timedelta(days=14)
_NEEDS_HELP = 2
NOT_HOME_SAFE = Finding("M", ("not_home_safe",))
THANKS = frozenset({"answer_noted", "answer_noted_low", "answer_changed", "home_safe_noted"})
"""The texts that answer an accepted answer."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a reply gave for an item, and how surely it was read. Of a range, ``value`` is the worse end."""

    value: float
    value_to: float | None
    confidence: float
    provider_reference: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recorded answer leads to: the text that thanks for it, if any, and what it gives reason for."""

    answer_with: str | None
    findings: tuple[Finding, ...] = ()


async def record_answer(
    unit: UnitOfWork,
    item: OpenItem,
    value: Value,
    effect: Effect,
    recipient: Recipient,
    *,
    stops: bool,
    context: Context,
) -> Recorded:
    """Write an answer down, or a correction of it, and go on from there.

    ``stops``: the words beside it say that somebody must look first, so nothing more is asked.
    """
    checkin, corrects = item.checkin, effect is Effect.CORRECTS
    answer = Answer(
        item=item.item,
        value=value.value,
        value_to=value.value_to,
        confidence=value.confidence,
        provider_reference=value.provider_reference,
        received_at=value.received_at,
        latency_s=max(0.0, (value.received_at - item.sent_at).total_seconds()),
        last_said_at=value.received_at,
    )
    saving = checkins.save_answer(unit.connection, checkin.checkin_id, answer)
    _tell_answered(unit, checkin, answer, corrected=corrects)
    if checkin.instrument.items == 1 and not corrects:
        # Nothing that ends the check-in reads what is written: it needs not wait for it.
        _saved, recorded = await asyncio.gather(saving, _finish(unit, checkin, recipient, last=answer))
        return recorded
    await saving
    if corrects and checkin.status is not Status.COMPLETED:
        return Recorded("answer_changed")  # still being asked, or ended unfinished: there is no total to put right
    if corrects:
        return await _finish(unit, checkin, recipient, last=answer, corrected=True)
    if item.item < checkin.instrument.items and stops:
        await end_checkin(unit, checkin, Status.EXPIRED, "case_open", recipient=recipient)
        return Recorded(None)
    if item.item < checkin.instrument.items:
        return await _go_on(unit, checkin, recipient, context=context)
    return await _finish(unit, checkin, recipient, last=answer)


async def _go_on(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, *, context: Context) -> Recorded:
    """Ask the next item; the sensitive one only while somebody would act on it now, else finish without (3.4)."""
    if checkin.instrument.is_sensitive(checkin.item + 1):
        watch = await watch_kept(unit, checkin.clinic_id, context.clinic(checkin.clinic_id))
        if not watch.is_kept:
            return await finish_without_last_item(unit, checkin, recipient)
    await ask_next(unit, checkin, recipient, context=context)
    return Recorded(None)


async def finish_without_last_item(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient) -> Recorded:
    """Finish a PHQ-9 whose last item was not asked, as the PHQ-8 that it then is."""
    shorter = replace(checkin, instrument_name=PHQ8.name, version=PHQ8.version)
    return await _finish(unit, shorter, recipient)


async def _finish(
    unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, *, last: Answer | None = None, corrected: bool = False
) -> Recorded:
    instrument = checkin.instrument
    if last is not None and instrument.items == 1:
        answers = {last.item: last}
    else:
        answers = await checkins.answers_of(unit.connection, checkin.checkin_id)
    given = [answers.get(number) for number in range(1, instrument.items + 1)]
    values = tuple(answer.value if answer else None for answer in given)
    present = [answer for answer in given if answer is not None]
    answered_at = max(answer.received_at for answer in present)
    result, previous, _ended = await asyncio.gather(
        _score(unit, checkin, instrument, values, answered_at),
        checkins.previous_total(
            unit.connection, checkin.patient_ref, [MOOD.name], before=answered_at, but=checkin.checkin_id
        ),
        _end(unit, checkin, recipient, was_over=corrected),
    )
    _keep(unit, checkin, values, result, answered_at)
    unit.publish(
        COMPLETED,
        CheckinCompleted(
            **about(checkin),
            items=values,
            score=result,
            answered_at=answered_at,
            latency_s=max(0.0, (answered_at - (checkin.first_sent_at or answered_at)).total_seconds()),
            parse_confidence=min(answer.confidence for answer in present),
        ),
        subject=checkin.patient_ref,
    )
    findings = _findings(instrument, values, result, previous["total"] if previous else None)
    return Recorded(_thanks(instrument, findings, corrected=corrected), findings)


async def _end(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient, *, was_over: bool) -> None:
    if not was_over:
        await end_checkin(unit, checkin, Status.COMPLETED, None, recipient=recipient)


async def _score(
    unit: UnitOfWork, checkin: CheckIn, instrument: Instrument, values: tuple[float | None, ...], at: datetime
) -> Score:
    related = ["phq9", "phq8"] if instrument.remission_below else [instrument.name]
    row = await checkins.baseline_of(unit.connection, checkin.patient_ref, related)
    baseline = Baseline(row["instrument"], tuple(row["items"]) if row["items"] else None, row["total"]) if row else None
    overlaps = False
    if instrument.remission_below:
        last = await checkins.previous_total(
            unit.connection, checkin.patient_ref, related, before=at, but=checkin.checkin_id
        )
        overlaps = bool(last and at - last["at"] < _OVERLAP)
    return score(instrument, values, baseline, overlaps=overlaps)


def _keep(unit: UnitOfWork, checkin: CheckIn, values: tuple[float | None, ...], result: Score, at: datetime) -> None:
    instrument = checkin.instrument
    if instrument is not HOME_SAFE:  # an answer, but nothing to chart
        _keep_score(unit, checkin, values, result, at)
    records.remember(
        unit,
        "check-in scored",
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        reference=checkin.checkin_id,
        detail=f"{checkin.moment}, {instrument.name}, {len([v for v in values if v is not None])} items",
    )


def _keep_score(
    unit: UnitOfWork, checkin: CheckIn, values: tuple[float | None, ...], result: Score, at: datetime
) -> None:
    checkins.save_score(
        unit,
        score_id=checkin.checkin_id,
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        taken_by="checkin",
        moment=checkin.moment,
        instrument=checkin.instrument.name,
        version=checkin.instrument.version,
        items=values,
        score=result,
        at=at,
    )


def _findings(
    instrument: Instrument, values: tuple[float | None, ...], result: Score, previous_mood: float | None
) -> tuple[Finding, ...]:
    """Return what a finished check-in gives reason for (3.2, I7). What item 9 says, the reader has found already."""
    first = values[0]
    if instrument is MOOD and first is not None and is_low_mood(first, previous_mood):
        return (Finding("S3", ("low_mood",)),)
    if needs_help(instrument, first):
        return (NOT_HOME_SAFE,)
    if result.band == "severe":
        return (Finding("S3", ("severe_band",)),)
    return ()


def needs_help(instrument: Instrument, value: float | None) -> bool:
    """Return whether an answer says that somebody is not home and well: heard even when it comes late."""
    return instrument is HOME_SAFE and value == _NEEDS_HELP


def _thanks(instrument: Instrument, findings: tuple[Finding, ...], *, corrected: bool) -> str | None:
    if any(finding.tier != "S3" for finding in findings):
        return None  # the safety text is the answer
    if findings:
        return "answer_noted_low"
    if corrected:
        return "answer_changed"
    if instrument is HOME_SAFE:
        return "home_safe_noted"
    return "answer_noted"


def _tell_answered(unit: UnitOfWork, checkin: CheckIn, answer: Answer, *, corrected: bool) -> None:
    unit.publish(
        ANSWERED,
        CheckinAnswered(
            **about(checkin),
            item=answer.item,
            value=answer.value,
            value_to=answer.value_to,
            corrected=corrected,
            answered_at=answer.received_at,
            latency_s=answer.latency_s,
            parse_confidence=answer.confidence,
        ),
        subject=checkin.patient_ref,
    )
