"""Keep which infusions a patient has had, and plan the check-ins that follow from them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from services.followup.context import Context, hours_of, kind_at
from services.followup.domain.checkin import CheckIn, Status
from services.followup.domain.schedule import (
    Infusion,
    Kind,
    Moment,
    asks_for_a_call_instead,
    checkin_id,
    plan_checkins,
)
from services.followup.handlers.ask_checkin import end_checkin
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.store import checkins, patients, records
from shared.clinics.model import Clinic
from shared.messages.envelope import Envelope
from shared.messages.infusions import PatientInfusions
from shared.postgres.unit_of_work import UnitOfWork

_EVERYTHING = timedelta(days=36500)
_JUST_NOW = timedelta(hours=12)


def touches(_envelope: Envelope, snapshot: PatientInfusions) -> Iterable[str]:
    """Name what a snapshot changes: its patient."""
    return (f"patient:{snapshot.patient_ref}",)


async def keep_infusions(
    unit: UnitOfWork, _envelope: Envelope, snapshot: PatientInfusions, *, context: Context
) -> None:
    """Take a snapshot in unless a later one was, and make the check-ins equal to what it asks for.

    Raises:
        PermanentError: an unknown clinic.
    """
    clinic = context.clinic(snapshot.clinic_id)
    taken = await patients.take_snapshot(
        unit.connection,
        unit.sealer,
        patient_ref=snapshot.patient_ref,
        clinic_id=snapshot.clinic_id,
        revision=snapshot.revision,
        recipient=snapshot.recipient,
        next_starts_at=snapshot.next_starts_at,
    )
    if not taken:
        return
    voided = set(snapshot.voided)
    infusions = [
        Infusion(one.infusion_id, one.started_at, one.ended_at)
        for one in snapshot.infusions
        if one.infusion_id not in voided
    ]
    await patients.save_infusions(unit.connection, snapshot.patient_ref, infusions)
    await _replan(unit, snapshot, infusions, clinic)


async def _replan(unit: UnitOfWork, snapshot: PatientInfusions, infusions: list[Infusion], clinic: Clinic) -> None:
    hours = hours_of(clinic, snapshot.recipient)
    ref = snapshot.patient_ref
    known = {
        one.checkin_id: one for one in await checkins.of_patients(unit.connection, [ref], since=unit.now - _EVERYTHING)
    }
    wished = {}
    for planned in plan_checkins(infusions, snapshot.next_starts_at, hours):
        if kind_at(clinic, planned.moment) is Kind.NOTHING:
            continue
        key = checkin_id(ref, planned.infusion_id, planned.moment)
        wished[key] = CheckIn(
            checkin_id=key,
            clinic_id=snapshot.clinic_id,
            patient_ref=ref,
            infusion_id=planned.infusion_id,
            moment=planned.moment,
            status=Status.PLANNED,
            due_at=planned.due_at,
            useless_at=planned.useless_at,
            next_at=planned.due_at,
        )
    new = [one for key, one in wished.items() if key not in known and one.useless_at > unit.now]
    moved = [
        replace(
            known[key],
            due_at=one.due_at,
            useless_at=one.useless_at,
            next_at=one.due_at,
            reason=None,
            status=Status.PLANNED,
            ended_at=None,
        )
        for key, one in wished.items()
        if key in known and _may_move(known[key]) and (known[key].due_at, known[key].status) != (one.due_at, one.status)
    ]
    await checkins.save(unit.connection, [*new, *moved])
    for one in new:
        await _tell(unit, one, "check-in planned")
    took_place = {infusion.infusion_id for infusion in infusions}
    for key, one in known.items():
        if key not in wished and one.status in (Status.PLANNED, Status.ASKING):
            reason = "superseded" if one.infusion_id in took_place else "voided"
            if one.status is Status.PLANNED or reason == "voided":
                await end_checkin(unit, one, Status.DROPPED, reason, recipient=snapshot.recipient)
    for infusion in infusions:
        if asks_for_a_call_instead(infusion, hours) and unit.now - infusion.ended_at < _JUST_NOW:
            await raise_task(
                unit,
                TaskKind.HOME_SAFE_BY_PHONE,
                clinic_id=snapshot.clinic_id,
                patient_ref=ref,
                cause=checkin_id(ref, infusion.infusion_id, Moment.HOME_SAFE),
                references={"infusion_id": infusion.infusion_id},
            )


def _may_move(checkin: CheckIn) -> bool:
    """Only what was not asked yet moves; what a snapshot once dropped may come back with a later one."""
    return checkin.status is Status.PLANNED or (
        checkin.status is Status.DROPPED and checkin.asked_at is None and checkin.reason in ("superseded", "voided")
    )


async def _tell(unit: UnitOfWork, checkin: CheckIn, what: str) -> None:
    records.remember(
        unit,
        what,
        clinic_id=checkin.clinic_id,
        patient_ref=checkin.patient_ref,
        reference=checkin.checkin_id,
        detail=f"{checkin.moment} for {checkin.due_at:%Y-%m-%d %H:%M} UTC",
    )
