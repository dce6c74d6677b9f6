"""How long to wait before the next try, as pure values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A fixed ladder of waits: the n-th failure waits for the n-th rung, and past the last rung we give up."""

    delays: Sequence[timedelta]

    def delay_after(self, failures: int) -> timedelta | None:
        """Return the wait after the ``failures``-th failure (1 is the first), or None to give up."""
        if failures < 1:
            raise ValueError("count failures from 1")
        return self.delays[failures - 1] if failures <= len(self.delays) else None


def exponential(failures: int, *, first: float, cap: float, jitter: float = 0.0) -> float:
    """Return seconds to wait after the ``failures``-th failure: doubling from ``first`` up to ``cap``.

    ``jitter`` is a random number in [0, 1) that the caller draws; the wait shrinks by up to half with it, so that many
    processes that failed together do not return together.
    """
    wait: float = min(cap, first * 2 ** min(failures - 1, 30))
    return wait * (1 - jitter / 2)
