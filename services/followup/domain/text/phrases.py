"""Phrases as data: a small pattern language over whole words.

A phrase is words with spaces between them. ``(a|b c)`` is a choice, ``word?`` and ``(…)?`` may be missing, ``word*``
matches every word that begins so, ``_`` is any one word, ``..`` up to three words, ``...`` up to seven, ``#`` a number
and ``##`` a number of ten or more, in digits or words, ``#180`` one from 180 to 299, ``#120`` from 120 to 299, ``#45-``
from 20 to 45, ``#89-`` from 50 to 89. ``{name}`` stands for a class of words or short phrases that the file names
once. No part of a phrase crosses a clause break, but "," stands for a comma. What a phrase compiles
to has no nested repetition, so the time to search is linear in the text.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.kernel.errors import ConfigurationError

_WORD = r"[^ |,]+ "
_GAP = rf"(?:{_WORD}){{0,3}}"
_WIDE_GAP = rf"(?:{_WORD}){{0,7}}"
_CLASS = re.compile(r"\{([a-z_]+)\}")
_TEN_OR_MORE = (
    "(?:[1-9][0-9]+|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|diez|doce|quince|veinte"
    "|treinta|cuarenta|cincuenta|sesenta|cien) "
)
_BELOW_TEN = "(?:one|two|three|four|five|six|seven|eight|nine|dos|tres|cuatro|cinco|seis|siete|ocho|nueve) "
_NUMBER = f"(?:[0-9]+ |{_TEN_OR_MORE}|{_BELOW_TEN})"
_FROM_180 = "(?:1[89][0-9]|2[0-9][0-9]) "
_FROM_120 = "(?:1[2-9][0-9]|2[0-9][0-9]) "
_UP_TO_45 = "(?:[23][0-9]|4[0-5]) "
_UP_TO_89 = "[5-8][0-9] "
_SPECIAL = {
    "..": _GAP,
    "...": _WIDE_GAP,
    "_": _WORD,
    "#": _NUMBER,
    "##": _TEN_OR_MORE,
    "#180": _FROM_180,
    "#120": _FROM_120,
    "#45-": _UP_TO_45,
    "#89-": _UP_TO_89,
}
_KEY = 3  # letters of the beginning of a word by which it is looked up


@dataclass(frozen=True, slots=True)
class Found:
    """One phrase found: the name of its rule and the words it covers, first included, last not."""

    rule: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A compiled piece: its expression, and sets of words and word beginnings ("dri*"), one of each in any match."""

    expression: str
    needs: tuple[frozenset[str], ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """The smallest set, of the longest words: few texts hold one of them."""
        return min(self.needs, key=lambda keys: (len(keys), -min(map(len, keys))), default=frozenset())


@dataclass(frozen=True)
class _Phrase:
    """One phrase of a rule; its pattern is compiled when a text first has the words for it, as most never do."""

    rule: str
    expression: str
    others: tuple[frozenset[str], ...]
    """What it needs beside the words by which it is looked up."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<= ){self.expression}")


class PhraseBook:
    """Rules, each a list of phrases, searched together."""

    def __init__(self, rules: Iterable[tuple[str, Sequence[str]]]) -> None:
        self._phrases: list[_Phrase] = []
        self._by_key: dict[str, list[int]] = {}
        for rule, phrases in rules:
            for phrase in phrases:
                part = _sequence(_Reader(phrase))
                if not part.keys:
                    raise ConfigurationError(f"phrase of rule {rule!r} has no word that must be there: {phrase!r}")
                index = len(self._phrases)
                others = tuple(keys for keys in part.needs if keys != part.keys)
                self._phrases.append(_Phrase(rule, part.expression, others))
                for key in part.keys:
                    self._by_key.setdefault(key, []).append(index)

    def find(self, words: Sequence[str]) -> list[Found]:
        """Return every phrase found among words (clause breaks are words too: ``|`` and ``,``)."""
        held = {*words, *(f"{word[:_KEY]}*" for word in words)}
        wanted = sorted({index for key in held for index in self._by_key.get(key, ())})
        if not wanted:
            return []
        text = f" {' '.join(words)} "
        at: dict[int, int] = {}
        position = 1
        for number, word in enumerate(words):
            at[position] = number
            position += len(word) + 1
        at[position] = len(words)
        return [
            Found(phrase.rule, at[match.start()], at[match.end()])
            for phrase in (self._phrases[index] for index in wanted)
            if not any(held.isdisjoint(keys) for keys in phrase.others)
            for match in phrase.pattern.finditer(text)
        ]

    def rules_in(self, words: Sequence[str]) -> frozenset[str]:
        """Return the names of the rules of which a phrase is found."""
        return frozenset(found.rule for found in self.find(words))


def with_classes(phrases: Iterable[str], classes: Mapping[str, str]) -> list[str]:
    """Return phrases with every ``{name}`` replaced by the choice it stands for; a class may name others.

    Raises:
        ConfigurationError: A phrase names a class that is not there.
    """

    def choice(match: re.Match[str]) -> str:
        if match[1] not in classes:
            raise ConfigurationError(f"phrase names a class of words that is not there: {match[0]}")
        return f"({_CLASS.sub(choice, classes[match[1]])})"

    return [_CLASS.sub(choice, phrase) for phrase in phrases]


def words_of(phrases: Iterable[str]) -> frozenset[str]:
    """Return the plain words that phrases are made of."""
    return frozenset(re.findall(r"[a-z]+(?![a-z*])", " ".join(phrases)))


def stems_of(phrases: Iterable[str]) -> tuple[str, ...]:
    """Return the beginnings of words (``word*``) that phrases take in every form."""
    return tuple(sorted({stem[:-1] for stem in re.findall(r"[a-z]{6,}\*", " ".join(phrases))}))


class _Reader:
    """The tokens of one phrase, one after the other."""

    def __init__(self, phrase: str) -> None:
        self.phrase = phrase
        self._tokens = re.findall(r"\.{2,3}|[()|?]|[^\s()|?]+", phrase)
        self._next = 0

    def peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise ConfigurationError(f"phrase ends too early: {self.phrase!r}")
        self._next += 1
        return token


def _sequence(reader: _Reader) -> _Part:
    parts: list[_Part] = []
    while (piece := reader.peek()) is not None and piece not in {"|", ")"}:
        part = _choice(reader) if piece == "(" else _word(reader.take())
        if reader.peek() == "?":
            reader.take()
            part = _Part(f"(?:{part.expression})?")
        parts.append(part)
    return _Part("".join(part.expression for part in parts), tuple(keys for part in parts for keys in part.needs))


def _choice(reader: _Reader) -> _Part:
    reader.take()
    options = [_sequence(reader)]
    while reader.take() == "|":
        options.append(_sequence(reader))
    if len(options) == 1:
        return options[0]
    every = (frozenset().union(*(option.keys for option in options)),) if all(one.needs for one in options) else ()
    # The longest first: an expression takes the first alternative that fits.
    longest = sorted((option.expression for option in options), key=len, reverse=True)
    return _Part(f"(?:{'|'.join(longest)})", every)


def _word(word: str) -> _Part:
    if word in _SPECIAL:
        return _Part(_SPECIAL[word])
    if word.endswith("*"):
        stem = word[:-1]
        if len(stem) < _KEY:
            raise ConfigurationError(f"the beginning of a word needs {_KEY} letters: {word!r}")
        return _Part(rf"{re.escape(stem)}[^ |,]* ", (frozenset({f"{stem[:_KEY]}*"}),))
    return _Part(f"{re.escape(word)} ", (frozenset({word}),))
