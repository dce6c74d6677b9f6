"""A check-in and its answers as they stand: one item per text, over days and restarts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.followup.domain.instrument import INSTRUMENTS, Instrument
from services.followup.domain.schedule import CADENCE, Kind, Moment


class Status(StrEnum):
    """How far a check-in is along."""

    PLANNED = "planned"
    ASKING = "asking"
    COMPLETED = "completed"
    EXPIRED = "expired"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class CheckIn:
    """One asking, at one time, after one infusion."""

    checkin_id: str
    clinic_id: str
    patient_ref: str
    infusion_id: str
    moment: Moment
    status: Status
    due_at: datetime
    useless_at: datetime
    instrument_name: str | None = None
    version: str | None = None
    language: str = "en"
    item: int = 0
    asked_at: datetime | None = None
    sent_at: datetime | None = None
    first_sent_at: datetime | None = None
    nudged: bool = False
    clarified: bool = False
    handed_over: bool = False
    next_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None

    @property
    def kind(self) -> Kind:
        """What it asks."""
        return CADENCE[self.moment].kind

    @property
    def instrument(self) -> Instrument:
        """The instrument that it is asked with; only once it is asked."""
        assert self.instrument_name is not None
        assert self.version is not None
        return INSTRUMENTS[self.instrument_name, self.version]

    @property
    def subject(self) -> str:
        """The subject of the plan that asks it."""
        return subject_of(self.patient_ref)

    @property
    def key(self) -> str:
        """The key of the text that asks the open item."""
        return key_of(self.checkin_id, self.item)

    @property
    def is_sensitive(self) -> bool:
        """Whether the open item may be asked only while somebody can act."""
        return self.instrument.is_sensitive(self.item)


@dataclass(frozen=True, slots=True)
class Answer:
    """The value given for one item. Of a range, ``value`` is the worse end.

    ``last_said_at`` is when the same value was said last, where the patient said it twice.
    """

    item: int
    value: float
    value_to: float | None
    confidence: float
    provider_reference: str
    received_at: datetime
    latency_s: float
    last_said_at: datetime


def subject_of(patient_ref: str) -> str:
    """Return the subject of a patient's check-in plans."""
    return f"checkins:{patient_ref}"


def key_of(checkin_id: str, item: int) -> str:
    """Return the key of the text that asks an item."""
    return f"{checkin_id}/{item}"


def read_key(key: str) -> tuple[str, int] | None:
    """Return the check-in and item that a text asked, nudges and second askings included."""
    parts = key.split("/")
    if len(parts) < 2 or not parts[1].isdigit():
        return None
    return parts[0], int(parts[1])
