"""When a text may be sent, in the recipient's own time zone (DOMAIN.md R2, 4.3)."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.kernel.local_time import resolve

_DAY = timedelta(days=1)
_ANSWER_OF_USE_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SendWindow:
    """Daily opening hours for texts: from ``opens`` until, but not including, ``closes``, by the local wall clock."""

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("a send window opens before it closes, on the same day")

    def contains(self, at: datetime, zone: ZoneInfo) -> bool:
        """Return whether a text may leave at the instant ``at``."""
        return self.opens <= at.astimezone(zone).time() < self.closes

    def next_opening(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return ``at`` itself inside the window, else the instant at which the window opens next (UTC)."""
        if self.contains(at, zone):
            return at.astimezone(UTC)
        local = at.astimezone(zone)
        day = local.date() if local.time() < self.opens else local.date() + _DAY
        return resolve(day, self.opens, zone)

    def answer_of_use_until(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return until when an answer to a text is of use: an hour, late at night from the next opening on (UTC)."""
        return self.next_opening(at, zone) + _ANSWER_OF_USE_FOR

    def last_before(self, at: datetime, zone: ZoneInfo, *, margin: timedelta) -> datetime:
        """Return ``at`` inside the window, else the instant ``margin`` before the closing that came last (UTC).

        The margin leaves room for a queue: after a hiccup, a text planned for the closing minute would wait until the
        next morning.
        """
        if self.contains(at, zone):
            return at.astimezone(UTC)
        local = at.astimezone(zone)
        day = local.date() if local.time() >= self.closes else local.date() - _DAY
        return resolve(day, self.closes, zone) - margin
