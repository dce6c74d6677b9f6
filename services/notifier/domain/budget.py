"""How many automated texts a patient may get, and how far apart (DOMAIN.md R7, RELIABILITY.md I11)."""

from collections.abc import Collection
from datetime import datetime, timedelta

WEEK = timedelta(days=7)
SERIES = timedelta(days=8)
_INFUSIONS_OF_A_SERIES = 3
_KEPT_SLOTS = 2


def is_in_series(visits: Collection[datetime]) -> bool:
    """Return whether three of these visits fall within eight days."""
    in_order = sorted(visits)
    return any(
        third - first <= SERIES for first, third in zip(in_order, in_order[_INFUSIONS_OF_A_SERIES - 1 :], strict=False)
    )


def slot_free_at(slots: Collection[datetime], *, weekly: int, may_use_last: bool, now: datetime) -> datetime:
    """Return when the next text may go: ``now`` if a slot is free, else when the oldest ones are a week old.

    The last two slots of a week are kept for what a patient needs most.
    """
    limit = max(1, weekly if may_use_last else weekly - _KEPT_SLOTS)
    recent = sorted(at for at in slots if at > now - WEEK)
    return now if len(recent) < limit else recent[len(recent) - limit] + WEEK
