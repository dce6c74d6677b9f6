"""What patients say besides numbers: data, one file per language, read once."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from services.followup.domain.reading.number_words import ENDEARMENTS, PLEASANTRIES
from services.followup.domain.reading.typos import typos_of
from services.followup.domain.safety.lexicon import LANGUAGES, lexicon
from services.followup.domain.text.phrases import PhraseBook, stems_of, with_classes, words_of
from services.followup.domain.text.words import Vocabulary


@dataclass(frozen=True)
class Wording:
    """Both languages as one: people mix them.

    Attributes:
        rules: Every phrase, under the name of what it says.
        names: Given names.
        keywords: What a whole message of one keyword asks for → those keywords.
        telling: Language → small words that tell it from the other.
        vocabulary: How to bring a text into the words of the phrases.
    """

    rules: PhraseBook
    names: frozenset[str]
    keywords: Mapping[str, frozenset[str]]
    telling: Mapping[str, frozenset[str]]
    vocabulary: Vocabulary


@cache
def wording() -> Wording:
    """Read the wording files that come with the program."""
    read = [tomllib.loads(_text(language)) for language in LANGUAGES]
    classes = {name: words for data in read for name, words in data["classes"].items()}
    rules: list[tuple[str, Sequence[str]]] = [
        (name, with_classes(phrases, classes)) for data in read for name, phrases in data["rules"].items()
    ]
    rules += [("courtesy", sorted(ENDEARMENTS)), ("endearment", sorted(ENDEARMENTS)), ("pleasantry", PLEASANTRIES)]
    names = {name for data in read for name in data["keywords"]}
    keywords = {name: frozenset(word for data in read for word in data["keywords"][name]) for name in names}
    said = [phrases for _, phrases in rules] + [sorted(words) for words in keywords.values()]
    base = lexicon().vocabulary
    known = base.known.union(*(words_of(part) for part in said))
    given = frozenset(name for data in read for name in data["names"])
    kept = known.union(given, *(data["words_of_their_own"] for data in read))
    return Wording(
        rules=PhraseBook(rules),
        names=given,
        keywords=keywords,
        telling={data["language"]: frozenset(data["telling"]) for data in read},
        vocabulary=Vocabulary(
            known=known,
            spellings={
                **{name: name for name in given - known},  # "Carmela" is no "car mela"
                **{typo: word for data in read for word in data["mistyped"] for typo in typos_of(word) - kept},
                **base.spellings,
                **{typed: meant for data in read for typed, meant in data["spellings"].items()},
            },
            pairs={
                **base.pairs,
                **{tuple(pair.split()): meant for data in read for pair, meant in data["pairs"].items()},
            },
            stems=base.stems + stems_of(phrase for part in said for phrase in part),
            critical=base.critical.union(*(data["essential"] for data in read)),
            censored=base.censored,
        ),
    )


def _text(language: str) -> str:
    return files("services.followup.domain.reading").joinpath("phrases", f"{language}.toml").read_text(encoding="utf-8")
