"""What somebody who was paged texts back: only a clear yes takes a case on; whatever else is said, paging goes on."""

import re
import unicodedata
from enum import StrEnum

# fmt: off
_TAKES = frozenset({
    "1", "ok", "okay", "k", "yes", "y", "yep", "ack", "acknowledge", "acknowledged", "got it", "i got it", "i have it",
    "i ve got it", "on it", "i m on it", "taking it", "i ll take it", "i take it", "taken", "mine", "will do", "copy",
    "received", "si", "vale", "lo tomo", "la tomo", "yo lo tomo", "lo tengo", "yo", "recibido", "entendido", "voy",
})
_DECLINES = frozenset({
    "2", "no", "nope", "can t", "cannot", "i can t", "i cannot", "not me", "not now", "not on call", "i m not on call",
    "off", "i m off", "off today", "busy", "pass", "no puedo", "yo no", "no estoy de guardia", "no estoy", "paso",
})
# fmt: on
_THUMBS = ("\N{THUMBS UP SIGN}", "\N{WHITE HEAVY CHECK MARK}", "\N{HEAVY CHECK MARK}", "\N{OK HAND SIGN}")

_NAMED = re.compile(r"(?P<key>1|2|ack) (?P<case>case [0-9a-f]+)")


class PageReply(StrEnum):
    """What an answer to a page means."""

    TAKEN = "taken"
    DECLINED = "declined"
    UNCLEAR = "unclear"


def read_page_reply(text: str) -> PageReply:
    """Read an answer to a page. A case that is thought to be somebody's and is not would wait for ever: never guess."""
    words = _plain(text)
    named = _NAMED.fullmatch(words)
    if words in _TAKES or (named and named["key"] != "2"):
        return PageReply.TAKEN
    if words in _DECLINES or named:
        return PageReply.DECLINED
    if not words and any(thumb in text for thumb in _THUMBS):
        return PageReply.TAKEN
    return PageReply.UNCLEAR


def named_case(text: str) -> str | None:
    """Return the case that an answer names, if it names one."""
    named = _NAMED.fullmatch(_plain(text))
    return named["case"].replace(" ", "-") if named else None


def _plain(text: str) -> str:
    """Return the words alone: lower case, without accents, marks and spaces around them."""
    spelled = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char if char.isalnum() else " " for char in spelled if not unicodedata.combining(char))
    return " ".join(kept.split())
