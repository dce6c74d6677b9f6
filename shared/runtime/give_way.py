"""What can wait gives way: while much that cannot wait comes in, it takes only a share of the time."""

import math
import time
from collections.abc import Callable

_CALM_BELOW = 15.0
_OVER_S = 1.0
_RESTS_FOR = 9.0
_LONGEST_REST_S = 1.0
_SHORTER_BY = 10
_BREATH_S = 0.015


class GiveWay:
    """Counts what cannot wait, and says how long what can should rest.

    Several processes and the database share few processors. Where patients' texts come in faster than
    ``_CALM_BELOW`` a second, the rest of the work pauses nine times as long as it worked: it goes on, at a tenth of
    its speed at least, and catches up afterwards.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._rate = 0.0
        self._at = monotonic()

    def urgent(self, count: int = 1) -> None:
        """Note that so many things that cannot wait have come."""
        self._rate = self._rate_now() + count / _OVER_S
        self._at = self._monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether more comes in than what can wait may disturb."""
        return self._rate_now() > _CALM_BELOW

    def rest_after(self, worked_s: float) -> float:
        """Return for how many seconds to rest after so many seconds of work that could have waited."""
        return min(worked_s * _RESTS_FOR, _LONGEST_REST_S) if self.is_busy else 0.0

    def at_once(self, most: int) -> int:
        """Return how many things that can wait to take on at once, of ``most``: a long piece would hold up others."""
        return max(1, most // _SHORTER_BY) if self.is_busy else most

    def breath_after(self, _worked_s: float) -> float:
        """Return for how many seconds to wait for company after work that cannot wait: more of it is then done at once.

        Handled one by one, what comes in so fast would cost more time than waiting for a few others does.
        """
        return _BREATH_S if self.is_busy else 0.0

    def _rate_now(self) -> float:
        # A count that fades within about a second: per second, as a steady stream leaves it.
        return self._rate * math.exp(-(self._monotonic() - self._at) / _OVER_S)
