"""The lexicon of the detector: data, one file per language, read once."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from services.followup.domain.safety.tier import Tier
from services.followup.domain.text.phrases import PhraseBook, stems_of, with_classes, words_of
from services.followup.domain.text.words import Vocabulary

LANGUAGES = ("en", "es")
_CONTEXTS = (
    *("not_negating", "past", "present", "overcome", "passed", "eased", "happening", "persists", "trifles", "weighty"),
    *("galls", "afar", "trade", "laughs", "fears", "beasts", "long_ago"),
)

# Words that are understood with letters starred out.
_CENSORED = frozenset(
    {
        "suicide",
        "suicidal",
        "suicidio",
        "suicidarme",
        "myself",
        "overdose",
        "overdosed",
        "pastillas",
        "morirme",
        "kill",
        "killing",
        "die",
        "dying",
        "dead",
        "death",
        "hang",
        "pills",
        "morir",
        "matar",
        "matarme",
    }
)


@dataclass(frozen=True, slots=True)
class Together:
    """A rule that holds where two different signs stand in one text: giving things away and taking leave.

    It does not where a third one explains them: a date is picked, what a relief, for a wedding.
    """

    rule: str
    tier: Tier
    one: frozenset[str]
    other: frozenset[str]
    unless: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """Both languages as one: people mix them.

    Attributes:
        rules: Every phrase that asks for a human, under its rule id.
        tiers: Rule id → tier.
        own_only: Rules that concern nobody but the writer.
        of_anyone: Rules that ask for as much where somebody else is in danger.
        acute: Rules that do so where the text says that it happens now.
        easing: Rules that ask for less where a text says that it is over.
        mishaps: Rules of too much of a medicine, that a medical match tells better which covers them: "by mistake".
        lasting: Rules that ask for as much however long ago it was: a death, what was bought.
        faint: Rules of single words, that ask for less where somebody laughs, a trifle is near, or nobody
            speaks of himself.
        idioms: Harmless look-alikes; a match wholly inside one counts for nothing.
        signs: Phrases that alone ask for nobody, under the name of what they are a sign of.
        together: What two signs in one text mean.
        themes: Words that weigh little alone, under the name of their theme.
        grave: Themes without one of which a text is no possible crisis.
        points: Theme → what it adds, once, to the weight of a text; ordinary topics take away.
        weighs_possible: From this weight on a text is a possible crisis that no rule explains.
        weighs_watched: From this weight on it is read the same day.
        context: Phrases that say when and how: ``not_negating``, ``past``, ``present``, ``overcome``, ``passed``,
            ``eased``, ``happening``, ``persists``, ``trifles``, ``weighty``, ``galls``, ``afar``, ``trade``,
            ``laughs``, ``fears``, ``beasts``, ``long_ago``.
        negators: Words that turn a phrase into its opposite.
        light: Words that carry a negation on without counting as distance.
        others: Words for people other than the writer.
        selves: Words for the writer.
        openers: Words before a phrase that make it no other phrase.
        whole: What may be meant of a life where it is the whole reply: "end it".
        vocabulary: How to bring a text into the words of the phrases.
        reviewed_by: Language → who signed its file, empty while nobody did.
        idiom_counts: Language → how many idioms its file holds.
    """

    rules: PhraseBook
    tiers: Mapping[str, Tier]
    own_only: frozenset[str]
    of_anyone: frozenset[str]
    acute: frozenset[str]
    easing: frozenset[str]
    mishaps: frozenset[str]
    lasting: frozenset[str]
    faint: frozenset[str]
    idioms: PhraseBook
    signs: PhraseBook
    together: Sequence[Together]
    themes: PhraseBook
    grave: frozenset[str]
    points: Mapping[str, int]
    weighs_possible: int
    weighs_watched: int
    context: PhraseBook
    negators: frozenset[str]
    light: frozenset[str]
    others: frozenset[str]
    selves: frozenset[str]
    openers: frozenset[str]
    whole: PhraseBook
    vocabulary: Vocabulary
    reviewed_by: Mapping[str, str]
    idiom_counts: Mapping[str, int]


@cache
def lexicon() -> Lexicon:
    """Read the lexicon files that come with the program."""
    read = [tomllib.loads(_text(language)) for language in LANGUAGES]
    joint = tomllib.loads(_text("together"))

    def every(name: str) -> list[str]:
        return [word for data in read for word in with_classes(data[name], data["classes"])]

    def named(table: str) -> list[tuple[str, list[str]]]:
        return [(name, with_classes(said, data["classes"])) for data in read for name, said in data[table].items()]

    def marked(mark: str) -> frozenset[str]:
        return frozenset(rule["id"] for data in read for rule in data["rule"] if rule.get(mark))

    rules = [(rule["id"], with_classes(rule["phrases"], data["classes"])) for data in read for rule in data["rule"]]
    idioms = [phrase for data in read for phrase in with_classes(data["idioms"]["phrases"], data["classes"])]
    signs, themes = named("signs"), named("themes")
    contexts = [(name, every(name)) for name in _CONTEXTS]
    return Lexicon(
        rules=PhraseBook(rules),
        tiers={rule["id"]: Tier(rule["tier"]) for data in read for rule in data["rule"]},
        own_only=marked("own_only"),
        of_anyone=marked("of_anyone"),
        acute=marked("acute"),
        easing=marked("easing"),
        mishaps=marked("mishap"),
        lasting=marked("lasting"),
        faint=marked("faint"),
        idioms=PhraseBook([("idiom", idioms)]),
        signs=PhraseBook(signs),
        together=tuple(
            Together(
                rule=pair["id"],
                tier=Tier(pair["tier"]),
                one=frozenset(pair["one"]),
                other=frozenset(pair["other"]),
                unless=frozenset(pair.get("unless", ())),
            )
            for pair in joint["pair"]
        ),
        themes=PhraseBook(themes),
        grave=frozenset(joint["grave"]),
        points=joint["points"],
        weighs_possible=joint["weighs_possible"],
        weighs_watched=joint["weighs_watched"],
        context=PhraseBook(contexts),
        negators=frozenset(every("negators")),
        light=frozenset(every("light")),
        others=frozenset(every("others")),
        selves=frozenset(every("selves")),
        openers=frozenset(every("openers")),
        whole=PhraseBook([("whole", every("whole"))]),
        vocabulary=vocabulary_of(
            read,
            [phrases for _, phrases in (*rules, *signs, *themes, *contexts)]
            + [idioms, every("whole"), every("negators"), every("light"), every("others")],
        ),
        reviewed_by={data["language"]: data["reviewed_by"] for data in read},
        idiom_counts={data["language"]: len(data["idioms"]["phrases"]) for data in read},
    )


def vocabulary_of(read: Sequence[Mapping[str, Any]], phrases: Sequence[Sequence[str]]) -> Vocabulary:
    """Build the vocabulary of some phrases from the spellings that their files give."""
    spellings = {typed: meant for data in read for typed, meant in data["spellings"].items()}
    pairs = {tuple(pair.split()): meant for data in read for pair, meant in data["pairs"].items()}
    known = frozenset().union(*(words_of(part) for part in phrases))
    return Vocabulary(
        known=known,
        spellings=spellings,
        pairs=pairs,
        stems=stems_of(phrase for part in phrases for phrase in part),
        critical=frozenset(word for data in read for word in data["critical"]),
        censored=_CENSORED,
    )


def _text(language: str) -> str:
    return files("services.followup.domain.safety").joinpath("phrases", f"{language}.toml").read_text(encoding="utf-8")
