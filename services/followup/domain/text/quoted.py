"""What a phone quotes when its owner reacts to a message (DOMAIN.md 6, step 1; S-2)."""

import re

_SIGNS = r"[^\w\s\"'“”«».,!?]{1,12}"
_OPEN, _CLOSE = r"[\"“«”„‘']", r"[\"”»“’']"
_VERBS = (
    r"(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|hearted|reacted (?:.{0,40}? )?to"
    r"|removed an? .{0,24}? from|(?:no )?(?:le|les|te|me) (?:gust[oóa]|encant[oóa]|disgust[oóa]|di[oó] risa)"
    r"|(?:se )?(?:ri[oó]|reaccion[oó]|reaccion[eé]|enfatiz[oó]|destac[oó]|resalt[oó]|cuestion[oó])"
    r"(?: (?:de|con|a)(?: .{0,24}?)?)?|marc[oó] (?:como|que) .{0,30}?|elimin[oó] (?:un|una|el|la) .{0,24}? (?:de|en))"
)
# Phones in Spanish may name who reacts: 'A Brenda le gustó "..."'.
_WHO = r"(?:a )?[^\W\d_]{2,20}(?: [^\W\d_]{2,20})? (?=(?:no )?(?:le |reaccion))"
_REACTION = re.compile(
    rf"^\W*(?:{_WHO})?(?:{_VERBS}|{_SIGNS}\s*(?:to|a|en respuesta a))\s*:?\s*"
    rf"{_OPEN}(?P<quote>.*){_CLOSE}?(?P<rest>[^\"“”«»]*)$",
    re.IGNORECASE | re.DOTALL,
)
_REACTION_TO_MEDIA = re.compile(
    rf"^\W*(?:{_VERBS}|{_SIGNS}\s*(?:to|a))\s*(?:an?|un|una)\s+(?:image|photo|message|imagen|foto|mensaje)\W*$",
    re.IGNORECASE,
)
_LONG_QUOTE = re.compile(r"[\"“«][^\"”»]{18,}[\"”»]")
_QUOTED_LINE = re.compile(r"^>.*$", re.MULTILINE)

_MOST = 600


def own_words(text: str) -> tuple[str, str | None]:
    """Split a text into what the writer wrote and what a reaction quotes.

    Returns:
        The writer's own words, and the quoted text when the text is a phone's reaction to a message, else None.
    """
    text = _QUOTED_LINE.sub("", text)
    head = text.lstrip()[:_MOST]
    if _REACTION_TO_MEDIA.match(head):
        return "", ""
    reaction = _REACTION.match(head)
    if reaction is None:
        return text, None
    quote, rest = reaction["quote"], reaction["rest"]
    for mark in '"”»“':
        before, found, after = quote.rpartition(mark)
        if found:
            quote, rest = before, after + rest
            break
    return rest + text.lstrip()[_MOST:], quote


def without_long_quotes(text: str) -> str:
    """Return a text without longer passages between quotation marks: their numbers are not an answer."""
    return _LONG_QUOTE.sub(" ", text)
