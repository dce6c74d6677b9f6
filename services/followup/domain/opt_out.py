"""What an opt-out in the patient's own words closes (K9)."""

import re

_EVERYTHING = re.compile(r"\b(?:contact\w*|e-?mails?|correos?|emails?|anything|nada)\b", re.IGNORECASE)


def closes_email_too(text: str) -> bool:
    """Return whether a text asks for no contact at all, rather than for no more texts."""
    return _EVERYTHING.search(text) is not None
