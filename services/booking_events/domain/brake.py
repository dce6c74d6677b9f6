"""The brake: a feed that suddenly cancels or moves much of what it booked is more likely broken than right."""

from dataclasses import dataclass

from shared.clinics.model import Brake


@dataclass(frozen=True, slots=True)
class Upheaval:
    """What a feed did within the brake's time: bookings cancelled or moved, and bookings ahead that it left alone."""

    changed: int
    untouched: int


def is_unusual(seen: Upheaval, brake: Brake) -> bool:
    """Return whether a clinic is to be paused until a person has looked: many changes, and a large share of all."""
    if seen.changed < brake.at_least:
        return False
    return seen.changed >= brake.share * (seen.changed + seen.untouched)
