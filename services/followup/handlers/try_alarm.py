"""Try the way of an alarm once per shift: a synthetic alert that the person on call acknowledges (S-10, 3.4)."""

from dataclasses import dataclass

from services.followup.context import Context
from services.followup.domain.case import Case
from services.followup.handlers.page_case import page_next
from services.followup.store import cases
from shared.clinics.roster import OnCall, current_shift
from shared.kernel.clock import Clock
from shared.kernel.ids import digest
from shared.messages.safety import RAISED, Disposition, SafetyAlertRaised
from shared.postgres.database import Database
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.runtime.one_at_a_time import one_at_a_time

_MISSED = "nobody: the shift ended"


@dataclass(slots=True)
class TryAlarm:
    """The ticker of test pages."""

    database: Database
    clock: Clock
    context: Context

    async def run_once(self) -> int:
        """Page whoever is on call now, once per shift; return how many test pages went out."""
        now, sent = self.clock.now(), 0
        for clinic_id, clinic in self.context.clinics.clinics.items():
            shift = current_shift(clinic, now)
            if shift is not None:
                with one_at_a_time("a test page could not be planned", clinic_id=clinic_id):
                    async with unit_of_work(self.database, now=now) as unit:
                        sent += await try_alarm(unit, clinic_id, shift, context=self.context)
        return sent


async def try_alarm(unit: UnitOfWork, clinic_id: str, shift: OnCall, *, context: Context) -> bool:
    """Open the shift's test case and page about it; return False if that was done before."""
    case = Case(
        case_id=f"test-{digest(clinic_id, shift.starts_at.isoformat())[:10]}",
        clinic_id=clinic_id,
        thread=f"shift:{shift.starts_at:%Y-%m-%dT%H:%MZ}",
        patient_ref=None,
        tier="S1",
        rules=("synthetic",),
        opened_at=unit.now,
        clock_at=unit.now,
        is_drill=True,
    )
    new = await cases.insert(
        unit.connection, case, acknowledge_by=None, next_page_at=unit.now, shift_starts_at=shift.starts_at
    )
    if not new:
        return False
    for stale in await cases.stale_drills(unit.connection, clinic_id, but=shift.starts_at):
        await cases.close(
            unit.connection, stale, who=_MISSED, disposition=Disposition.NOT_REACHED_HANDED_ON, now=unit.now
        )
    await page_next(unit, case, context=context)
    unit.publish(
        RAISED,
        SafetyAlertRaised(
            clinic_id=clinic_id, case=case.case_id, tier="S1", rules=case.rules, automatic_text="none", drill=True
        ),
        subject=case.case_id,
    )
    return True
