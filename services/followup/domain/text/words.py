"""From a text to whole words with the breaks between its clauses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CLAUSE_BREAK = "|"
COMMA = ","
BREAKS = frozenset({CLAUSE_BREAK, COMMA})

_TOKEN = re.compile(
    r"[0-9]+(?::[0-9]+)+|[a-z0-9]+(?:['@$!*+][a-z0-9]+)*|[@$][a-z0-9]+(?:[!@$*][a-z0-9]+)*|\.{2,}|[^\sa-z0-9]|\n+",
    re.ASCII,
)
_LETTER_RUN = re.compile(r"(?<![a-z0-9'])[a-z0-9@$!](?:[\s._*/-]{1,3}[a-z0-9@$!]){2,}(?![a-z0-9'])")
# Two figures of a blood pressure.
_PRESSURE = re.compile(r"(?<![0-9/])([12][0-9]{2})/([0-9]{2,3})(?![0-9/])")
# "12.5 kms": the point ends no clause, and what is less than one of them says nothing.
_DISTANCE = re.compile(r"(?<![0-9.,])([0-9]+)[.,][0-9]+(?= ?kms?(?![a-z]))")
_NUMBER_RUN = re.compile(r"[0-9\s._*/-]+")
_DOTTED = re.compile(r"(?<![a-z0-9])[a-z]+(?:[._-][a-z]+){2,}(?![a-z0-9])")
_LEET = str.maketrans(
    {"1": "i", "!": "i", "3": "e", "0": "o", "@": "a", "$": "s", "4": "a", "5": "s", "7": "t", "+": "t"}
)
_LEET_L = str.maketrans(
    {"1": "l", "!": "l", "3": "e", "0": "o", "@": "a", "$": "s", "4": "a", "5": "s", "7": "t", "+": "t"}
)
_REPEATED = re.compile(r"([a-z])\1{2,}")
_FIRST_SIGN = 0x2000  # emoji and the like stand for themselves
_LONGEST = 24
_LONG_ENOUGH = 6
_BONES = 3
_HARD_K = re.compile(r"k(?=[ei])")
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([a-z])\1+")
_SOUNDS = (
    *(("ch", "x"), ("sh", "x"), ("ph", "f"), ("qu", "k"), ("ce", "se"), ("ci", "si"), ("q", "k"), ("ck", "k")),
    *(("c", "k"), ("z", "s"), ("v", "b"), ("h", ""), ("ll", "y"), ("y", "i"), ("w", "u")),
)
_JOINED_WORTH_SPLITTING = 7
_SPOKEN = (("in", "ing"), ("ao", "ado"))  # endings as people say them: "lookin", "cansao"


@dataclass(frozen=True)
class Vocabulary:
    """The words that readers look for, and how people spell them.

    Attributes:
        known: Every word of every phrase, of both languages.
        spellings: A way of typing → the words it stands for (one or more, with spaces).
        pairs: Two words → the one that stands for them ("do not" → "dont").
        stems: The beginnings of words that some phrase takes in every form.
        critical: Words that are recognised with one letter wrong, by their sound, and without their vowels.
        censored: Words that people write with a letter starred out.
    """

    known: frozenset[str]
    spellings: Mapping[str, str]
    pairs: Mapping[tuple[str, str], str]
    stems: tuple[str, ...]
    critical: frozenset[str]
    censored: frozenset[str]

    def __post_init__(self) -> None:
        long = sorted(word for word in self.critical if len(word) >= _LONG_ENOUGH)
        object.__setattr__(self, "_near", {form: word for word in long for form in _without_one(word)})
        object.__setattr__(self, "_heard", {_sound(word): word for word in sorted(self.critical)})
        object.__setattr__(self, "_bones", {_bone(word): word for word in sorted(self.critical)})

    def words(self, text: str, *, line_breaks: bool = False) -> list[str]:
        """Return the words of a plain text (see ``plain``), clause breaks among them.

        Letters that stand alone are joined, digits inside words read as letters, long repeats collapsed, words run
        together split, and known misspellings put right. An ellipsis is no break; a new line only if asked for.
        """
        text = _DISTANCE.sub(r"\1", _PRESSURE.sub(r"\1 over \2", _LETTER_RUN.sub(_join, text)))
        text = _DOTTED.sub(lambda match: re.sub(r"[._-]", " ", match[0]), text)
        found: list[str] = []
        for match in _TOKEN.finditer(text):
            piece = match[0]
            if piece[0] == "\n":
                found += [CLAUSE_BREAK] if line_breaks else []
            elif piece in {".", "!", "?", ";", ":"}:
                found.append(CLAUSE_BREAK)
            elif piece == COMMA:
                found.append(COMMA)
            elif len(piece) > 1 or (piece.isascii() and piece.isalnum()):
                found += [] if piece.startswith("..") else self._spelt(piece)
            elif ord(piece) > _FIRST_SIGN:
                found.append(piece)
        return list(self._paired(found))

    def _spelt(self, token: str) -> list[str]:
        bare = token.replace("'", "")
        if bare.isdigit():
            return [bare]
        if ":" in bare:
            return bare.split(":")
        if bare in self.spellings:
            return self.spellings[bare].split()
        if bare in self.known:
            return [bare]
        if not bare.isalpha():
            readings = [bare.translate(_LEET), bare.translate(_LEET_L)] if re.search(r"[a-z]", bare) else []
            for reading in (*readings, *(_uncensored(bare, self.censored) if "*" in bare else ())):
                split = self._letters(reading)
                if split:
                    return split
            pieces = re.findall(r"[a-z0-9]+", bare)
            return pieces if len(pieces) > 1 else [bare]
        return self._letters(bare) or [bare]

    def _letters(self, word: str) -> list[str] | None:
        """Return the known words that a run of letters stands for, or None."""
        if word in self.spellings:
            return self.spellings[word].split()
        if word in self.known:
            return [word]
        for form in (_REPEATED.sub(r"\1\1", word), _REPEATED.sub(r"\1", word), *_respelt(word)):
            if form != word and (form in self.known or form in self.spellings):
                return self.spellings.get(form, form).split()
        meant = self._meant(word)
        if meant:
            return [meant]
        if len(word) >= _JOINED_WORTH_SPLITTING and not word.startswith(self.stems):
            return self._split(word)
        return None

    def _meant(self, word: str) -> str | None:
        """Return the critical word that an unknown one stands for: by its sound, its consonants or all but a letter."""
        near, heard, bones = self._near, self._heard, self._bones  # type: ignore[attr-defined]
        if not 3 <= len(word) <= _LONGEST:
            return None
        if (alike := heard.get(_sound(word))) is not None:
            return str(alike)
        if not _VOWEL.search(word) and word in bones:
            return str(bones[word])
        if len(word) >= _LONG_ENOUGH:
            return next((near[form] for form in sorted(_without_one(word)) if form in near), None)
        return None

    def _split(self, run: str) -> list[str] | None:
        """Split words that were run together; the whole run must come out as known words, few of them short."""
        run = run[:400]
        best: list[tuple[int, list[str]] | None] = [None] * (len(run) + 1)
        best[0] = (0, [])
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - 14), end):
                before = best[start]
                piece = run[start:end]
                if before is not None and (piece in self.known or piece in self.spellings):
                    cost = before[0] + (1 if len(piece) > 2 else 3)
                    known = best[end]
                    if known is None or cost < known[0]:
                        best[end] = (cost, [*before[1], piece])
        whole = best[len(run)]
        if whole is None or len(whole[1]) < 2 or whole[0] > len(run) * 0.6:
            return None
        if len(whole[1]) == 2 and min(map(len, whole[1])) < 3:
            return None
        return [word for piece in whole[1] for word in self.spellings.get(piece, piece).split()]

    def _paired(self, words: list[str]) -> Iterator[str]:
        index = 0
        while index < len(words):
            pair = self.pairs.get((words[index], words[index + 1])) if index + 1 < len(words) else None
            yield from pair.split() if pair else (words[index],)
            index += 2 if pair else 1


def _respelt(word: str) -> Iterator[str]:
    """Yield a word in full spelling: "comin" with its g, "cansao" with its d, "youu" with one u, "kiero" with qu."""
    for heard, written in _SPOKEN:
        if len(word) > _BONES and word.endswith(heard):
            yield word.removesuffix(heard) + written
    if len(word) > _BONES and word[-1] == word[-2]:
        yield word[:-1]
    if "k" in word and len(word) > _BONES:
        yield _HARD_K.sub("qu", word).replace("k", "c")


def _join(match: re.Match[str]) -> str:
    run = match[0]
    if _NUMBER_RUN.fullmatch(run) or sum(char.isalpha() for char in run) < 3:
        return run
    return re.sub(r"[\s._*/-]", "", run)


def _sound(word: str) -> str:
    """Return how a word sounds, one letter for those that people write for one another in either language."""
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    return _DOUBLED.sub(r"\1", word)


def _bone(word: str) -> str:
    """Return the consonants of a word, the way hurried people write it; short ones keep nothing to go by."""
    bare = _DOUBLED.sub(r"\1", _VOWEL.sub("", word))
    return bare if len(bare) >= _BONES else word


def _without_one(word: str) -> frozenset[str]:
    """Return a word and every form of it with one letter missing."""
    return frozenset({word, *(word[:at] + word[at + 1 :] for at in range(len(word)))})


def _uncensored(token: str, censored: frozenset[str]) -> Iterator[str]:
    """Yield the critical words that fit a word with letters starred out."""
    expression = re.compile("".join("[a-z]{0,2}" if char == "*" else re.escape(char) for char in token[:_LONGEST]))
    yield from (word for word in sorted(censored, key=len) if expression.fullmatch(word))
