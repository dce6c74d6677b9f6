"""What no text to a patient may say or look like (DOMAIN.md 4.4 K4, 4.6 H2, 5.1)."""

import re

from services.notifier.domain.gsm7 import measure, normalise

_HEALTH = re.compile(
    r"ketamin|esketamin|spravato|infusi|depress|depresi|suicid|psych|psiqui|anxiet|ansiedad|\bphq|\biv\b|mental|"
    r"therap|terapia|\bmood\b|ánimo",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"\b(?:reply|text|send|answer|responda|envíe|conteste)\s+(?:with\s+|con\s+)?['\"]?"
    r"(cancel|yes|end|quit|no|si|sí|cancelar|baja|alto)\b",
    re.IGNORECASE,
)


def lint_text(
    text: str, *, most_segments: int, must_contain: tuple[str, ...] = (), names_feelings: bool = False
) -> list[str]:
    """Return what is wrong with a rendered text, one sentence each."""
    found = []
    if not names_feelings and _HEALTH.search(text):
        found.append("names a drug, an illness or a specialty")
    if _COMMAND.search(text):
        found.append("invites a word that opts the patient out or in")
    found += [f"does not contain {part!r}" for part in must_contain if part not in text]
    if text != normalise(text):
        found.append("is not normalised")
    segments = measure(text).segments
    if segments > most_segments:
        found.append(f"takes {segments} parts, at most {most_segments} are allowed")
    return found
