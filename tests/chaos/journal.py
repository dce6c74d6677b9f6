"""What a booking system has said, and from when on it surely held.

Two kinds of time stand side by side: clinical time (datetimes), in which messages are due, and moments (any rising
number), which tell whether the provider was asked before or after something had taken effect.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Status(Enum):
    """What has become of a visit."""

    BOOKED = "booked"
    CANCELLED = "cancelled"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class State:
    """A visit as one event tells of it."""

    status: Status
    starts_at: datetime
    kind: str = "infusion"
    modality: str = "in_person"


@dataclass(frozen=True, slots=True)
class Stage:
    """A time in which a visit stood like this.

    It took effect somewhere between ``since`` and ``by`` (clinical), and between the moments ``begun`` and ``certain``;
    meanwhile it may have stood like any of ``meanwhile``.
    """

    state: State
    meanwhile: frozenset[State]
    since: datetime
    by: datetime
    begun: float
    certain: float


@dataclass(frozen=True, slots=True)
class _Said:
    revision: int
    state: State
    at: datetime
    moment: float

    @property
    def rank(self) -> tuple[int, bool]:
        """Higher revisions count; in the same one a cancellation does."""
        return self.revision, self.state.status is Status.CANCELLED


@dataclass(slots=True)
class Visit:
    """Everything that was said of one booking."""

    announced: bool = True
    stages: list[Stage] = field(default_factory=list)
    _newest: _Said | None = None
    _pending: list[_Said] = field(default_factory=list)

    def say(self, revision: int, state: State, *, at: datetime, moment: float) -> None:
        """Write down an event when it is published, in whatever order, as often as it is."""
        self._pending.append(_Said(revision, state, at, moment))

    def settle(self, *, at: datetime, moment: float) -> None:
        """Note that everything said so far has surely taken effect."""
        said, self._pending = self._pending, []
        before = self._newest
        fresh = [one for one in said if before is None or one.rank >= before.rank]
        if not fresh:
            return
        self._newest = max([*fresh, *([before] if before else [])], key=lambda one: one.rank)
        meanwhile = frozenset(one.state for one in fresh)
        if before is not None and meanwhile == {before.state}:
            return
        begun = min(fresh, key=lambda one: one.moment)
        self.stages.append(Stage(self._newest.state, meanwhile, begun.at, at, begun.moment, moment))

    def may_be(self, moment: float) -> set[State]:
        """Return how the visit may have stood at a moment; empty before anything was said."""
        certain = [stage for stage in self.stages if stage.certain <= moment]
        states = {certain[-1].state} if certain else set()
        for stage in self.stages:
            if stage.begun <= moment < stage.certain:
                states |= stage.meanwhile
        return states


@dataclass(slots=True)
class Patient:
    """A patient of the journal: one telephone, one clinic, their visits."""

    phone: str
    clinic: str
    time_zone: str
    visits: dict[str, Visit] = field(default_factory=dict)
    stopped: float | None = None
    """Moment from which on a STOP surely held."""

    def settle(self, *, at: datetime, moment: float) -> None:
        """Note that everything said so far of this patient's visits has surely taken effect."""
        for visit in self.visits.values():
            visit.settle(at=at, moment=moment)
