"""What a reply can answer, and what it can turn out to say."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from services.followup.domain.safety.tier import NOTHING_FOUND, Screening


class PromptKind(StrEnum):
    """The grammar that the newest open prompt expects; the prompt's ``expects`` on the wire."""

    MOOD = "mood_0_10"
    PHQ_ITEM = "phq_item_0_3"
    ITEM_9 = "phq9_item9_0_3"
    HOME_SAFE = "home_safe_1_2"
    CONFIRM = "confirm_c_r"
    MOOD_ANSWERED = "mood_0_10_after_answer"
    """A mood question answered less than ten minutes ago: a correction may follow."""
    NONE = "none"


class Interpretation(StrEnum):
    """What a reply says (DOMAIN.md 6, result vocabulary)."""

    CRISIS = "crisis"
    MEDICAL_URGENT = "medical_urgent"
    POSSIBLE_CRISIS = "possible_crisis"
    WRONG_NUMBER = "wrong_number"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    CANCEL_REQUEST = "cancel_request"
    RESCHEDULE = "reschedule"
    CONFIRM = "confirm"
    CORRECTION = "correction"
    SCORE = "score"
    RANGE = "range"
    OUT_OF_RANGE = "out_of_range"
    CLARIFY = "clarify"
    QUESTION = "question"
    ACK = "ack"
    TAPBACK = "tapback"
    AUTO_REPLY = "auto_reply"
    EMPTY = "empty"
    UNMATCHED = "unmatched"
    REVIEW = "review"
    """A human reads it the same day."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one reply says.

    Attributes:
        interpretation: What decides first; the order of ``Interpretation`` is the order of precedence.
        also: What the text says beside that, in the same order: ``crisis`` with ``score``, ``opt_out`` with
            ``cancel_request``, ``confirm`` with ``question``.
        value: The score on the prompt's own scale for score, correction and range (there its worse end); else None.
        pair: The two ends of a range, lower first.
        confidence: 0 to 1; 1 for a bare number or keyword, lower the more was inferred.
        language: "en" or "es", as the text itself shows, else the hint.
        screening: What the detector found, raised by what the answer itself says (item 9).
        human_reads: More was said than the answer: it goes to the human reading list even when nothing matched.
    """

    interpretation: Interpretation
    also: tuple[Interpretation, ...] = ()
    value: int | Decimal | None = None
    pair: tuple[int | Decimal, int | Decimal] | None = None
    confidence: float = 1.0
    language: str = "en"
    screening: Screening = NOTHING_FOUND
    human_reads: bool = False

    @property
    def says(self) -> frozenset[Interpretation]:
        """Everything that the text says, without an order."""
        return frozenset((self.interpretation, *self.also))
