"""How old the oldest message of a queue is, told from counts alone: looking at it would count as a delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Sample:
    """What was known of a queue at one moment. ``published`` counts everything that ever came in."""

    at: datetime
    depth: int
    published: int


@dataclass(frozen=True, slots=True)
class Age:
    """An age; ``at_least`` where the message was there before we began to look."""

    age: timedelta
    at_least: bool = False


def age_of_oldest(samples: Sequence[Sample]) -> Age | None:
    """Return the age of a queue's oldest message, or None while it is empty.

    A queue hands out in the order of arrival. So the oldest of ``depth`` waiting messages came in when the count of
    arrivals first stood ``depth - 1`` below today's. ``samples`` are in order of time, the newest last; the answer is
    as exact as they are close.
    """
    if not samples or not samples[-1].depth:
        return None
    newest = samples[-1]
    arrived = newest.published - newest.depth
    for sample in reversed(samples):
        # A count that is higher than today's stems from before the broker was restarted.
        if sample.depth == 0 or sample.published <= arrived or sample.published > newest.published:
            return Age(newest.at - sample.at)
    return Age(newest.at - samples[0].at, at_least=True)
