"""The screen that every inbound text passes before anything else reads it."""

import re

from services.followup.domain.safety.tier import NOTHING_FOUND, Screening, Tier

_FIRST = re.compile(
    r"\b(?:kill(?:ing)? my ?self|want to die|end my life|suicid\w*|kms|unalive"
    r"|quiero morir(?:me)?|matarme|quitarme la vida|no quiero vivir)\b",
    re.IGNORECASE,
)


def screen(text: str, *, language: str = "en") -> Screening:
    """Return what in a text asks for a human; the language is a hint, both are always understood."""
    del language
    return NOTHING_FOUND.joined(Tier.S1, "intent") if _FIRST.search(text) else NOTHING_FOUND


def screen_safely(text: str, *, language: str = "en") -> Screening:
    """Screen a text; a failure inside counts as a possible crisis (S-4)."""
    try:
        return screen(text, language=language)
    except Exception:  # noqa: BLE001 - S-4: whatever breaks, a human reads
        return NOTHING_FOUND.joined(Tier.S2, "detector_failed")
