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

_LONGEST_SUBJECT = 78


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


def lint_email(subject: str, text: str, *, must_contain: tuple[str, ...], says_nothing: bool) -> list[str]:
    """Return what is wrong with an e-mail, one sentence each.

    ``says_nothing``: it may name the clinic and whom to call, and no date, time or number beside (DOMAIN.md H3).
    """
    found = []
    if _HEALTH.search(f"{subject}\n{text}"):
        found.append("names a drug, an illness or a specialty")
    found += [f"does not contain {part!r}" for part in must_contain if part not in text]
    if len(subject) > _LONGEST_SUBJECT:
        found.append(f"its subject is longer than {_LONGEST_SUBJECT} characters")
    rest = f"{subject}\n{text}"
    for part in must_contain:
        rest = rest.replace(part, "")
    if says_nothing and re.search(r"\d", rest):
        found.append("tells a date, a time or a number beside the clinic's")
    return found
