"""A reply in words and the phrases found in it, and where its clauses begin and end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from services.followup.domain.reading.wording import Wording
from services.followup.domain.text.phrases import Found
from services.followup.domain.text.words import BREAKS

_LONG = 30  # words of a clause that are looked at
CONTRASTS = frozenset({"but", "pero", "although", "though", "tho", "aunque", "except", "excepto"})
CLAUSE_ENDS = BREAKS | CONTRASTS
_SOFT = frozenset({"ok", "alright", "great", "good", "perfect", "fine", "cool", "bueno", "vale", "va", "sale", "bien"})
_NODDING = frozenset({"confirm", "ack", "yes", "thanks", "courtesy", "hello", "pleasantry"})


@dataclass(frozen=True, slots=True)
class Text:
    """A reply in the forms that its readers need."""

    book: Wording
    plain: str
    original: str
    words: Sequence[str]
    found: Sequence[Found]
    hellos: frozenset[int]

    @property
    def said(self) -> list[str]:
        """The words, without the breaks."""
        return [word for word in self.words if word not in BREAKS]

    def has(self, *rules: str) -> bool:
        """Return whether a phrase of one of these rules is found."""
        return any(found.rule in rules for found in self.found)

    def covered_by(self, *rules: str, numbers_too: bool = False) -> bool:
        """Return whether every word belongs to some phrase of these rules; numbers do by themselves if asked for."""
        covered = {at for found in self.found if found.rule in rules for at in range(found.first, found.last)}
        covered |= {at for at, word in enumerate(self.words) if word in BREAKS or (numbers_too and word.isdigit())}
        return bool(self.said) and len(covered) == len(self.words)

    def opens_clause(self, found: Found) -> bool:
        """Return whether a phrase begins a clause, greetings, numbers and the like left aside."""
        at = found.first - 1
        while at >= max(0, found.first - _LONG) and self.words[at] not in CLAUSE_ENDS and self.words[at].isascii():
            if at not in self.hellos and not self.words[at].isdigit():
                return False
            at -= 1
        return True


def part(read: Text, first: int, last: int | None = None) -> Text:
    """Return a stretch of a text, read by itself."""
    words = read.words[first:last]
    found = read.book.rules.find(words)
    return replace(read, words=words, found=found, hellos=hellos_of(found))


def hellos_of(found: Sequence[Found]) -> frozenset[int]:
    """Return the places of greetings and other words that only lead up to something."""
    return frozenset(at for one in found if one.rule == "hello" for at in range(one.first, one.last))


def is_meant(read: Text, rules: Collection[str], *, unless: str) -> bool:
    """Return whether a phrase of some rules is found that no phrase of another rule takes back."""
    others = [found for found in read.found if found.rule == unless]
    return any(found.rule in rules and not any(overlap(found, other) for other in others) for found in read.found)


def opens(read: Text, rule: str, *, not_in: Collection[str] = ()) -> bool:
    """Return whether a phrase of a rule begins a clause, those inside a phrase of other rules left out."""
    others = [found for found in read.found if found.rule in not_in]
    return any(
        found.rule == rule
        and read.opens_clause(found)
        and not _is_no_nod(read, found)
        and not _leads_on(read, found)
        and not any(within(found, other) for other in others)
        for found in read.found
    )


def _leads_on(read: Text, found: Found) -> bool:
    """Return whether an "ok" only begins what is said then: "ok can my wife sit with me", "ok maybe"."""
    if found.last - found.first > 1 or read.words[found.first] not in _SOFT or clause_length(read.words, found) == 1:
        return False
    if read.has("question", "question_anywhere"):
        return True
    first, last = clause(read.words, found)
    small = {at for one in read.found if one.rule in _NODDING for at in range(one.first, one.last)}
    return found.rule == "confirm" and not small.issuperset(range(first, last))


def _is_no_nod(read: Text, found: Found) -> bool:
    """Return whether a "y" or "ya" is Spanish for "and" or "already" rather than short for "yes"."""
    said = list(read.words[found.first : found.last])
    return said in (["y"], ["ya"]) and clause_length(read.words, found) > 1


def is_whole_clause(read: Text, found: Found) -> bool:
    """Return whether a phrase is all that its clause says."""
    return found.last - found.first == clause_length(read.words, found)


def overlap(one: Found, other: Found) -> bool:
    """Return whether two phrases share a word."""
    return one.first < other.last and other.first < one.last


def within(one: Found, other: Found) -> bool:
    """Return whether a phrase lies inside another."""
    return other.first <= one.first and one.last <= other.last


def clause_length(words: Sequence[str], found: Found) -> int:
    """Return how many words the clause of a phrase has."""
    first, last = clause(words, found)
    return last - first


def clause(words: Sequence[str], found: Found) -> tuple[int, int]:
    """Return where the clause of a phrase begins and ends; a contrast ends it too."""
    first, last = found.first, found.last
    while first > 0 and words[first - 1] not in BREAKS and words[first - 1].isascii():
        first -= 1
    while last < len(words) and words[last] not in CLAUSE_ENDS and words[last].isascii():
        last += 1
    return first, last
