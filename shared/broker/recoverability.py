"""What to do with a delivery that failed: pure decisions by kind of error."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.broker.topology import RETRY_DELAYS
from shared.kernel.errors import PermanentError, TransientError


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after a delay, in the retry queue of that name."""

    delay: str
    attempt: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Give up. ``cause`` is one of a closed list for metrics; ``reason`` tells a person what is wrong."""

    cause: str
    reason: str
    attempt: int


_TRANSIENT: Sequence[str] = ("1s", "10s", "1m", "1m", "10m", "10m", "10m")
_UNEXPECTED: Sequence[str] = ("1s", "10s", "1m")


def recover(error: Exception, *, attempt: int) -> Retry | DeadLetter:
    """Decide after the ``attempt``-th failure (1 is the first).

    A permanent error goes to the dead-letter queue at once; a transient one climbs a ladder of about half an hour; an
    error that nobody foresaw is probably a bug and gets three more tries in little over a minute.
    """
    if isinstance(error, PermanentError):
        return DeadLetter("refused", error.reason, attempt)
    transient = isinstance(error, TransientError)
    ladder = _TRANSIENT if transient else _UNEXPECTED
    if attempt <= len(ladder):
        return Retry(ladder[attempt - 1], attempt)
    cause = "exhausted" if transient else "unexpected"
    return DeadLetter(cause, f"{type(error).__name__} after {attempt} attempts", attempt)


assert set(_TRANSIENT) | set(_UNEXPECTED) <= RETRY_DELAYS.keys()


class Breaker:
    """Notices that everything starts to dead-letter: then the fault is ours, and going on would only fill the queue.

    Content that a booking system got wrong does not count: a bad feed must not stop the good ones.
    """

    def __init__(self, *, limit: int = 20) -> None:
        self._limit = limit
        self._in_a_row = 0

    @property
    def is_open(self) -> bool:
        """Whether to stop, and to probe with one delivery at a time."""
        return self._in_a_row >= self._limit

    def succeeded(self) -> None:
        """Count a delivery that was handled."""
        self._in_a_row = 0

    def gave_up(self) -> None:
        """Count a delivery that is about to be dead-lettered through a fault that may be ours."""
        self._in_a_row += 1
