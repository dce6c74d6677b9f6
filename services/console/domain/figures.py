"""What the window knows of the whole system at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.console.domain.backlog import Age


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One of our queues, with those in which its deliveries wait for the next try."""

    name: str
    depth: int
    retrying: int
    consumers: int
    rate_in: float
    rate_out: float
    oldest: Age | None
    history: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """Wanted messages whose time has come and that are not sent; the oldest has waited for ``late_for``."""

    count: int = 0
    late_for: timedelta = timedelta(0)
    sending: int = 0
    unknown: int = 0
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Minute:
    """What became of the messages that ended in one slice of time, by kind of outcome."""

    at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Pause:
    """What is not sent for now: ``scope`` is ``provider``, ``email`` or a clinic. Durations are of the machine's clock.

    A provider is tried again by itself in ``next_try``; a clinic is resumed by a person.
    """

    scope: str
    cause: str
    lasts: timedelta
    who: str | None = None
    next_try: timedelta | None = None
    held: int = 0


@dataclass(frozen=True, slots=True)
class Provider:
    """How the provider answered in the last quarter of an hour, latencies in seconds; ``newest``: its last answers."""

    answers: Mapping[str, int] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    newest: Sequence[str] = ()
    median_s: float | None = None
    slow_s: float | None = None
    pauses: Sequence[Pause] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A booking feed and when it was last heard of; ``ended_by`` said since that nothing more is to come from it.

    ``unread`` counts its dead letters: what it sent and nobody could read.
    """

    clinic_id: str
    source: str
    heard_at: datetime
    silence: timedelta
    is_silent: bool
    ended_by: str | None = None
    unread: int = 0


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Calls to a feed's webhook that are not let in, one after another since a time, and because of what."""

    feed: str
    reason: str
    since: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Letters:
    """Open dead letters that failed in the same way; ``sources`` are the senders that they name."""

    queue: str
    cause: str
    reason: str
    count: int
    sources: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outbox:
    """What a service has decided, but not yet put on the queue."""

    service: str
    waiting: int
    oldest_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Alerts:
    """Open safety cases; ``oldest_since``, ``act_by`` and the worst ``tier`` are of those that nobody has taken on."""

    open: int = 0
    unacknowledged: int = 0
    oldest_since: datetime | None = None
    act_by: datetime | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the first page shows. None: could not be asked."""

    at: datetime
    queues: Sequence[QueueLine] | None = None
    due: Due | None = None
    minutes: Sequence[Minute] = ()
    totals: Mapping[str, int] = field(default_factory=dict)
    drops: Mapping[str, int] = field(default_factory=dict)
    provider: Provider = Provider()
    paused_clinics: Sequence[Pause] = ()
    feeds: Sequence[Feed] = ()
    turned_away: Sequence[TurnedAway] = ()
    outboxes: Sequence[Outbox] = ()
    alerts: Alerts = Alerts()
    letters: Sequence[Letters] = ()
    open_tasks: int = 0
    overdue_tasks: int = 0
    complaints: Mapping[str, str] = field(default_factory=dict)

    @property
    def dead_letters(self) -> int:
        """How many dead letters wait for a decision."""
        return sum(group.count for group in self.letters)
