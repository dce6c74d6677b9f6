"""The ticker of check-ins: ask what is due, ask once more what is unanswered, close what stays so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.followup.context import Context, kind_at
from services.followup.domain.case import PAGED_TIERS
from services.followup.domain.checkin import CheckIn, Status
from services.followup.domain.gate import Ask, judge_due
from services.followup.domain.schedule import Kind, close_at
from services.followup.domain.scoring import LOW_MOOD
from services.followup.handlers.ask_checkin import ask_first, ask_once_more, end_checkin, watch_kept
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.store import cases, checkins, patients
from services.followup.store.patients import Patient
from shared.kernel.clock import Clock
from shared.messages.plan import Recipient
from shared.postgres.database import Database, lock_in_order
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.runtime.one_at_a_time import one_at_a_time
from shared.telemetry import tracing

_BATCH = 50
_PUT_OFF = timedelta(minutes=15)


@dataclass(slots=True)
class RunCheckins:
    """Looks at every check-in whose time has come, each in a transaction of its own."""

    database: Database
    clock: Clock
    context: Context

    async def run_once(self) -> int:
        """Work through one batch; return how many were looked at."""
        now = self.clock.now()
        async with self.database.connection() as connection:
            waiting = await checkins.due(connection, now=now, limit=_BATCH)
        done = 0
        for checkin_id, patient_ref in waiting:
            with (
                one_at_a_time("a check-in could not be judged", patient_ref=patient_ref),
                tracing.span("check-in due", patient_ref=patient_ref),
            ):
                async with unit_of_work(self.database, now=now) as unit:
                    await lock_in_order(unit.connection, [f"patient:{patient_ref}"])
                    await run_checkin(unit, checkin_id, context=self.context)
                done += 1
        if done < len(waiting):
            await self._put_off(waiting)
        return done

    async def _put_off(self, waiting: Sequence[tuple[str, str]]) -> None:
        """Look at what failed again in a quarter of an hour, so that it is in nobody's way meanwhile."""
        now = self.clock.now()
        async with self.database.transaction() as connection:
            await checkins.put_off(connection, [one[0] for one in waiting], now=now, until=now + _PUT_OFF)


async def run_checkin(unit: UnitOfWork, checkin_id: str, *, context: Context) -> None:
    """Do what a check-in's time asks for, judged by what is true now."""
    checkin = await checkins.find(unit.connection, checkin_id)
    if checkin is None or checkin.next_at is None or checkin.next_at > unit.now:
        return
    known = (await patients.find(unit.connection, unit.sealer, [checkin.patient_ref])).get(checkin.patient_ref)
    if known is None or known.recipient is None or context.clinics.get(checkin.clinic_id) is None:
        await end_checkin(unit, checkin, Status.DROPPED, "no_recipient", recipient=None)
    elif checkin.status is Status.PLANNED:
        await _judge(unit, checkin, known, known.recipient, context=context)
    elif checkin.sent_at is None:
        await close_unsent(unit, checkin, known.recipient)
    elif not checkin.nudged and not checkin.is_sensitive and unit.now < _close_at(checkin):
        await checkins.save(unit.connection, [nudged := replace(checkin, nudged=True, next_at=_close_at(checkin))])
        await ask_once_more(unit, nudged, known.recipient, context=context)
    else:
        await _close_unanswered(unit, checkin, known.recipient)


def _close_at(checkin: CheckIn) -> datetime:
    assert checkin.first_sent_at is not None
    return close_at(checkin.kind, checkin.first_sent_at)


async def _judge(
    unit: UnitOfWork, checkin: CheckIn, patient: Patient, recipient: Recipient, *, context: Context
) -> None:
    clinic = context.clinic(checkin.clinic_id)
    verdict = judge_due(
        kind_at(clinic, checkin.moment),
        useless_at=checkin.useless_at,
        next_starts_at=patient.next_starts_at,
        agreed=recipient.consent.checkins,
        has_open_case=await cases.has_open(unit.connection, checkin.clinic_id, checkin.patient_ref, PAGED_TIERS),
        watch=await watch_kept(unit, checkin.clinic_id, clinic),
        now=unit.now,
    )
    if isinstance(verdict, Ask):
        for other in await checkins.of_patients(unit.connection, [checkin.patient_ref], since=unit.now):
            if other.status is Status.ASKING:
                await end_checkin(unit, other, Status.EXPIRED, "replaced", recipient=None)
        await ask_first(unit, checkin, verdict.instrument, recipient, context=context)
        return
    await end_checkin(unit, checkin, Status.DROPPED, verdict.reason, recipient=None)
    if verdict.reason == "no_roster":
        await raise_task(
            unit, TaskKind.NO_ROSTER, clinic_id=checkin.clinic_id, patient_ref=None, cause=checkin.clinic_id
        )
    elif checkin.kind is Kind.HOME_SAFE and verdict.reason != "no_consent":
        await _phone_instead(unit, checkin)


async def close_unsent(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient) -> None:
    """End a check-in whose open question did not leave: nothing was asked, or the rest of it could not be."""
    status = Status.DROPPED if checkin.first_sent_at is None else Status.EXPIRED
    await end_checkin(unit, checkin, status, "not_sent", recipient=recipient)
    if checkin.kind is Kind.HOME_SAFE:
        await _phone_instead(unit, checkin)


async def _close_unanswered(unit: UnitOfWork, checkin: CheckIn, recipient: Recipient) -> None:
    """Silence is never scored (R11); where it matters, a person is told."""
    await end_checkin(unit, checkin, Status.EXPIRED, "no_response", recipient=recipient)
    if checkin.kind is Kind.HOME_SAFE:
        await _phone_instead(unit, checkin)
    elif checkin.is_sensitive:
        await raise_task(
            unit,
            TaskKind.LAST_ITEM_UNANSWERED,
            clinic_id=checkin.clinic_id,
            patient_ref=checkin.patient_ref,
            cause=checkin.checkin_id,
        )
    if await _is_silent_after_a_low_score(unit, checkin):
        await raise_task(
            unit,
            TaskKind.SILENT_AFTER_LOW_SCORE,
            clinic_id=checkin.clinic_id,
            patient_ref=checkin.patient_ref,
            cause=checkin.checkin_id,
        )


async def _is_silent_after_a_low_score(unit: UnitOfWork, checkin: CheckIn) -> bool:
    endings = await checkins.last_endings(unit.connection, checkin.patient_ref, limit=2)
    if endings != ["no_response", "no_response"]:
        return False
    mood = await checkins.previous_total(unit.connection, checkin.patient_ref, ["mood"], before=unit.now, but="")
    scores = await checkins.previous_total(
        unit.connection, checkin.patient_ref, ["phq9", "phq8"], before=unit.now, but=""
    )
    return bool((mood and mood["total"] <= LOW_MOOD) or (scores and scores["band"] == "severe"))


async def _phone_instead(unit: UnitOfWork, checkin: CheckIn) -> None:
    await raise_task(
        unit,
        TaskKind.HOME_SAFE_BY_PHONE,
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        cause=checkin.checkin_id,
        references={"infusion_id": checkin.infusion_id},
    )
