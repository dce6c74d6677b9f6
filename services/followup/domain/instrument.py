"""The instruments as versioned data (DOMAIN.md 2.1). The wording stands in the notifier's templates, by name."""

from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["higher_is_better", "higher_is_worse"]


@dataclass(frozen=True, slots=True)
class Band:
    """A named range of totals, both ends included."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """A set of items with its scale. ``may_miss`` items may be missing from a total that is then prorated (I4).

    ``grammar`` is the reply grammar that every item opens, ``last_grammar`` that of the last one where it differs.
    """

    name: str
    version: str
    items: int
    low: int
    high: int
    direction: Direction
    grammar: str
    template: str
    bands: tuple[Band, ...] = ()
    may_miss: int = 0
    last_grammar: str | None = None
    remission_below: int | None = None

    def grammar_of(self, item: int) -> str:
        """Return the reply grammar of an item, counted from 1."""
        return self.last_grammar if self.last_grammar and item == self.items else self.grammar

    def is_sensitive(self, item: int) -> bool:
        """Return whether an item may be asked only while somebody can act on the answer (I8, 3.4)."""
        return self.grammar_of(item) == SENSITIVE_GRAMMAR

    def band_of(self, total: float) -> str | None:
        """Return the name of the band that a total falls into."""
        return next((band.name for band in self.bands if band.low <= total <= band.high), None)


MOOD_GRAMMAR: Final = "mood_0_10"
ITEM_GRAMMAR: Final = "phq_item_0_3"
SENSITIVE_GRAMMAR: Final = "phq9_item9_0_3"
HOME_SAFE_GRAMMAR: Final = "home_safe_1_2"

# Kroenke 2001; the PHQ-8 shares the cut-offs of the PHQ-9.
_SEVERITY = (
    Band("minimal", 0, 4),
    Band("mild", 5, 9),
    Band("moderate", 10, 14),
    Band("moderately_severe", 15, 19),
)
_SCREEN = (Band("negative", 0, 2), Band("positive", 3, 6))

MOOD: Final = Instrument("mood", "1", 1, 0, 10, "higher_is_better", MOOD_GRAMMAR, "checkin_today")
HOME_SAFE: Final = Instrument("home_safe", "1", 1, 1, 2, "higher_is_worse", HOME_SAFE_GRAMMAR, "home_safe")
PHQ9: Final = Instrument(
    "phq9",
    "1",
    9,
    0,
    3,
    "higher_is_worse",
    ITEM_GRAMMAR,
    "questionnaire_item",
    bands=(*_SEVERITY, Band("severe", 20, 27)),
    may_miss=2,
    last_grammar=SENSITIVE_GRAMMAR,
    remission_below=5,
)
PHQ8: Final = Instrument(
    "phq8",
    "1",
    8,
    0,
    3,
    "higher_is_worse",
    ITEM_GRAMMAR,
    "questionnaire_item",
    bands=(*_SEVERITY, Band("severe", 20, 24)),
    may_miss=1,
    remission_below=5,
)
PHQ2: Final = Instrument("phq2", "1", 2, 0, 3, "higher_is_worse", ITEM_GRAMMAR, "questionnaire_item", bands=_SCREEN)
GAD2: Final = Instrument("gad2", "1", 2, 0, 3, "higher_is_worse", ITEM_GRAMMAR, "questionnaire_item", bands=_SCREEN)

INSTRUMENTS: Final = {
    (instrument.name, instrument.version): instrument for instrument in (MOOD, HOME_SAFE, PHQ9, PHQ8, PHQ2, GAD2)
}
CURRENT: Final = {instrument.name: instrument for instrument in INSTRUMENTS.values()}
