"""``aftercare evaluate-replies``: hold the reply reader against a file of replies whose meaning is known.

Columns: ``reply, prompt_kind, expected_interpretation, expected_value, note``. ``+`` joins what a reply says at once.
In the note, ``[or: a|b]`` lists other right readings and ``[not: n]`` values that are wrong. A further ``review``,
``question`` or ``ack`` beside the expected results is not a miss: a person reads more than was needed. A crisis row
reaches a human by an alarm or by the reading list; how many only by the list is printed before the last line, which is
one JSON object.
"""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from services.followup.domain.reading import Interpretation, PromptKind, Reading, read_reply
from shared.kernel.errors import ConfigurationError

_COLUMNS = ("reply", "prompt_kind", "expected_interpretation", "expected_value", "note")
_BESIDE = frozenset({Interpretation.REVIEW, Interpretation.QUESTION, Interpretation.ACK})
_CRISES = frozenset({Interpretation.CRISIS, Interpretation.POSSIBLE_CRISIS})
_REACHES_HUMAN = _CRISES | {Interpretation.MEDICAL_URGENT, Interpretation.REVIEW}
_OR = re.compile(r"\[or:([^\]]*)\]", re.IGNORECASE)
_NOT = re.compile(r"\[not:([^\]]*)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One reply and what it should be read as; ``right`` holds every right reading, the expected one first."""

    line: int
    reply: str
    prompt: PromptKind
    right: tuple[frozenset[Interpretation], ...]
    value: str
    wrong_values: frozenset[Decimal]


@dataclass(frozen=True, slots=True)
class Judged:
    """A row, how it was read, and what that means."""

    row: Row
    reading: Reading

    @property
    def as_expected(self) -> bool:
        """Whether the reading is one of the right ones, with the right value."""
        says, value = self.reading.says, self.reading.value
        if value is not None and Decimal(value) in self.row.wrong_values:
            return False
        return any(right <= says and says - right <= _BESIDE and self._value_fits(right) for right in self.row.right)

    def _value_fits(self, right: frozenset[Interpretation]) -> bool:
        reading, expected = self.reading, self.row.value
        if not expected or reading.value is None:
            valued = {Interpretation.SCORE, Interpretation.CORRECTION, Interpretation.RANGE}
            return not expected or right.isdisjoint(valued)
        ends = [_number(part) for part in re.split(r"\s*(?:-|to|\.\.)\s*", expected)]
        if len(ends) == 2:
            return reading.pair is not None and [Decimal(end) for end in reading.pair] == sorted(
                end for end in ends if end is not None
            )
        return Decimal(reading.value) == ends[0]

    @property
    def is_crisis(self) -> bool:
        """Whether the row is about a person in danger."""
        return not self.row.right[0].isdisjoint(_CRISES)

    @property
    def reached_human(self) -> bool:
        """Whether the reading brings a person to look: at an alarm, or at the reading list."""
        return self.raises_alarm or self.reading.human_reads

    @property
    def raises_alarm(self) -> bool:
        """Whether what the reading says calls for a person, rather than that there was more to read."""
        if self.reading.says == {Interpretation.REVIEW}:
            return self.reading.screening.tier is not None
        return not self.reading.says.isdisjoint(_REACHES_HUMAN)

    @property
    def is_false_page(self) -> bool:
        """Whether somebody would be paged for a row in which no right reading sees danger."""
        pages = {Interpretation.CRISIS, Interpretation.MEDICAL_URGENT}
        alarming = pages | _CRISES
        return not self.reading.says.isdisjoint(pages) and all(right.isdisjoint(alarming) for right in self.row.right)


def evaluate_replies(path: Path) -> int:
    """Read every reply of a file and print how it went; return 1 if a crisis row reached nobody, else 0."""
    judged = [Judged(row, read_reply(row.reply, row.prompt)) for row in rows_of(path)]
    of_kind = Counter(one.row.prompt for one in judged)
    right = Counter(one.row.prompt for one in judged if one.as_expected)
    for kind in PromptKind:
        if of_kind[kind]:
            share = right[kind] / of_kind[kind]
            sys.stdout.write(f"{kind:24} {right[kind]:4} of {of_kind[kind]:4} as expected  {share:6.1%}\n")
    for one in judged:
        if not one.as_expected:
            sys.stdout.write(f"{_miss(one)}\n")
    crises = [one for one in judged if one.is_crisis]
    only_listed = sum(one.reached_human and not one.raises_alarm for one in crises)
    sys.stdout.write(f"crisis rows that reach a human only by the reading list: {only_listed}\n")
    figures = {
        "rows": len(judged),
        "as_expected": sum(one.as_expected for one in judged),
        "crisis_rows": len(crises),
        "crisis_reached_human": sum(one.reached_human for one in crises),
        "false_pages": sum(one.is_false_page for one in judged),
    }
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 0 if figures["crisis_reached_human"] == figures["crisis_rows"] else 1


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of replies.

    Raises:
        ConfigurationError: The file cannot be read, or a cell holds what no reading is called.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(f"{path}: the first line lacks {', '.join(missing)}")
            for cells in reader:
                yield _row(path, reader.line_num, {name: cells[name] or "" for name in _COLUMNS})
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _row(path: Path, line: int, cells: dict[str, str]) -> Row:
    note = cells["note"]
    others = [part for group in _OR.findall(note) for part in re.split(r"[|,]|\bor\b", group) if part.strip()]
    wrong = [_number(part) for group in _NOT.findall(note) for part in re.split(r"[|,;\s]+", group) if part]
    try:
        return Row(
            line=line,
            reply=cells["reply"],
            prompt=PromptKind(cells["prompt_kind"].strip()),
            right=tuple(_results(part) for part in (cells["expected_interpretation"], *others)),
            value=cells["expected_value"].strip(),
            wrong_values=frozenset(value for value in wrong if value is not None),
        )
    except ValueError as error:
        raise ConfigurationError(f"{path}, line {line}: {error}") from None


def _results(joined: str) -> frozenset[Interpretation]:
    # A value may stand behind a result ("score 5"); the column of values says it.
    return frozenset(
        Interpretation(part.split()[0].strip("()=:").lower()) for part in joined.split("+") if part.strip()
    )


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def _miss(one: Judged) -> str:
    expected = " or ".join("+".join(sorted(right)) for right in one.row.right)
    got = "+".join(one.reading.says and sorted(one.reading.says))
    value = "" if one.reading.value is None else f" {one.reading.value}"
    wanted = f" {one.row.value}" if one.row.value else ""
    return f"line {one.row.line}, {one.row.prompt}: {one.row.reply!r} is {expected}{wanted}, was read as {got}{value}"
