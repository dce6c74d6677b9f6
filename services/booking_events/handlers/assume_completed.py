"""Take infusions to have taken place once their end has passed and their feed never says how visits end."""

from services.booking_events import store
from services.booking_events.handlers.plan_reminders import plan_reminders
from shared.clinics.model import Clinics
from shared.kernel.clock import Clock
from shared.postgres.database import Database
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.runtime.one_at_a_time import one_at_a_time

_AT_ONCE = 100


class AssumeCompleted:
    """Takes patients with due endings, each in a transaction of its own."""

    def __init__(self, database: Database, clock: Clock, clinics: Clinics) -> None:
        self._database = database
        self._clock = clock
        self._clinics = clinics

    async def run_once(self) -> int:
        """Settle what is due; return for how many patients that went well."""
        async with self._database.connection() as connection:
            due = await store.patients_with_endings(connection, now=self._clock.now(), limit=_AT_ONCE)
        settled = 0
        for patient_ref in due:
            with one_at_a_time("a visit could not be taken to have taken place", patient_ref=patient_ref):
                async with unit_of_work(self._database, now=self._clock.now()) as unit:
                    await self._settle(unit, patient_ref)
                settled += 1
        return settled

    async def _settle(self, unit: UnitOfWork, patient_ref: str) -> None:
        known = await store.lock_patient(unit.connection, unit.sealer, patient_ref)
        for identity in await store.assume_endings(unit.connection, patient_ref, now=unit.now):
            await store.remember(
                unit.connection,
                "taken to have taken place",
                now=unit.now,
                patient_ref=patient_ref,
                clinic_id=identity.clinic_id,
                identity=identity,
            )
        if known is not None:
            await plan_reminders(unit, self._clinics, patient_ref)
