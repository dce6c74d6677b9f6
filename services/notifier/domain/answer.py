"""What a provider can answer to a request to send, in our words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.kernel.backoff import exponential


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message."""

    provider_reference: str
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Not processed; always safe to try again, after ``retry_after``."""

    retry_after: timedelta


@dataclass(frozen=True, slots=True)
class NotReached:
    """The request never left this machine; safe to try again."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Refused, with the provider's code."""

    code: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """The request left and no answer can be relied on: the message may or may not exist."""

    cause: str


Answer = Accepted | RateLimited | NotReached | Rejected | Unsure


def repeat_after(attempt: int) -> timedelta:
    """Return how long to wait before something urgent is sent again after its ``attempt``-th doubtful answer.

    The first repeat is at once. A provider that takes each and loses every answer must not bury a patient in texts.
    """
    return timedelta(seconds=exponential(attempt - 1, first=5.0, cap=120.0)) if attempt > 1 else timedelta(0)


class Remedy(StrEnum):
    """What helps against an error."""

    NONE = "none"
    RETRY_ONCE = "retry_once"
    RETRY_UNREACHABLE = "retry_unreachable"
    RETRY_LATER = "retry_later"
    SUPPRESS = "suppress"
    MARK_UNUSABLE = "mark_unusable"
    MARK_IF_REPEATED = "mark_if_repeated"
    STOP_SENDING = "stop_sending"


class TaskKind(StrEnum):
    """What the notifier asks people to do."""

    NUMBER_UNUSABLE = "number_unusable"
    ADDRESS_UNUSABLE = "address_unusable"
    PATIENT_NOT_REACHED = "patient_not_reached"
    PROVIDER_STOPPED = "provider_stopped"
    TEMPLATE_BROKEN = "template_broken"
    SENT_OR_NOT_UNKNOWN = "sent_or_not_unknown"
    POSSIBLE_DUPLICATE = "possible_duplicate"
    OPS_LOOK = "ops_look"
    LEGAL_LOOK = "legal_look"
    MAYBE_CANCELS_VISIT = "maybe_cancels_visit"
    WRONG_NUMBER = "wrong_number"
    REPLIES_NOT_READ = "replies_not_read"


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One row of the error table: what to do, and whom to tell."""

    remedy: Remedy
    task: TaskKind | None = None

    def retry_delay(self, resends: int) -> timedelta | None:
        """Return after how long to send again, given how often that was done; None for never."""
        ladder = {
            Remedy.RETRY_ONCE: (timedelta(minutes=5),),
            Remedy.RETRY_UNREACHABLE: (timedelta(minutes=30), timedelta(hours=2)),
            Remedy.RETRY_LATER: (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=1)),
        }.get(self.remedy, ())
        return ladder[resends] if resends < len(ladder) else None


@dataclass(frozen=True, slots=True)
class ListedText:
    """An inbound text in the provider's own list. ``sender`` is the number it was sent to: ours."""

    provider_reference: str
    phone: str
    sender: str
    text: str
    media: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SentText:
    """A text of ours in the provider's own list; ``text`` is empty where the provider keeps no words."""

    provider_reference: str
    phone: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderMessage:
    """A message in the provider's own list. ``body`` is None where the provider keeps no text."""

    provider_reference: str
    body: str | None
    created_at: datetime
    is_outbound: bool
