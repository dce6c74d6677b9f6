"""What a clinic's reception knows of patients and their visits, and the booking events that tell of it. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.broker.publisher import Publication
from shared.kernel.ids import new_id
from shared.messages.booking import CANCELLED, COMPLETED, NO_SHOW, VisitKind

LASTS = {
    VisitKind.INFUSION: timedelta(minutes=130),
    VisitKind.CONSULTATION: timedelta(minutes=50),
    VisitKind.FOLLOW_UP: timedelta(minutes=30),
}
STATUS_OF = {CANCELLED: "cancelled", COMPLETED: "completed", NO_SHOW: "no_show"}
_IN_A_SERIES = 6


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as the reception knows them."""

    patient_id: str
    name: str
    phone: str
    language: str = "en"
    email: str | None = None
    time_zone: str | None = None
    reminders: bool = True
    checkins: bool = True

    def as_page(self) -> dict[str, Any]:
        """Return what a page shows."""
        shown = asdict(self)
        return {name: shown[name] for name in ("name", "phone", "language", "email", "reminders", "checkins")}


@dataclass(frozen=True, slots=True)
class Visit:
    """One booking as of ``revision``."""

    booking_id: str
    clinic_id: str
    person: Person
    kind: VisitKind
    starts_at: datetime
    number: int | None = None
    """Which infusion of the course it is."""
    revision: int = 1
    status: str = "booked"

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.starts_at + LASTS[self.kind]

    def moved(self, to: datetime) -> "Visit":
        """Return the visit at another time, one revision later."""
        return replace(self, starts_at=to, revision=self.revision + 1)

    def ended(self, event: str) -> "Visit":
        """Return the visit as a cancellation, a completion or a no-show leaves it, one revision later."""
        return replace(self, status=STATUS_OF[event], revision=self.revision + 1)

    def booking(self) -> dict[str, Any]:
        """Return the whole booking, as a booking system publishes it."""
        person = self.person
        patient = {
            "patient_id": person.patient_id,
            "given_name": person.name,
            "phone": person.phone,
            "email": person.email,
            "language": person.language,
            "time_zone": person.time_zone,
        }
        return {
            "booking_id": self.booking_id,
            "revision": self.revision,
            "clinic_id": self.clinic_id,
            "visit_kind": self.kind,
            "modality": "in_person",
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "series": {"number": self.number, "of": _IN_A_SERIES} if self.number else None,
            "patient": {name: value for name, value in patient.items() if value is not None},
            "consent": {
                "reminders": person.reminders,
                "checkins": person.checkins,
                "email": person.email is not None,
            },
        }

    def as_page(self) -> dict[str, Any]:
        """Return what a page shows of it."""
        return {
            "id": self.booking_id,
            "phone": self.person.phone,
            "kind": self.kind,
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "status": self.status,
        }


@dataclass(slots=True)
class Book:
    """The visits that a reception has taken down, by booking id, in the order of their coming."""

    visits: dict[str, Visit] = field(default_factory=dict)

    def keep(self, visit: Visit) -> None:
        """Write a visit down as it is now; its patient's other visits learn the patient's newest details."""
        self.visits[visit.booking_id] = visit
        for other in self.visits.values():
            if other.person.phone == visit.person.phone:
                self.visits[other.booking_id] = replace(other, person=visit.person)

    def person(self, phone: str) -> Person | None:
        """Return the patient who holds a number, if one has had a visit."""
        return next((visit.person for visit in self.visits.values() if visit.person.phone == phone), None)

    def next_infusion(self, phone: str) -> int:
        """Return which infusion of the course the patient's next one is."""
        return 1 + sum(
            visit.kind is VisitKind.INFUSION and visit.status in ("booked", "completed")
            for visit in self.visits.values()
            if visit.person.phone == phone
        )

    def as_json(self) -> str:
        """Return everything in a form that ``read_book`` reads."""
        return json.dumps(
            [asdict(visit) | {"starts_at": visit.starts_at.isoformat()} for visit in self.visits.values()]
        )


def read_book(text: str) -> Book:
    """Read what ``Book.as_json`` wrote."""
    visits = (_read_visit(row) for row in json.loads(text))
    return Book({visit.booking_id: visit for visit in visits})


def _read_visit(row: Mapping[str, Any]) -> Visit:
    told = {"person": Person(**row["person"]), "kind": VisitKind(row["kind"])}
    return Visit(**{**row, **told, "starts_at": datetime.fromisoformat(row["starts_at"])})


def event_of(event: str, data: Mapping[str, Any], *, source: str, at: datetime) -> Publication:
    """Return a message to publish: an event that happened at ``at``, in an envelope of its own."""
    event_id = new_id()
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event,
        "time": at.isoformat(),
        "data": data,
    }
    return Publication(routing_key=event, body=json.dumps(envelope).encode(), message_id=event_id, type=event)
