"""Whose question a reply answers, and what follows from it: one item per text, over days, twice, out of order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.followup.domain.checkin import Answer, CheckIn, Status
from services.followup.domain.reading import Interpretation, PromptKind, Reading

CORRECTION_WITHIN = timedelta(minutes=10)
_VALUES = {Interpretation.SCORE, Interpretation.RANGE, Interpretation.CORRECTION}
_APPOINTMENT = {Interpretation.CONFIRM, Interpretation.RESCHEDULE, Interpretation.CANCEL_REQUEST}


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An item of a check-in that a reply may answer; ``answer`` is there where it has one already."""

    checkin: CheckIn
    item: int
    sent_at: datetime
    answer: Answer | None = None

    def grammar_at(self, received_at: datetime) -> PromptKind:
        """Return the grammar in which a reply is read: an answered mood question takes corrections for a while."""
        kind = PromptKind(self.checkin.instrument.grammar_of(self.item))
        answered = self.answer is not None and received_at - self.answer.last_said_at <= CORRECTION_WITHIN
        return PromptKind.MOOD_ANSWERED if kind is PromptKind.MOOD and answered else kind


@dataclass(frozen=True, slots=True)
class OtherPrompt:
    """A question of another service: about an appointment."""

    subject: str
    key: str
    grammar: PromptKind
    sent_at: datetime

    def grammar_at(self, _received_at: datetime) -> PromptKind:
        """Return the grammar in which a reply is read."""
        return self.grammar


Prompt = OpenItem | OtherPrompt
Read = Callable[[PromptKind], Reading]


@dataclass(frozen=True, slots=True)
class Belonging:
    """The question that a reply belongs to, if any, and the reply as read in its grammar.

    ``is_ambiguous``: the number is shared, and another patient's question would have accepted it too.
    """

    prompt: Prompt | None
    reading: Reading
    is_ambiguous: bool = False


def is_accepted(prompt: Prompt, reading: Reading) -> bool:
    """Return whether a reading is an answer to a question."""
    wanted = _VALUES if isinstance(prompt, OpenItem) else _APPOINTMENT
    return bool(reading.says & wanted)


def answers_in(kind: PromptKind, reading: Reading) -> bool:
    """Return whether a reading is an answer in the grammar that it was read in."""
    return bool(reading.says & (_APPOINTMENT if kind is PromptKind.CONFIRM else _VALUES))


def find_owner(prompts: Sequence[Prompt], read: Read, received_at: datetime) -> Belonging:
    """Give a reply to the newest open question that accepts it, else to the newest (DESIGN.md section 3).

    Only questions that were sent before the reply came count. One that is answered already takes a reply only where no
    open one accepts it: then it is a correction, or the same answer again. One that has closed comes last, so that it
    takes nothing from them; but what is said to the sensitive one is heard as its answer while nothing newer was asked.
    """
    before = sorted((one for one in prompts if one.sent_at <= received_at), key=lambda one: one.sent_at, reverse=True)
    answered = [one for one in before if _is_answered(one)]
    unanswered = [one for one in before if not _is_answered(one)]
    closed = [one for one in unanswered if _is_closed(one) and not (one is before[0] and _is_sensitive(one))]
    waiting = [one for one in unanswered if one not in closed]
    readings = {id(one): read(one.grammar_at(received_at)) for one in before}
    for one in answered:
        # "sorry, meant 3" speaks of what was answered, even while the next item is open.
        if Interpretation.CORRECTION in readings[id(one)].says:
            return Belonging(one, readings[id(one)])
    for group in (waiting, answered, closed):
        accepting = [one for one in group if is_accepted(one, readings[id(one)])]
        if accepting:
            owners = {one.checkin.patient_ref for one in accepting if isinstance(one, OpenItem)}
            return Belonging(accepting[0], readings[id(accepting[0])], is_ambiguous=len(owners) > 1)
    for newest in (*waiting[:1], *closed[:1]):
        return Belonging(newest, readings[id(newest)])
    return Belonging(None, read(PromptKind.NONE))


def _is_answered(prompt: Prompt) -> bool:
    return isinstance(prompt, OpenItem) and prompt.answer is not None


def _is_closed(prompt: Prompt) -> bool:
    return isinstance(prompt, OpenItem) and prompt.checkin.status is not Status.ASKING


def _is_sensitive(prompt: Prompt) -> bool:
    return isinstance(prompt, OpenItem) and prompt.checkin.instrument.is_sensitive(prompt.item)


class Effect(StrEnum):
    """What a value does to an item."""

    ANSWERS = "answers"
    CORRECTS = "corrects"
    REPEATS = "repeats"
    COMES_LATE = "comes_late"


def effect_of(item: OpenItem, value: float, received_at: datetime) -> Effect:
    """Return what a value does: the first answers; within ten minutes another corrects; the same changes nothing.

    To a closed question it comes late. Replies can overtake each other: one that came before the answer that is kept
    changes nothing either.
    """
    if item.answer is None:
        return Effect.ANSWERS if item.checkin.status is Status.ASKING else Effect.COMES_LATE
    if item.answer.value == value or received_at <= item.answer.last_said_at:
        return Effect.REPEATS
    if received_at - item.answer.last_said_at <= CORRECTION_WITHIN:
        return Effect.CORRECTS
    return Effect.COMES_LATE


class Follow(StrEnum):
    """What happens after a reply that gave no value."""

    ASK_AGAIN = "ask_again"
    HAND_OVER = "hand_over"


def follow_unreadable(checkin: CheckIn) -> Follow:
    """Ask once, then a human reads. The sensitive item is never asked twice (R11)."""
    return Follow.HAND_OVER if checkin.clarified or checkin.is_sensitive else Follow.ASK_AGAIN
