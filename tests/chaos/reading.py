"""Reads a text as the patient does: what kind it is, and which visits it names."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo


class Kind(Enum):
    """What a text is about."""

    CONFIRMED = "confirmation"
    MOVED = "notice of a move"
    CANCELLED = "notice of a cancellation"
    FAR = "far reminder"
    NEAR = "near reminder"
    OPTED_OUT = "confirmation of a STOP"


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as understood. ``names`` are visits as spelled, ``was`` the one that moved."""

    kind: Kind
    names: tuple[str, ...] = ()
    was: str | None = None


class UnreadableError(ValueError):
    """A patient would not know what to make of it."""


_DAY = r"[A-Z][a-z]{2}, ([A-Z][a-z]{2} \d{1,2})"
_CLOCK = r"(\d{1,2}:\d{2} [AP]M)"
_LISTED = re.compile(r"you have \d+ visits: (.+?[AP]M)\.")
_MONTH = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}(?:, \d{1,2})*)")
_ONE_VISIT = (
    (Kind.CANCELLED, re.compile(rf"{_DAY} at {_CLOCK} has been cancelled")),
    (Kind.CONFIRMED, re.compile(rf"is booked for {_DAY} at {_CLOCK}")),
    (Kind.FAR, re.compile(rf"you have a (?:video )?visit on {_DAY} (?:at|from) {_CLOCK}")),
    (Kind.NEAR, re.compile(rf"(?:^[^:]+, |visit |visit is on ){_DAY} (?:from |at )?{_CLOCK}[:.]")),
)
_MOVED = re.compile(rf"on {_DAY} at {_CLOCK} is now on {_DAY} at {_CLOCK}")
_MOVED_THAT_DAY = re.compile(rf"on {_DAY} at {_CLOCK} is now at {_CLOCK}")


def read(body: str) -> Reading:
    """Understand a text.

    Raises:
        UnreadableError: nothing in it says what it is about.
    """
    if "no more texts" in body:
        return Reading(Kind.OPTED_OUT)
    if moved := _MOVED.search(body):
        return Reading(Kind.MOVED, (f"{moved[3]} {moved[4]}",), f"{moved[1]} {moved[2]}")
    if moved := _MOVED_THAT_DAY.search(body):
        return Reading(Kind.MOVED, (f"{moved[1]} {moved[3]}",), f"{moved[1]} {moved[2]}")
    if listed := _LISTED.search(body):
        return Reading(Kind.CONFIRMED, tuple(_enumerated(listed[1])))
    for kind, pattern in _ONE_VISIT:
        if found := pattern.search(body):
            return Reading(kind, (f"{found[1]} {found[2]}",))
    raise UnreadableError(body)


def _enumerated(listed: str) -> list[str]:
    """Read "Dec 4, 7, 9 at 10:00 AM", and "Dec 4 10:00 AM; Dec 7 2:00 PM"."""
    names = []
    for part in listed.split(";"):
        clock = re.findall(_CLOCK, part)[-1]
        days = part.removesuffix(clock).removesuffix(" at ")
        names += [f"{month} {day} {clock}" for month, numbers in _MONTH.findall(days) for day in numbers.split(", ")]
    return names


def spell(at: datetime, zone: ZoneInfo) -> str:
    """Name an instant as a text does: Dec 4 10:00 AM."""
    local = at.astimezone(zone)
    return f"{local:%b} {local.day} {local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"
