"""When the silence of a booking feed is worth a look."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.kernel.local_time import resolve

QUIET_FOR = timedelta(hours=3)
"""A clinic that works and books, moves or cancels nothing for this long probably has a broken feed."""
_OPENS, _CLOSES = time(9), time(17)
_LONGEST_LOOK = 14


def working_silence(heard_at: datetime, now: datetime, zone: ZoneInfo) -> timedelta:
    """Return how much working time (Monday to Friday, 9 to 17, the clinic's clock) has passed since ``heard_at``."""
    silence = timedelta(0)
    day = heard_at.astimezone(zone).date()
    last = now.astimezone(zone).date()
    if (last - day).days > _LONGEST_LOOK:
        return (_closes(last, zone) - _opens(last, zone)) * _LONGEST_LOOK
    while day <= last:
        if day.weekday() < 5:
            begin, end = max(_opens(day, zone), heard_at), min(_closes(day, zone), now)
            silence += max(end - begin, timedelta(0))
        day += timedelta(days=1)
    return silence


def is_silent(heard_at: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Return whether a feed has said nothing for three hours of working time."""
    return working_silence(heard_at, now, zone) >= QUIET_FOR


def _opens(day: date, zone: ZoneInfo) -> datetime:
    return resolve(day, _OPENS, zone)


def _closes(day: date, zone: ZoneInfo) -> datetime:
    return resolve(day, _CLOSES, zone)
