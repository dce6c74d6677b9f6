"""Wall-clock arithmetic that survives both daylight-saving changes (DOMAIN.md R8)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


def resolve(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) of a wall-clock time.

    A time that happens twice is its first occurrence; a time that does not exist is the first one after the gap.
    """
    naive = datetime.combine(day, at.replace(tzinfo=None))
    early = naive.replace(tzinfo=zone, fold=0)
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == naive:
        return early.astimezone(UTC)
    return _end_of_gap(naive, zone)


def _end_of_gap(naive: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which the clocks jump over ``naive``."""
    # In a gap, fold=0 reads with the offset before the jump and fold=1 with the one after it: the jump lies between.
    low = naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def before(start: datetime, lead: timedelta, zone: ZoneInfo) -> datetime:
    """Return the instant ``lead`` before ``start``: whole days by the wall clock, the remainder as elapsed time.

    9:30 stays 9:30 across a daylight-saving change (R8): a reminder 24 h before a 9:30 visit goes out at 9:30.
    """
    days, remainder = divmod(lead, _DAY)
    local = start.astimezone(zone)
    anchor = resolve(local.date() - days * _DAY, local.time(), zone) if days else start.astimezone(UTC)
    return anchor - remainder


def after(start: datetime, lag: timedelta, zone: ZoneInfo) -> datetime:
    """Return the instant ``lag`` after ``start``: whole days by the wall clock, the remainder as elapsed time (R8)."""
    days, remainder = divmod(lag, _DAY)
    local = start.astimezone(zone)
    anchor = resolve(local.date() + days * _DAY, local.time(), zone) if days else start.astimezone(UTC)
    return anchor + remainder
