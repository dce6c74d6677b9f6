"""Where clinical time comes from. Only composition roots hold a clock; everything below them takes ``now``."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells clinical time: when messages are due, when windows open, when a reply is late."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)


class SteppedClock:
    """A clock that stands still until somebody moves it: for tests and previews."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware time")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the time last set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward; clinical time never runs backwards."""
        if by < timedelta(0):
            raise ValueError("a clock does not run backwards")
        self._now += by

    def set(self, to: datetime) -> None:
        """Move forward to ``to``."""
        self.advance(to - self._now)
