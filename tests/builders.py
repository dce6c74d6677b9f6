"""Small builders of the things that tests talk about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.booking_events.domain.appointment import Appointment, Identity, Order, OrderedBy, Status, Told
from services.booking_events.domain.patient import Patient
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinic, Clinics
from shared.messages.base import Consent
from shared.messages.booking import Booking, Modality, VisitKind

ROOT = Path(__file__).resolve().parents[1]
NEW_YORK = ZoneInfo("America/New_York")
PHONE = "+12125550123"


def example_clinics() -> Clinics:
    return load_clinics(ROOT / "config" / "clinic.example.toml")


def clinic(**changes: Any) -> Clinic:
    return Clinic.model_validate(
        {"name": "Harbor Clinic", "phone": "(212) 555-0100", "time_zone": "America/New_York", **changes}
    )


def ny(text: str) -> datetime:
    """Read a wall-clock time in New York, for example 2026-12-01 10:00."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def patient(**changes: Any) -> Patient:
    facts: dict[str, Any] = {
        "patient_ref": "pt_1",
        "clinic_id": "harbor",
        "phone": PHONE,
        "email": None,
        "given_name": "Ana",
        "language": "en",
        "time_zone": None,
        "consent": Consent(reminders=True),
        "as_of": ny("2026-11-01 12:00"),
    }
    return Patient(**{**facts, **changes})


def appointment(
    starts_at: datetime,
    *,
    booked_at: datetime,
    booking_id: str = "bk_1",
    revision: int = 1,
    status: Status = Status.BOOKED,
    kind: VisitKind = VisitKind.INFUSION,
    modality: Modality = Modality.IN_PERSON,
    told: Told | None = None,
    first_seen_at: datetime | None = None,
) -> Appointment:
    return Appointment(
        identity=Identity("harbor", "ehr", booking_id),
        patient_ref="pt_1",
        status=status,
        order=Order(OrderedBy.REVISION, revision),
        content=f"{booking_id}{revision}",
        visit_kind=kind,
        modality=modality,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=130),
        series=None,
        first_seen_at=first_seen_at or booked_at,
        timed_at=booked_at,
        changed_at=booked_at,
        told=told,
    )


def told(starts_at: datetime, status: Status = Status.BOOKED, modality: Modality = Modality.IN_PERSON) -> Told:
    return Told(status, starts_at, modality)


def booking_json(**changes: Any) -> dict[str, Any]:
    """Return the body of a booking event; ``patient`` is merged, everything else replaced."""
    base: dict[str, Any] = {
        "booking_id": "bk_1",
        "revision": 1,
        "clinic_id": "harbor",
        "visit_kind": "infusion",
        "modality": "in_person",
        "starts_at": "2026-12-04T10:00:00-05:00",
        "ends_at": "2026-12-04T12:10:00-05:00",
        "patient": {
            "patient_id": "p-1",
            "given_name": "Ana",
            "phone": PHONE,
            "language": "en",
            "time_zone": "America/New_York",
        },
        "consent": {"reminders": True},
    }
    base["patient"] |= changes.pop("patient", {})
    return base | changes


def booking(**changes: Any) -> Booking:
    return Booking.model_validate(booking_json(**changes))
