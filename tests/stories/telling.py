"""Stories told in the rooms: a booking system that speaks, a clock that steps, and the oracle that listens along."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.notifier.domain.state import DeliveryStatus
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinics
from shared.kernel.ids import new_id
from shared.messages import booking as events
from tests.builders import ROOT
from tests.chaos.journal import Patient, State, Status, Visit
from tests.chaos.oracle import CLINICS, Impairment, Text, Violation, judge
from tests.rooms import Rooms, open_rooms

_STATUS = {
    events.CREATED: Status.BOOKED,
    events.RESCHEDULED: Status.BOOKED,
    events.CANCELLED: Status.CANCELLED,
    events.COMPLETED: Status.OVER,
    events.NO_SHOW: Status.OVER,
}


def story_clinics() -> Clinics:
    """Return the clinics that the oracle knows."""
    return load_clinics(ROOT / "tests" / "chaos" / "clinics.toml")


@dataclass
class Telling:
    """One story of one or more patients."""

    rooms: Rooms
    patients: dict[str, Patient] = field(default_factory=dict)
    impaired: list[Impairment] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    _moment: float = 0.0
    _heard: int = 0

    @property
    def now(self) -> datetime:
        """The story's time."""
        return self.rooms.clock.now()

    def patient(self, number: int = 1, *, clinic: str = "harbor", time_zone: str | None = None) -> Patient:
        """Return a patient, making them up the first time."""
        phone = f"+1212555{number:04d}"
        made_up = Patient(phone, clinic, time_zone or CLINICS[clinic].time_zone)
        return self.patients.setdefault(phone, made_up)

    async def book(  # noqa: PLR0917 - reads as a sentence: who, which, when
        self,
        patient: Patient,
        booking: str,
        starts_at: datetime,
        revision: int = 1,
        event: str = events.CREATED,
        *,
        kind: str = "infusion",
        booked_at: datetime | None = None,
        announced: bool = True,
        event_id: str | None = None,
    ) -> None:
        """Let the booking system say something, and let it take effect."""
        starts_at = starts_at.astimezone(UTC)
        visit = patient.visits.setdefault(booking, Visit(announced=announced))
        visit.say(revision, State(_STATUS[event], starts_at, kind), at=self.now, moment=self._tick())
        await self.rooms.book(
            event,
            booking_id=booking,
            revision=revision,
            clinic_id=patient.clinic,
            visit_kind=kind,
            starts_at=starts_at.isoformat(),
            ends_at=(starts_at + timedelta(minutes=130)).isoformat(),
            patient={"patient_id": f"p{patient.phone}", "phone": patient.phone, "time_zone": patient.time_zone},
            time=booked_at,
            event_id=event_id or new_id(),
        )
        patient.settle(at=self.now, moment=self._tick())

    async def move(self, patient: Patient, booking: str, starts_at: datetime, revision: int, **more: str) -> None:
        """Let a visit be moved."""
        await self.book(patient, booking, starts_at, revision, events.RESCHEDULED, **more)  # type: ignore[arg-type]

    async def cancel(self, patient: Patient, booking: str, revision: int) -> None:
        """Let a visit be cancelled."""
        last = patient.visits[booking].stages[-1].state
        await self.book(patient, booking, last.starts_at, revision, events.CANCELLED, kind=last.kind)

    async def stop(self, patient: Patient) -> None:
        """Let a patient text STOP."""
        await self.rooms.receive("STOP", phone=patient.phone)
        patient.stopped = self._tick()

    async def send(self) -> None:
        """Let everything leave that is due now."""
        await self.rooms.settler.run_once()
        self._tick()
        await self.rooms.send()
        self.listen()

    async def until(self, moment: datetime) -> None:
        """Step the clock from one due message to the next, up to a moment."""
        while True:
            row = await self.rooms.row(
                "SELECT min(due_at) AS due FROM notifier.messages WHERE state IN ('planned', 'held') AND due_at > %s",
                self.now,
            )
            self.rooms.clock.set(min(row["due"], moment) if row["due"] else moment)
            await self.send()
            if self.now >= moment:
                return

    async def jump(self, moment: datetime) -> None:
        """Let nothing happen until a moment: everything was down."""
        self.impaired.append(Impairment(self.now, moment))
        self.rooms.clock.set(moment)
        await self.send()

    def listen(self) -> None:
        """Note what the provider has accepted since the last time."""
        accepted = self.rooms.sandbox.accepted()
        self.texts += [
            Text(entry["to"], entry["body"], self._moment, self.now, self.now) for entry in accepted[self._heard :]
        ]
        self._heard = len(accepted)

    def said_to(self, patient: Patient) -> list[str]:
        """Return the texts that a patient got, oldest first."""
        return [text.body for text in self.texts if text.to == patient.phone]

    async def outcomes(self) -> dict[str, tuple[str | None, str | None]]:
        """Return every planned message's outcome and reason, by key."""
        rows = await self.rooms.rows("SELECT key, outcome, reason FROM notifier.messages ORDER BY id")
        return {row["key"]: (row["outcome"], row["reason"]) for row in rows}

    async def end(self, moment: datetime) -> None:
        """Let time pass until everything planned is past its use; then nothing may be wrong."""
        await self.until(moment)
        broken = await self.broken()
        assert not broken, "\n".join(map(str, broken))

    async def broken(self) -> list[Violation]:
        """Return the rules that were broken, and the messages that have not exactly one outcome."""
        found = [
            violation
            for patient in self.patients.values()
            for violation in judge(
                patient,
                [text for text in self.texts if text.to == patient.phone],
                end=self.now,
                impaired=self.impaired,
            )
        ]
        rows = await self.rooms.rows("SELECT key, outcome, provider_reference FROM notifier.messages ORDER BY id")
        found += [Violation("no outcome", row["key"]) for row in rows if row["outcome"] is None]
        recorded = sorted(row["provider_reference"] for row in rows if row["outcome"] == DeliveryStatus.SENT)
        accepted = sorted(entry["sid"] for entry in self.rooms.sandbox.accepted())
        if recorded != accepted:
            found.append(Violation("not recorded", f"{len(accepted)} accepted, {len(recorded)} recorded as sent"))
        return found

    def _tick(self) -> float:
        self._moment += 1
        return self._moment


@asynccontextmanager
async def telling(database_url, sealer, *, now: str, zone: str = "America/New_York") -> AsyncIterator[Telling]:
    """Open rooms for a story that begins at a wall-clock time."""
    begin = at(now, zone).astimezone(ZoneInfo("America/New_York"))
    async with open_rooms(database_url, sealer, now=f"{begin:%Y-%m-%d %H:%M}", clinics=story_clinics()) as rooms:
        yield Telling(rooms)


def at(text: str, zone: str = "America/New_York") -> datetime:
    """Read a wall-clock time, for example 2026-12-01 10:00."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
