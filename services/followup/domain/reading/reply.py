"""Read one reply."""

import re

from services.followup.domain.reading.reading import Interpretation, PromptKind, Reading
from services.followup.domain.safety import Tier, screen_safely

_SCALES = {
    PromptKind.MOOD: (0, 10),
    PromptKind.MOOD_ANSWERED: (0, 10),
    PromptKind.PHQ_ITEM: (0, 3),
    PromptKind.ITEM_9: (0, 3),
    PromptKind.HOME_SAFE: (1, 2),
}
_ALARMS = {
    Tier.S1: Interpretation.CRISIS,
    Tier.M: Interpretation.MEDICAL_URGENT,
    Tier.S2: Interpretation.POSSIBLE_CRISIS,
    Tier.S3: Interpretation.REVIEW,
}
_ORDER = tuple(Interpretation)


def read_reply(text: str, prompt: PromptKind, *, language: str = "en") -> Reading:
    """Return what a reply to a prompt says.

    Args:
        text: As it arrived, of any length.
        prompt: What the newest open prompt expects, or ``PromptKind.NONE``.
        language: The patient's language, a hint only: both are always understood, mixed too.
    """
    screening = screen_safely(text, language=language)
    said = {_ALARMS[tier] for tier in screening.tiers}
    value = None
    bare = re.fullmatch(r"\s*(\d{1,2})\s*[.!]*\s*", text)
    if bare and prompt in _SCALES:
        low, high = _SCALES[prompt]
        value = int(bare[1]) if low <= int(bare[1]) <= high else None
        said.add(Interpretation.SCORE if value is not None else Interpretation.OUT_OF_RANGE)
        if prompt is PromptKind.ITEM_9 and value:
            tier = Tier.S2 if value == 1 else Tier.S1
            screening = screening.joined(tier, f"item9_{value}")
            said.add(_ALARMS[tier])
    if not said:
        said.add(Interpretation.UNMATCHED if prompt is PromptKind.NONE else Interpretation.CLARIFY)
    first, *rest = sorted(said, key=_ORDER.index)
    return Reading(first, tuple(rest), value=value, language=language, screening=screening)
