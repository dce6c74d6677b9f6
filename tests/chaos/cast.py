"""Patients and their booking system: what is said of them goes to the system and into the journal alike."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import time
from zoneinfo import ZoneInfo

from shared.kernel.ids import new_id
from shared.messages import booking as events
from tests.chaos.journal import Patient, State, Status, Visit
from tests.chaos.oracle import CLINICS, Impairment, Violation, judge
from tests.chaos.world import World

_LENGTH = timedelta(minutes=130)
_AREAS = (212, 313, 414, 515, 616, 718, 802, 903, 970, 989)


class StuckError(Exception):
    """Something does not come to an end: there is no point in going on."""


@dataclass
class Event:
    """One booking event, ready to be published as often as one likes."""

    type: str
    id: str
    data: dict


@dataclass
class Cast:
    """The patients of one run. ``tag`` (two digits) keeps their telephones apart from those of other runs."""

    world: World
    tag: int
    within: float = 40.0
    """Seconds after which waiting is given up, and said so."""
    patients: dict[str, Patient] = field(default_factory=dict)
    impaired: list[Impairment] = field(default_factory=list)
    stuck: list[Violation] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)
    spoken: list[Event] = field(default_factory=list)

    def patient(self, number: int, *, clinic: str = "harbor", time_zone: str | None = None) -> Patient:
        """Make a patient up, or return them."""
        phone = f"+1{_AREAS[self.tag // 10]}55{self.tag % 10}{number:04d}"
        made_up = Patient(phone, clinic, time_zone or CLINICS[clinic].time_zone)
        return self.patients.setdefault(phone, made_up)

    def event(  # noqa: PLR0917 - reads as a sentence: what, of whom, which, when
        self,
        event_type: str,
        patient: Patient,
        name: str,
        starts_at: datetime,
        revision: int | None = None,
        *,
        kind: str = "infusion",
    ) -> Event:
        """Write an event of a visit into the journal, as of now; by default with the next revision."""
        booking = f"{name}{patient.phone}"
        if revision is None:
            revision = self.revisions[booking] = self.revisions.get(booking, 0) + 1
        visit = patient.visits.setdefault(booking, Visit())
        visit.say(revision, State(_STATUS[event_type], starts_at, kind), at=self.world.now, moment=time())
        data = {
            "booking_id": booking,
            "revision": revision,
            "clinic_id": patient.clinic,
            "visit_kind": kind,
            "modality": "in_person",
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + _LENGTH).isoformat(),
            "patient": {"patient_id": patient.phone, "phone": patient.phone, "time_zone": patient.time_zone},
            "consent": {"reminders": True},
        }
        event = Event(event_type, new_id(), data)
        self.spoken.append(event)
        return event

    async def book(self, patient: Patient, name: str, starts_at: datetime, **more: str) -> Event:
        """Let a visit be booked, or moved if it is known."""
        known = f"{name}{patient.phone}" in patient.visits
        return await self._say(events.RESCHEDULED if known else events.CREATED, patient, name, starts_at, **more)

    async def cancel(self, patient: Patient, name: str) -> Event:
        """Let a visit be cancelled."""
        last = patient.visits[f"{name}{patient.phone}"].stages[-1].state
        return await self._say(events.CANCELLED, patient, name, last.starts_at, kind=last.kind)

    async def _say(self, event_type: str, patient: Patient, name: str, starts_at: datetime, **more: str) -> Event:
        event = self.event(event_type, patient, name, starts_at, **more)
        await self.publish([event])
        return event

    async def publish(self, some: Iterable[Event], *, again: int = 1) -> None:
        """Publish events in this order."""
        for event in some:
            await self.world.publish(event.type, event.id, event.data, again=again)

    async def tamper(self, event: Event, starts_at: datetime) -> None:
        """Publish another content under the id of an event that has taken effect: it may have none."""
        data = {
            **event.data,
            "revision": event.data["revision"] + 1000,
            "starts_at": starts_at.isoformat(),
            "ends_at": None,
        }
        await self.world.publish(event.type, event.id, data, tampered=True)

    async def settle(self) -> None:
        """Wait until everything said has surely taken effect."""
        self._note(await self.world.taken_in(within=self.within))
        moment = await self.world.certain_from()
        for patient in self.patients.values():
            patient.settle(at=self.world.now, moment=moment)

    async def step(self, to: datetime) -> None:
        """Step the clock, and wait until all that is due then has been decided."""
        await self.world.set_clock(to)
        self._note(await self.world.quiet(within=self.within))

    async def stop(self, patient: Patient) -> None:
        """Let a patient text STOP."""
        await self.world.text_in(patient.phone, "STOP")
        patient.stopped = await self.world.certain_from()

    def excuse(self, since: datetime) -> None:
        """Note that from ``since`` until now nothing could be expected to leave."""
        self.impaired.append(Impairment(since, self.world.now))

    async def verdict(self) -> list[Violation]:
        """Return every rule that was broken towards these patients."""
        texts = await self.world.texts()
        found = list(self.stuck)
        for patient in self.patients.values():
            own = [text for text in texts if text.to == patient.phone]
            found += judge(patient, own, end=self.world.now, impaired=self.impaired)
        return found

    def _note(self, stuck: Violation | None) -> None:
        if stuck is not None:
            self.stuck.append(stuck)
            raise StuckError(stuck)


_STATUS = {
    events.CREATED: Status.BOOKED,
    events.RESCHEDULED: Status.BOOKED,
    events.CANCELLED: Status.CANCELLED,
    events.COMPLETED: Status.OVER,
    events.NO_SHOW: Status.OVER,
}


def local(clinic: str, day: datetime, clock: str) -> datetime:
    """Return a time on a clinic's clock, on the day that ``day`` falls on there."""
    zone = ZoneInfo(CLINICS[clinic].time_zone)
    hour, minute = map(int, clock.split(":"))
    return day.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0)
