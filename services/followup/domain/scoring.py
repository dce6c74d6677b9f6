"""Scores: a pure function of the item values and the instrument's version (I10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from services.followup.domain.instrument import MOOD, PHQ8, PHQ9, Instrument
from shared.messages.checkin import Score

_IMPORTANT_POINTS = 5
_IMPORTANT_SHARE = 0.2
_NOTABLE_MOOD = 2
LOW_MOOD = 2
_FALL = 3

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Total:
    """A total; ``prorated`` where missing items were filled in by the mean of the others."""

    value: float
    prorated: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the clinic measured before the first infusion: the items where they are known, else the total."""

    instrument: str
    items: tuple[float | None, ...] | None
    total: float | None

    def for_instrument(self, instrument: Instrument) -> float | None:
        """Return the baseline on an instrument's own scale: a PHQ-9 with items also counts as a PHQ-8."""
        if self.instrument == instrument.name:
            if self.items is None:
                return self.total
            found = total_of(instrument, self.items)
            return found.value if found else None
        if self.instrument == PHQ9.name and instrument.name == PHQ8.name and self.items is not None:
            found = total_of(PHQ8, self.items[: PHQ8.items])
            return found.value if found else None
        return None


def total_of(instrument: Instrument, values: Values) -> Total | None:
    """Add up the items, prorating where few are missing; None where too many are (I4). Item 9 is never imputed."""
    if len(values) != instrument.items:
        raise ValueError(f"{instrument.name} has {instrument.items} items")
    answered = [value for value in values if value is not None]
    missing = len(values) - len(answered)
    if not missing:
        return Total(sum(answered))
    sensitive_is_missing = instrument.last_grammar is not None and values[-1] is None
    if missing > instrument.may_miss or sensitive_is_missing:
        return None
    return Total(floor(sum(answered) / len(answered) * instrument.items + 0.5), prorated=True)


def score(instrument: Instrument, values: Values, baseline: Baseline | None, *, overlaps: bool = False) -> Score:
    """Score a finished instrument beside the baseline (I5, I6, I7)."""
    total = total_of(instrument, values)
    before = baseline.for_instrument(instrument) if baseline else None
    if total is None:
        return Score(direction=instrument.direction, baseline_total=before, recall_overlaps=overlaps)
    change = None if before is None else total.value - before
    return Score(
        total=total.value,
        direction=instrument.direction,
        band=instrument.band_of(total.value),
        prorated=total.prorated,
        baseline_total=before,
        change_abs=change,
        change_pct=None if change is None or not before else round(100 * change / before, 1),
        trend=None if change is None else _trend(instrument, change, before or 0),
        response=_responded(instrument, change, before),
        remission=_remitted(instrument, total.value, before),
        recall_overlaps=overlaps,
    )


def _trend(instrument: Instrument, change: float, before: float) -> str:
    if instrument is MOOD:
        notable = abs(change) >= _NOTABLE_MOOD
        return "unchanged" if not notable else "improved" if change > 0 else "worsened"
    if change <= -_IMPORTANT_POINTS and -change >= _IMPORTANT_SHARE * before:
        return "improved"
    return "worsened" if change >= _IMPORTANT_POINTS else "unchanged"


def _responded(instrument: Instrument, change: float | None, before: float | None) -> bool | None:
    if instrument.remission_below is None or change is None or not before:
        return None
    return -change >= before / 2


def _remitted(instrument: Instrument, total: float, before: float | None) -> bool | None:
    if instrument.remission_below is None or before is None:
        return None
    return total < instrument.remission_below


def is_low_mood(value: float, previous: float | None) -> bool:
    """Return whether a mood value asks for a look the same day: very low, or a steep fall (I7)."""
    return value <= LOW_MOOD or (previous is not None and previous - value >= _FALL)
