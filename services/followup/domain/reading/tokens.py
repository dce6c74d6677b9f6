"""The words, signs and numbers of a text, in order."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from services.followup.domain.reading import number_words as say

_TOKEN = re.compile(
    r"(?P<clock>[0-9]{1,2}:[0-9]{2}(?:\s?[ap]\.?m\b\.?)?)"
    r"|(?P<long>[+(]?[0-9]{3}[)\s.-]{1,2}[0-9]{3}[\s.-]?[0-9]{4}|[0-9]{3}-[0-9]{4}|[0-9]{7,})"
    r"|(?P<date>[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{2,4})"
    r"|(?P<number>[0-9]+(?:[.,][0-9]{1,2}(?![0-9]))?(?![a-z0-9]))"
    r"|(?P<glued>[a-z]*[0-9][a-z0-9]*(?:'[a-z]+)?)"
    r"|(?P<word>[a-z]+(?:'[a-z]+)*)"
    r"|(?P<break>[.!?;\n:]+)"
    r"|(?P<mark>\S)"
)
_NUMBERED = re.compile(r"\b(no|num|nr)\.\s*(?=[0-9])")
_GLUED = re.compile(
    rf"(?<![a-z0-9])([0-9]{{1,2}})({'|'.join(sorted(say.GLUED_ON, key=len, reverse=True))})(?=[0-9]|\b)"
)
# A gun is named by it: "con la .38".
_CALIBRE = re.compile(r"(?<![0-9])\.(?:22|25|32|357|38|380|40|44|45)(?![0-9])")
# Eleven in Spanish, seldom meant so: "once de diez".
_ELEVEN = re.compile(r"\bonce(?= (?:de|sobre) (?:10|diez)\b)")
# A road: "stuck on I-35".
_ROAD = re.compile(r"(?<![a-z0-9'])(?:fm|i|ih|sr|us)-[0-9]{1,4}(?![0-9])")
# A dash that can only be a sign: "like a -2".
_MINUS = re.compile(rf"(?<![a-z0-9'])({'|'.join(say.BEFORE_MINUS)}) -(?=[0-9])")
# Half, or a number with a dot in front of it: ".5".
_DOTTED = re.compile(r"^\s*\.(?=[0-9]+\s*$)")
_SPELT_OUT = re.compile(r"(?<![a-z0-9'])[a-z](?:[ .-][a-z]){2,}(?![a-z0-9'])")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_APPROXIMATE = re.compile(r"([0-9]+)ish$")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, sign or number of a text.

    ``value`` where it is a number, ``spelt`` where that was written in words; ``clitic`` of a word that ends in ``'s``.
    """

    text: str
    kind: str
    value: Decimal | None = None
    spelt: bool = False
    clitic: bool = False


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a plain text, what is one number joined into one."""
    text = _ELEVEN.sub("11", _CALIBRE.sub(" ", _GLUED.sub(r"\1 \2 ", text)))
    text = _MINUS.sub(r"\1 minus ", _ROAD.sub(" road ", _DOTTED.sub("x", text)))
    text = _SPELT_OUT.sub(lambda match: re.sub(r"[ .-]", "", match[0]), _NUMBERED.sub(r"\1 ", text))
    return list(_compounded([_token(match) for match in _TOKEN.finditer(text)]))


def _token(match: re.Match[str]) -> Token:
    kind, text = str(match.lastgroup), match[0]
    if kind == "number":
        return Token(text, kind, Decimal(text.replace(",", ".")))
    if kind == "glued":
        approximate = _APPROXIMATE.match(text)
        return Token(text, "number", Decimal(approximate[1])) if approximate else Token(text, kind)
    if kind == "word":
        bare = text.replace("'", "")
        value = say.VALUES.get(bare, say.VALUES.get(_STRETCHED.sub(r"\1", bare)))
        if value is not None:
            return Token(bare, "number", Decimal(value), spelt=True)
        return Token(bare, kind, clitic=text.endswith("'s"))
    return Token(text, kind)


def _compounded(tokens: Sequence[Token]) -> Iterator[Token]:
    """Join what is one number in several tokens: halves, "point five", "n/10", "n out of 10"."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.value is None:
            yield token
            at += 1
            continue
        length, value = _with_fraction(tokens, at)
        yield replace(token, text=token.text if length == 1 else "n", value=value)
        at += length


def texts_at(tokens: Sequence[Token], at: int, count: int) -> tuple[str, ...]:
    """Return the texts of so many tokens from a place on."""
    return tuple(token.text for token in tokens[at : at + count])


def _with_fraction(tokens: Sequence[Token], at: int) -> tuple[int, Decimal]:
    """Return how many tokens a number covers, and its value."""
    token = tokens[at]
    assert token.value is not None
    if is_whole(token):
        for words, part in say.FRACTIONS.get(word_at(tokens, at + 1), ()):
            if texts_at(tokens, at + 1, len(words)) == words:
                return 1 + len(words), token.value + part
        following = tokens[at + 1 : at + 3]
        if (
            len(following) == 2
            and following[0].text in say.POINT
            and following[1].value is not None
            and following[1].value < 10
        ):
            return 3, token.value + following[1].value / 10
    return 1, token.value


def word_at(tokens: Sequence[Token], at: int) -> str:
    """Return the word or sign at a place, "" beyond the ends, "|" for a break."""
    if not 0 <= at < len(tokens):
        return ""
    token = tokens[at]
    return "|" if token.kind == "break" else token.text


def is_whole(token: Token) -> bool:
    """Return whether a token is a number without a fraction."""
    return token.value is not None and token.value == token.value.to_integral_value()
