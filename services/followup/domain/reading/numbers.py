"""Find the numbers of a text that are meant as an answer (DOMAIN.md 6, number rules).

A number is an answer where it stands as one; a count, dose, time, label or the number of something else is not.
Nothing is clipped, converted or guessed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.followup.domain.reading import number_words as say
from services.followup.domain.reading.tokens import Token, is_whole, texts_at, tokens_of, word_at

# A day of the week is past where another number is compared with it: "was a 2 monday, now 7".
_PAST_DAY = dict.fromkeys(say.WEEKDAYS, "yesterday")
_MOOD_ENDS = 10  # the items of a questionnaire are about sleep, energy and appetite themselves
_ITEM_ENDS = 3
_PAUSES = frozenset({",", "(", ")"})
_CLAUSE_ENDS = _PAUSES | {"", "|"}
_NEW_THOUGHT = _PAUSES | say.THEREFORE | say.HOWEVER
_FEELS = frozenset({("i", "feel"), ("me", "siento")})
_REACH = 5
_FEW = 3
_LONG = 30  # words of a clause that are looked at on each side
_FAR_BEYOND = 2  # times the end of a short scale
_PLEASANTRIES = re.compile(
    rf"(?<![a-z0-9'])(?:{'|'.join(sorted(say.PLEASANTRIES + say.BLESSINGS, key=len, reverse=True))})(?![a-z0-9'])"
)
_SAYINGS = re.compile(rf"(?<![a-z0-9'])(?:{'|'.join(map(re.escape, say.SAYINGS))})(?![a-z0-9'/])")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the numbers of a text say.

    Attributes:
        values: The distinct values that stand as an answer, in order.
        pair: Two neighbouring whole numbers joined as a range.
        seen: Whether any number at all was written, answer or not.
        inferred: Whether contrast words or a correction picked the value among several.
        corrected: Whether the text itself says that it corrects an answer.
    """

    values: tuple[Decimal, ...] = ()
    pair: tuple[Decimal, Decimal] | None = None
    seen: bool = False
    inferred: bool = False
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """A number that may be the answer, at its place among the tokens."""

    value: Decimal
    first: int
    last: int
    past: bool = False
    was: bool = False
    labelled: bool = False
    starred: bool = False
    now: bool = False
    told: str = ""


def read_numbers(text: str, *, highest: int, answered: bool = False) -> Numbers:
    """Return what the numbers of a plain text say on a scale.

    Args:
        text: A plain text (see ``text.plain``).
        highest: Where the scale ends.
        answered: Whether an answer was given just before, so that "it was a 4" says what it should have been.
    """
    every = tokens_of(_SAYINGS.sub(" saying ", _PLEASANTRIES.sub(" , ", text)))
    if _is_reversed(every, highest):
        return Numbers(seen=True)
    tokens = _without_scale(every, highest)
    seen = any(token.value is not None for token in tokens)
    corrected = _corrects(tokens)
    denied = {token.value for at, token in enumerate(tokens) if token.value is not None and _is_denied(tokens, at)}
    answers = [answer for answer in _answers(tokens, highest) if answer.value not in denied]
    starred = [answer for answer in answers if answer.starred]
    if len(starred) == 1:
        answers = starred
    if any(answer.labelled for answer in answers) and not (answers[0].labelled and _pair(tokens, answers)):
        answers = [answer for answer in answers if answer.labelled]
    if not answers:
        return Numbers(seen=seen, corrected=corrected)
    answers = _without_amounts(tokens, answers, highest)
    meant = _without_repeated(tokens, _without_told(answers))
    corrected = corrected or len(meant) < len(answers) or (answered and bool(denied))
    answers = meant
    pair = _pair(tokens, answers)
    several = pair or _by_parts(tokens, answers, highest)
    if several:
        return Numbers(values=several, pair=pair, seen=True, corrected=corrected)
    values = tuple(dict.fromkeys(answer.value for answer in answers))
    if len(values) > 1:
        chosen = None if _is_unsettled(tokens, answers, answered=answered) else _latest(tokens, answers)
        if chosen is not None:
            return Numbers(values=(chosen,), seen=True, inferred=True, corrected=corrected)
    elif all(answer.was for answer in answers) and not corrected:
        if not answered or any(token.text in say.PAST - say.WAS for token in tokens):
            return Numbers(seen=True)
        corrected = True
    return Numbers(values=values, seen=True, corrected=corrected)


def _without_scale(tokens: list[Token], highest: int) -> list[Token]:
    """Leave out mentions of the scale itself: "on a scale of 0 to 10", "n out of 10", "n de 10", "n/10"."""
    if all(token.value != highest for token in tokens):
        return tokens
    kept: list[Token] = []
    at = 0
    while at < len(tokens):
        skipped = _scale_at(tokens, at, highest)
        if skipped:
            at += skipped
            continue
        kept.append(tokens[at])
        at += 1
    return kept


def _scale_at(tokens: Sequence[Token], at: int, highest: int) -> int:
    """Return how many tokens from here on only name the scale."""
    # "1/2" says neither yes nor no.
    if at and tokens[at - 1].value is not None and highest >= _ITEM_ENDS:
        for words in say.OUT_OF.get(word_at(tokens, at), ()):
            if texts_at(tokens, at, len(words)) == words and _is(tokens, at + len(words), highest):
                return len(words) + 1
    for words in say.SCALE_FROM.get(word_at(tokens, at), ()):
        if texts_at(tokens, at, len(words)) == words and (length := _span_of_scale(tokens, at + len(words), highest)):
            return len(words) + length
    if at or len(tokens) > 3:
        length = _span_of_scale(tokens, at, highest)
        if length and word_at(tokens, at + 1) not in {"and", "y"}:
            return length
    for words in say.SCALE_OF.get(word_at(tokens, at), ()):
        end = at + len(words)
        if texts_at(tokens, at, len(words)) == words and _is(tokens, end, highest):
            return len(words) + (2 if word_at(tokens, end + 1) in {"point", "scale"} else 1)
    return 0


def _span_of_scale(tokens: Sequence[Token], at: int, highest: int) -> int:
    """Return how many tokens "0 to 10" or "1-10" covers at a place, 0 if it does not stand there."""
    if not (_is(tokens, at, 0) or _is(tokens, at, 1)):
        return 0
    if word_at(tokens, at + 1) in say.SCALE_TO and _is(tokens, at + 2, highest):
        return 3
    return 4 if texts_at(tokens, at + 1, 2) in say.SCALE_TO_TWO and _is(tokens, at + 3, highest) else 0


def _is(tokens: Sequence[Token], at: int, value: int) -> bool:
    return 0 <= at < len(tokens) and tokens[at].value == value


def _is_number(tokens: Sequence[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at].value is not None


def _is_reversed(tokens: Sequence[Token], highest: int) -> bool:
    """Return whether a text takes the scale the other way round: "10 if ten is the worst"."""
    return any(
        (token.value == highest and _end_named(tokens, at) in say.WORST)
        or (token.value == 0 and _end_named(tokens, at) in say.BEST)
        for at, token in enumerate(tokens)
        if token.value is not None and word_at(tokens, at - 1) != "/"
    )


def _end_named(tokens: Sequence[Token], at: int) -> str:
    """Return what a number is said to mean on the scale, "" if nothing: "10 is the worst", "0 = bad"."""
    place = at + 1
    if word_at(tokens, place) not in say.MEANS and word_at(tokens, at - 1) not in say.SUPPOSE:
        return ""
    while place < len(tokens) and word_at(tokens, place) in say.MEANS | say.ARTICLES:
        place += 1
    return word_at(tokens, place) if word_at(tokens, place + 1) not in say.SINCE_WHEN else ""


def _names_end(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number only names an end of the scale beside the answer: "if 0 is the worst then 4"."""
    return _end_named(tokens, at) in say.WORST | say.BEST and any(
        token.value is not None for place, token in enumerate(tokens) if place != at
    )


def _answers(tokens: Sequence[Token], highest: int) -> Iterator[_Answer]:
    for at, token in enumerate(tokens):
        if token.value is None:
            continue
        negative = word_at(tokens, at - 1) == "-" and (
            at == 1 or word_at(tokens, at - 2) in {"|", ""} or tokens[at - 2].value is None
        )
        negative = negative and not _spaced_dash(tokens, at)
        at_least = word_at(tokens, at - 2) in say.AT_LEAST  # "por lo menos 5"
        if negative or (word_at(tokens, at - 1) in say.MINUS and not at_least):
            yield _Answer(-token.value, at, at + 1)
        elif not _is_something_else(tokens, at, highest):
            after = word_at(tokens, at + 2) if word_at(tokens, at + 1) in say.OF else word_at(tokens, at + 1)
            yield _Answer(
                token.value,
                at,
                at + 1,
                past=_is_past(tokens, at),
                was=_was_before(tokens, at),
                labelled=_label_before(tokens, at) in say.MOOD or after in say.MOOD,
                starred=word_at(tokens, at - 1) == "*",
                now=_is_now(tokens, at),
                told=_told(tokens, at),
            )


def _told(tokens: Sequence[Token], at: int) -> str:
    """Return the word by which a number is what was typed or said before, "" where it is none: "I put 9", "puso 10"."""
    place = at - 1
    while word_at(tokens, place) in say.TOLD_FILLERS:
        place -= 1
    if texts_at(tokens, place - 1, 2) in say.TOLD_PHRASES or word_at(tokens, place) in say.TOLD:
        return word_at(tokens, place)
    return ""


def _without_told(answers: list[_Answer]) -> list[_Answer]:
    """Leave out what was typed or said before where another number stands beside it: "he said a 3 and I hit 8"."""
    return (
        [answer for answer in answers if not answer.told]
        or [answer for answer in answers if answer.told not in say.SLIPPED]
        or answers
    )


def _without_repeated(tokens: Sequence[Token], answers: list[_Answer]) -> list[_Answer]:
    """Leave out what somebody else says where it only repeats: "4 or maybe 5, my husband says 5"."""
    *own, last = answers
    if last.value in {answer.value for answer in own} and _another_says(tokens, answers):
        return own
    return answers


def _without_amounts(tokens: Sequence[Token], answers: list[_Answer], highest: int) -> list[_Answer]:
    """Leave out numbers off the scale inside a sentence where another stands all by itself: "won 50 on a bet, 8"."""
    bare = [answer for answer in answers if 0 <= answer.value <= highest and _is_clear(tokens, answer)]
    if len({answer.value for answer in bare}) != 1:
        return answers
    return [one for one in answers if 0 <= one.value <= highest or _is_clear(tokens, one)]


def _is_clear(tokens: Sequence[Token], answer: _Answer) -> bool:
    """Return whether a number makes up a clause, with no more than what leads up to it: ", so im at a 5."."""
    end = answer.last
    while end - answer.last < _FEW and word_at(tokens, end) in say.TAILS:
        end += 1
    after = word_at(tokens, end)
    if after not in _CLAUSE_ENDS and not _is_sign(after):
        return False
    place = answer.first - 1
    while word_at(tokens, place) in say.LEADS:
        place -= 1
    begins = word_at(tokens, place)
    if begins in say.CONNECTIVES:
        # "3 and a 7" joins, "de 6 a 6 y ando en 4" goes on
        return place < answer.first - 2 or not _is_number(tokens, place - 1)
    return begins in _CLAUSE_ENDS or _is_sign(begins)


def _spaced_dash(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the dash before a number follows a word, as a pause does."""
    return at >= 2 and tokens[at - 2].kind == "word"


def _is_something_else(tokens: Sequence[Token], at: int, highest: int) -> bool:
    """Return whether a number counts, dates, doses, labels or denies something instead of answering."""
    if any(means_else(tokens, at) for means_else in _OTHER_MEANINGS):
        return True
    if highest == _MOOD_ENDS and (_rates_another(tokens, at) or _is_open_ended(tokens, at)):
        return True
    # Not where 2 asks for help: "2 weak to walk".
    if highest >= _ITEM_ENDS and _is_too_much(tokens, at):
        return True
    # Not on the items: beside "no" a number off their scale makes item 9 unclear.
    if highest < _ITEM_ENDS and _exceeds_in_a_sentence(tokens, at, highest):
        return True
    return not (_stands_as_word(tokens, at) if tokens[at].spelt else _stands(tokens, at))


def _measures(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number has a unit: "9 hours", "7 a.m.", "2 of us"."""
    after, then = word_at(tokens, at + 1), word_at(tokens, at + 2)
    if after in say.RANGE_JOINTS and at + 2 < len(tokens) and tokens[at + 2].value is not None:
        # "3-4 hrs", "2 or 3 beers"
        return word_at(tokens, at + 3) in say.UNITS
    if after in say.ONE_OF and tokens[at].value != 1:
        return False
    if after == "por":
        return then == "ciento"
    if after == "under" and _is_number(tokens, at + 2):
        return True  # "3 under 5"
    if after in say.ADJECTIVES and then in say.UNITS:
        return True  # "3 square meals"
    if after.endswith(("itos", "itas")) and after not in say.ENDEARMENTS:
        return True  # "3 horitas"
    return after in say.UNITS or (after in {"a", "p"} and then == "m") or (after == "of" and then in say.OF_PEOPLE)


def _is_part(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is a percentage, a price, or a part of a fraction, date or blood pressure."""
    before, after = word_at(tokens, at - 1), word_at(tokens, at + 1)
    if after == "%" or before in {"$", "<"}:
        return True
    value = tokens[at].value
    if value is not None and 1900 <= value < 2100 and len(tokens) > 1:  # a year
        return True
    if at >= 2 and (
        texts_at(tokens, at - 2, 2) == ("out", "of") or any(_is_of_number(tokens, at - back) for back in (2, 3, 4))
    ):
        return True  # "5 days out of 14", "10 of the 14"; what is out of the scale's end was left out before
    if _is_of_number(tokens, at):
        return True
    if after in {"/", "$"} and not _is_range_slash(tokens, at):
        return True
    return before == "/" and not _is_range_slash(tokens, at - 2)


def _is_of_number(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is so many of another: "3 out of 14", "12 of 14"."""
    return (
        at >= 0
        and tokens[at].value is not None
        and any(
            texts_at(tokens, at + 1, len(words)) == words and _is_number(tokens, at + 1 + len(words))
            for words in say.PART_OF.get(word_at(tokens, at + 1), ())
        )
    )


def _is_result(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is half of how a game ended: "won 5-4", "perdieron 3 a 1"."""
    first = at if word_at(tokens, at + 1) in say.SCORE_TO and _is_number(tokens, at + 2) else at - 2
    if first < 0 or not _is_number(tokens, first) or word_at(tokens, first + 1) not in say.SCORE_TO:
        return False
    words = [word_at(tokens, place) for place in range(max(_clause_start(tokens, first), first - _REACH), first)]
    return not say.GAME.isdisjoint(words) and say.THEREFORE.isdisjoint(words)


def _is_span_of_time(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is when something began or ended: "slept from 9 to 6", "mi turno es de 7 a 3"."""
    first = at if word_at(tokens, at + 1) in say.SPAN_TO and _is_number(tokens, at + 2) else at - 2
    if first < 0 or not _is_number(tokens, first) or word_at(tokens, first + 1) not in say.SPAN_TO:
        return False
    words = [word_at(tokens, place) for place in range(max(_clause_start(tokens, first), first - _REACH), first)]
    return not say.LASTS.isdisjoint(words) and (say.MOVES - say.FROM | say.MOOD).isdisjoint(words)


def _is_of_a_group(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number says how many belong together: "family of 5", "avg of the two"."""
    before, two_before = word_at(tokens, at - 1), word_at(tokens, at - 2)
    if before in say.OF and two_before in say.GROUPS:
        return True
    return tokens[at].value == 2 and before == "the" and two_before in {"of", "between"}


def _is_whole_period(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number says how many days were asked about: "3 days out of the 14"."""
    return any(texts_at(tokens, max(0, at - len(words)), len(words)) == words for words in say.OUT_OF_DAYS)


def _is_date(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is the day of a month: "july 4", "el 5 de mayo"."""
    after = word_at(tokens, at + 2) if word_at(tokens, at + 1) in {"de", "of"} else word_at(tokens, at + 1)
    return not say.MONTHS.isdisjoint((word_at(tokens, at - 1), after))


def _is_label(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number names which one: "day 3", "visit no. 2", "my 2 kids"."""
    before, two_before = word_at(tokens, at - 1), word_at(tokens, at - 2)
    if before in say.PERIODS:
        return two_before in say.PERIOD_OPENERS
    if before in {"#", "no", "number", "numero"} and two_before in say.COUNTED:
        return True
    if before == "the" and word_at(tokens, at + 1) in say.LINES:
        return True  # "on the 2 train"
    return before in say.LABELS and not (before in say.LABELS_UNLESS and two_before in say.CUES)


def _is_time(tokens: Sequence[Token], at: int) -> bool:
    if word_at(tokens, at + 1) in say.RANGE_JOINTS and _is_number(tokens, at + 2) and _in_part_of_day(tokens, at + 2):
        return True  # "entre 8 y 9 de la noche"
    before, two_before = word_at(tokens, at - 1), word_at(tokens, at - 2)
    if before == "de" and two_before in say.EVENTS:
        return True  # "la misa de 8"
    if _is_awaited(tokens, at):
        return True  # "home in 20", "call me in like 5"
    if before in say.ABOUT and two_before == "at":
        return not _stands_at(tokens, at - 1)  # "lunch at like two"
    if before == "la":
        return tokens[at].value == 1 and len(tokens) > 2  # "la 2" is an option, for two o'clock is "las 2"
    if before not in say.ARTICLES and _in_part_of_day(tokens, at):
        return True  # "5 in the morning"
    return (before in {"at", "las"} or before in say.TIME_BEFORE) and not _stands_at(tokens, at)


def _is_awaited(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is how soon somebody comes or calls."""
    place = at - 1
    while word_at(tokens, place) in say.ABOUT:
        place -= 1
    return word_at(tokens, place) in {"en", "in"} and (
        word_at(tokens, place - 1) in say.ARRIVES
        or any(word_at(tokens, place - back) in say.SUMMONS for back in range(1, _FEW))
    )


def _is_open_ended(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is only where an answer begins: "5 or more"."""
    return texts_at(tokens, at + 1, 2) in say.OR_MORE and word_at(tokens, at + 3) != "like"


def _in_part_of_day(tokens: Sequence[Token], at: int) -> bool:
    return any(
        texts_at(tokens, at + 1, len(words)) == words for words in say.PARTS_OF_DAY.get(word_at(tokens, at + 1), ())
    )


def _rates_another(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number rates something else than mood: "anxiety 8"."""
    label = _label_before(tokens, at)
    place = at - 1
    while word_at(tokens, place) in say.ARTICLES:
        place -= 1
    felt = word_at(tokens, place - 1) in {"de", "of", "from", "with", "con"}
    if label == word_at(tokens, place) and felt and word_at(tokens, place - 2) not in say.MEASURES:
        return False  # "dead of stress, a 4", but "level of stress 4"
    if word_at(tokens, place) in say.GETS and word_at(tokens, place - 1) in say.RATED:
        return True  # "the nurse is a 10"
    if _is_marked(tokens, at):
        return True
    after = word_at(tokens, at + 2) if word_at(tokens, at + 1) in say.OF else word_at(tokens, at + 1)
    return label in say.OTHER_SCALES or (after in say.OTHER_SCALES and label not in say.MOOD)


def _is_marked(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is the mark of somebody or something: "diez puntos la enfermera", "10 for the nurse"."""
    place = at + 1
    while word_at(tokens, place) in say.MARKS | say.ARTICLES:
        place += 1
    marked = {word_at(tokens, one) for one in range(place, place + _FEW)}
    return word_at(tokens, at + 1) in say.MARKS and not marked.isdisjoint(say.RATED)


def _exceeds_in_a_sentence(tokens: Sequence[Token], at: int, highest: int) -> bool:
    """Return whether a number beyond a short scale counts something in a sentence: "my heart is going like 150"."""
    value = tokens[at].value
    before = [word_at(tokens, place) for place in range(max(0, at - _LONG), at)]
    return value is not None and value > highest * _FAR_BEYOND and any(word.isalpha() for word in before)


def _is_vital_sign(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number was measured on the body: "bp 128 over 76", "azúcar 141", "presión 13 con 8"."""
    of = word_at(tokens, at + 2) if word_at(tokens, at + 1) in {"de", "of"} else ""
    if _label_before(tokens, at) in say.VITAL_SIGNS or of in say.VITAL_SIGNS:
        return True  # "bp 120", "39 de fiebre"
    if word_at(tokens, at - 1) in say.OVER and at > 1:
        first = tokens[at - 2].value
        return first is not None and _is_vital_sign(tokens, at - 2)
    return False


def _is_letters_short(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a 2 or 4 is short for a word: "next 2 me", "got 2 go", "2 tired", "thanks 4 asking"."""
    before, after = word_at(tokens, at - 1), word_at(tokens, at + 1)
    match tokens[at].text:
        case "2":
            if before in say.TO_AFTER and after in say.TO_BEFORE:
                return True
            if after in {"much", "many"} and before not in say.ARTICLES:
                return True
            return (before in say.TOO_AFTER and after in say.TOO_BEFORE) or (
                before in say.ME_TOO and at + 1 == len(tokens) and at == 1
            )
        case "4":
            doing = before.endswith("ing") and before not in say.LEVEL_VERBS
            return (doing or before in say.FOR_AFTER) and after in say.FOR_BEFORE
        case _:
            return False


def _is_too_much(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a 2 is either word of "2 tired 2 think" or "2 sick to talk"."""
    if tokens[at].text != "2":
        return False
    for first in (at, at - 2):
        then, doing = word_at(tokens, first + 2), word_at(tokens, first + 3)
        if word_at(tokens, first) in {"2", "so", "too"} and word_at(tokens, first + 1) in say.TOO_BEFORE:
            return (then == "2" and doing.isalpha()) or (then == "to" and doing in say.TO_BEFORE - {"say"})
    return False


def _is_age(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is somebody else's age or mark: "my son is 9", "mi suegra es un dos"."""
    place = at - 1
    while word_at(tokens, place) in say.ARTICLES:
        place -= 1
    before = word_at(tokens, place)
    if before == "(" and word_at(tokens, at + 1) == ")" and word_at(tokens, place - 1) in say.PERSONS:
        return True  # "my son (17) says"
    if before in say.I_AM and len(tokens) > _FEW and say.GROWN_UP <= (tokens[at].value or 0) < say.VERY_OLD:
        return True  # "im 22 n my mom still calls"
    another = before in say.PERSONS_ARE or (before in say.BE and word_at(tokens, place - 1) in say.PERSONS)
    return another and not _speaks_for_another(tokens, at)


def _speaks_for_another(tokens: Sequence[Token], at: int) -> bool:
    """Return whether somebody answers for the patient: "mom says she is a 5", "he's a 7. this is his wife"."""
    words = [word_at(tokens, place) for place in range(max(0, at - _LONG), at)]
    says = any(word in say.SAYS and words[place - 1] in say.PERSONS for place, word in enumerate(words) if place)
    return says or any(
        texts_at(tokens, place, len(opening)) == opening
        for place, token in enumerate(tokens[:_LONG])
        for opening in say.SPEAKING_FOR.get(token.text, ())
    )


def _counts_on(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number goes on with a list of counted things: "2 cups, 3 kids, 1 bathroom"."""
    before = range(max(0, at - _LONG), at)
    if sum(tokens[place].value is not None and _measures(tokens, place) for place in before) < 2:
        return False
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    return after is not None and after.kind == "word" and after.text not in say.CLOSERS_AFTER


def _counts(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number says how much of something: "took 2 tylenol"."""
    place, after = at - 1, word_at(tokens, at + 1)
    while word_at(tokens, place) in say.ABOUT:
        place -= 1
    if word_at(tokens, place) in say.TAKING:
        return True  # "took like 9 of his pills"
    if word_at(tokens, place - (word_at(tokens, place) in {"en", "el"})) in say.NUMBERING:
        return True  # "somos 4 en casa"
    return word_at(tokens, place) in say.COUNT_VERBS and after not in say.CLOSERS_AFTER | {"", "|", ","}


def _is_range_slash(tokens: Sequence[Token], at: int) -> bool:
    """Return whether n/m are two neighbours on the scale rather than a fraction, date or pressure."""
    if at < 0 or at + 2 >= len(tokens) or word_at(tokens, at + 1) != "/":
        return False
    low, high = tokens[at].value, tokens[at + 2].value
    return low is not None and high is not None and high == low + 1 and high in {6, 7, 8, 9}


def _stands(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number in digits stands where an answer stands."""
    before, after = word_at(tokens, at - 1), word_at(tokens, at + 1)
    starts = before in {"", "|", ",", "(", "[", '"', "-", "*", "~", "=", ">", "#", "'", ":"} or _is_sign(before)
    ends = after in {"", "|", ",", ")", "]", '"', "-", "*", "~", "+", ">", "'", "("} or _is_sign(after)
    things = at + 2 if word_at(tokens, at + 1) in say.ADJECTIVES else at + 1
    counts = _is_plural(tokens, things) and is_whole(tokens[at])
    cued = before in say.CUES and not (counts and before in say.COUNTS_AFTER)
    if ends or cued or after in say.CLOSERS | say.ENDEARMENTS:
        return True
    if starts:
        return not counts
    return tokens[at - 1].value is not None or tokens[at + 1].value is not None


def _is_plural(tokens: Sequence[Token], at: int) -> bool:
    word = word_at(tokens, at)
    named = word.endswith("s") and len(word) > 3 and word not in say.NO_PLURALS and not word.endswith("mos")
    return named and not tokens[at].clitic


def _stands_as_word(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number in words stands as the answer: "three", "a solid six", "un cuatro hoy"."""
    before, after = word_at(tokens, at - 1), word_at(tokens, at + 1)
    text = tokens[at].text
    starts = before in {"", "|", ",", "(", "[", '"', "-", "*", "~", "=", ">", ":"} or _is_sign(before)
    starts = starts or before in say.FILLERS | say.ENDEARMENTS
    ends = after in {"", "|", ",", ")", "]", '"', "-", "*", "~", "+", ">"} or _is_sign(after)
    ends = ends or after in say.CLOSERS | say.ENDEARMENTS
    if _label_before(tokens, at) in say.MOOD and text not in say.ARTICLES_TOO:
        return True
    if text in say.ARTICLES_TOO:
        return (starts or (before in {"a", "the", "at", "is", "its", "say", "maybe"} and before != "the")) and (
            ends and after not in {"de", "of"}
        )
    joined = tokens[at + 1].value is not None if at + 1 < len(tokens) else False
    if ends and (starts or before in say.CUES or before in say.JOINTS):
        return True
    if starts and text not in say.NOT_BEFORE_A_NAME and _ends_clause(tokens, at + 1) and not _is_plural(tokens, at + 1):
        return True  # "siete pollito": whoever is meant
    return (starts or before in say.CUES or before in say.JOINTS) and (
        joined or after in say.JOINTS or (starts and after in say.STARTERS) or before in say.STRONG_CUES
    )


def _ends_clause(tokens: Sequence[Token], at: int) -> bool:
    if at >= len(tokens) or tokens[at].kind != "word":
        return False
    after = word_at(tokens, at + 1)
    return after in {"", "|", ","} or _is_sign(after)


def _is_sign(text: str) -> bool:
    return len(text) == 1 and not text.isascii()


def _stands_at(tokens: Sequence[Token], at: int) -> bool:
    """Return whether "at 7", "en 5" states a level: "im at 7", "still at a 7", "at 7" alone."""
    two_before = word_at(tokens, at - 2)
    if word_at(tokens, at - 1) in {"las", "la"}:
        return False
    if two_before == "me" and word_at(tokens, at - 3) in say.SUMMONS:
        return False
    if two_before in say.BE and _happens(tokens, at):
        return False
    return two_before in say.LEVEL_VERBS or (
        two_before in {"", "|", ","} and word_at(tokens, at + 1) not in say.DAY_TIMES
    )


def _happens(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a clause tells when something takes place: "my next one is at 3"."""
    words = {word_at(tokens, place) for place in range(max(_clause_start(tokens, at), at - _REACH), at)}
    return not words.isdisjoint(say.HAPPENINGS) and words.isdisjoint(say.MOOD)


def _is_denied(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is said not to be the answer: "not a 6", "ignore that 8", "that 9 was a lie"."""
    return _is_denied_before(tokens, at) or _is_taken_back(tokens, at)


def _is_taken_back(tokens: Sequence[Token], at: int) -> bool:
    if word_at(tokens, at - 1) in say.THAT_ONE and _is_put_right(tokens, at):
        return True
    if word_at(tokens, at + 1) in say.WAS and word_at(tokens, at + 3) in say.OTHER_SCALES:
        return True  # "9 was my anxiety"
    return any(
        texts_at(tokens, at + 1, len(words)) == words for words in say.TAKEN_BACK.get(word_at(tokens, at + 1), ())
    )


def _is_put_right(tokens: Sequence[Token], at: int) -> bool:
    """Return whether another number takes the place of "that 8": "that 8 was a 3", "ese 8 no, un 6"."""
    if word_at(tokens, at + 1) == "no":
        return word_at(tokens, at + 2) in _CLAUSE_ENDS and any(
            _is_number(tokens, one) for one in range(at, at + _REACH)
        )
    place = at + 1
    while word_at(tokens, place) in say.PUT_RIGHT | say.ARTICLES:
        place += 1
    return word_at(tokens, at + 1) in say.PUT_RIGHT and _is_number(tokens, place)


def _is_denied_before(tokens: Sequence[Token], at: int) -> bool:
    words = [word_at(tokens, place) for place in range(max(0, at - 4), at)]
    while words and (words[-1] in say.DENIAL_FILLERS):
        words.pop()
    if not words:
        return False
    if words[-1] in say.NEGATORS:
        bare_no = words[-1] == "no" and word_at(tokens, at - 1) == "no"
        if not bare_no:
            return words[-2:] != ["no", "no"]  # "no no un 8" corrects
        if {word_at(tokens, place) for place in range(max(0, at - 5), at)} & {"es", "era", "fue"}:
            return True
        # "no 5" after an answer corrects it; "no 7 sino 3" denies the 7.
        return word_at(tokens, at + 1) in {"sino", "but", "es", "its", "mas"}
    phrase = " ".join(("", *(word_at(tokens, place) for place in range(max(0, at - 6), at))))
    if phrase.endswith(say.IN_PLACE_OF):
        # "5 instead of 7", but "puse 9 en vez de 6" means the 6
        return not any(_is_number(tokens, place) and _told(tokens, place) for place in range(max(0, at - _LONG), at))
    if phrase.endswith(say.THAT) and any(_is_number(tokens, place) for place in range(max(0, at - _LONG), at)):
        return False  # "6. scratch that 5" puts the 5 in its place
    return phrase.endswith(say.ALMOST_SAID)


def _is_delta(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is a change, not a level: "up 2 points", "down 3 from yesterday"."""
    before, after = word_at(tokens, at - 1), word_at(tokens, at + 1)
    if after in {"points", "point", "puntos", "punto", "notches", "notch", "levels"}:
        return word_at(tokens, at + 2) in say.CHANGES or before in {
            "up",
            "down",
            "by",
            "gained",
            "lost",
            "subi",
            "baje",
            "another",
        }
    return before in {"up", "down"} and after in {"from", "since"}


def _is_compared(tokens: Sequence[Token], at: int) -> bool:
    words = [word_at(tokens, place) for place in range(max(0, at - 4), at)]
    while words and words[-1] in {"a", "an", "the", "un", "el", "my", "mi"}:
        words.pop()
    return bool(words) and (
        words[-1] in say.COMPARED
        or tuple(words[-2:]) in say.COMPARED_IN_TWO
        or (words[-1] in say.WHAT and len(words) > 1 and words[-2] in say.CHANGES)
    )


def _label_before(tokens: Sequence[Token], at: int) -> str:
    place = at - 1
    while place >= 0 and (word_at(tokens, place) in say.LABEL_JOINTS or tokens[place].text in {":", "=", "-"}):
        place -= 1
    return word_at(tokens, place)


def _in_question(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is part of a question about it: "what does 0 mean", "is 10 good or bad?"."""
    start = _clause_start(tokens, at)
    while start < at and word_at(tokens, start) in say.FILLERS | say.ARTICLES:
        start += 1
    first = word_at(tokens, start)
    asked = _is_asked(tokens, at)
    if _weighs_ends(tokens, at) or _offers_choice(tokens, start, at) or (asked and _follows_question(tokens, at)):
        return True
    if first in say.MEANS and start == at - 1 and _is_explained(tokens, at):
        return True  # "is 10 the best"
    if at == start:
        return _opens_question(tokens, at, asked=asked)
    opened = start + 1
    while word_at(tokens, opened) in say.ARTICLES:
        opened += 1
    if first in say.SUPPOSE and _is_number(tokens, opened):
        return asked  # "where 10 is great I'm a 3", "con un 3 me suben la dosis?"
    if first in say.WOULD and (opened == at or word_at(tokens, opened).endswith("ing")):
        return at + 1 < len(tokens)  # "would a 3 get reported"
    if texts_at(tokens, start, 2) in say.ASKS_IN_TWO:
        return True
    return first in say.ASKS or (asked and first in say.ASKS_WITH_MARK)


def _is_explained(tokens: Sequence[Token], at: int) -> bool:
    """Return whether what a number stands for follows it at once: "10 the best", "1 yes or no"."""
    after, then = word_at(tokens, at + 1), word_at(tokens, at + 2)
    if after in say.YES_OR_NO and not _is_number(tokens, at + 2):
        return True
    return not (say.WORST | say.BEST | say.HOW_HIGH).isdisjoint((after, then))


def _opens_question(tokens: Sequence[Token], at: int, *, asked: bool) -> bool:
    """Return whether a number begins a question about it: "el 2 es casi siempre?", "10 is good right"."""
    if asked and word_at(tokens, at + 1) in say.MEANS and word_at(tokens, at + 2) not in say.SAYS_ENOUGH:
        return True
    ends = say.WORST | say.BEST | say.HOW_HIGH
    return (asked or _is_checked(tokens, at)) and _end_named(tokens, at) in ends


def _offers_choice(tokens: Sequence[Token], start: int, at: int) -> bool:
    """Return whether it is asked which of two numbers to give: "if it was 4 days do i put 1 or 2"."""
    first = at if word_at(tokens, at + 1) in say.OR and _is_number(tokens, at + 2) else at - 2
    if first < start or not _is_number(tokens, first) or word_at(tokens, first + 1) not in say.OR:
        return False
    return any(texts_at(tokens, place, 2) in say.ASKS_IN_TWO | say.ASKS_WHICH for place in range(start, first))


def _clause_start(tokens: Sequence[Token], at: int) -> int:
    start = at
    while start > max(0, at - _LONG) and tokens[start - 1].kind != "break" and tokens[start - 1].text != ",":
        start -= 1
    return start


def _is_asked(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the sentence of a number ends with a question mark."""
    end = at
    while end < min(len(tokens), at + _LONG) and tokens[end].kind != "break":
        end += 1
    return end < len(tokens) and "?" in tokens[end].text


def _is_checked(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a sentence wants to be told that it is right: "10 is good right"."""
    end = at
    while end < min(len(tokens), at + _LONG) and tokens[end].kind != "break":
        end += 1
    return word_at(tokens, end - 1) in say.RIGHT


def _weighs_ends(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number is asked to be one end or the other: "is 10 good or 10 bad"."""
    if not {word_at(tokens, place) for place in range(at + 1, at + 4)} & (say.WORST | say.BEST):
        return False
    start, end = _clause_start(tokens, at), at
    while end < min(len(tokens), at + _LONG) and word_at(tokens, end) not in _CLAUSE_ENDS:
        end += 1
    words = [word_at(tokens, place) for place in range(start, end)]
    either = next((place for place, word in enumerate(words) if word in say.OR), len(words))
    before, after = set(words[:either]), set(words[either:])
    return bool((before & say.BEST and after & say.WORST) or (before & say.WORST and after & say.BEST))


def _follows_question(tokens: Sequence[Token], at: int) -> bool:
    """Return whether numbers only end a question: "which end is the good one, 10?"."""
    start = _clause_start(tokens, at)
    if word_at(tokens, start - 1) != "," or any(
        tokens[place].value is None and word_at(tokens, place) not in say.OR | say.ARTICLES
        for place in range(start, at)
    ):
        return False
    end, start = start - 1, _clause_start(tokens, start - 1)
    while word_at(tokens, start) in say.FILLERS:
        start += 1
    return word_at(tokens, start) in say.ASKS or (word_at(tokens, start) in say.WHAT and end - start > 1)


def _is_past(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the words nearest to a number put it in the past."""
    start = at
    while (
        start > 0
        and tokens[start - 1].kind != "break"
        and tokens[start - 1].value is None
        and not _is_sign(tokens[start - 1].text)
        and tokens[start - 1].text not in _NEW_THOUGHT
    ):
        start -= 1
    end = at + 1
    while (
        end < len(tokens)
        and tokens[end].kind != "break"
        and tokens[end].value is None
        and tokens[end].text not in {",", "(", ")", "but", "pero", "now", "ahora", "and", "today", "hoy", "y"}
    ):
        end += 1
    if _time_follows(tokens, at):
        start = at
    before = [_time_told(tokens, place) for place in range(start, at)]
    after = [_PAST_DAY.get(word, word) for word in (word_at(tokens, place) for place in range(at + 1, end))]
    next_is_number = end < len(tokens) and tokens[end].value is not None
    if " ".join(before[-3:]) in say.WOULD_BE or " ".join(before[-2:]) in say.WOULD_BE:
        return True
    if not say.OR_WAS.isdisjoint((tuple(before[-2:]), tuple(before[-3:-1]), tuple(before[-3:]))):
        return False  # "el 1, o era el 2?"
    was = _nearest_is_past(reversed(before))
    if was is not None:
        return was
    if next_is_number:
        # What stands between two numbers belongs to the second, unless it closes the first: "was 2, now 5".
        after = after[:2] if after and after[0] in say.PAST else []
    return bool(_nearest_is_past(after))


def _time_told(tokens: Sequence[Token], at: int) -> str:
    """Return a word, or the one of those we know that tells the same time."""
    word = word_at(tokens, at)
    return "now" if _is_felt(tokens, at) else _PAST_DAY.get(word, word)


def _is_felt(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a word is what somebody feels as he writes: "the ride was late and i feel like a 6"."""
    return (word_at(tokens, at - 1), word_at(tokens, at)) in _FEELS


def _time_follows(tokens: Sequence[Token], at: int) -> bool:
    """Return whether each number has its time behind it, as the first shows: "3 today 5 yesterday"."""
    return (
        {word_at(tokens, at - 1), word_at(tokens, at + 1)} <= say.TIMES_OF_A_NUMBER
        and at > 1
        and _is_number(tokens, at - 2)
        and word_at(tokens, at - 3) in _CLAUSE_ENDS
    )


def _is_now(tokens: Sequence[Token], at: int) -> bool:
    """Return whether the few words before a number say that it holds now: "normal days 5, hoy 7"."""
    if _time_follows(tokens, at):
        return word_at(tokens, at + 1) in say.THIS_VERY_TIME
    place = at - 1
    while place >= max(0, at - _REACH) and tokens[place].kind == "word" and tokens[place].value is None:
        if tokens[place].text in say.THIS_VERY_TIME:
            return True
        place -= 1
    return False


def _was_before(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number alone is put in the past: "yesterday was a 6", "5 was yesterday"."""
    before: list[str] = []
    place = at - 1
    while place >= max(0, at - _LONG) and tokens[place].kind != "break" and tokens[place].text not in _NEW_THOUGHT:
        if _is_sign(tokens[place].text):
            break
        before.append("now" if _is_felt(tokens, place) else word_at(tokens, place))
        place -= 1
    if word_at(tokens, at + 1) in say.WAS and {word_at(tokens, at + 2), word_at(tokens, at + 3)} & say.PAST:
        return True
    return bool(_nearest_is_past(before)) and word_at(tokens, at + 1) not in say.NOW


def _nearest_is_past(words: Iterable[str]) -> bool | None:
    """Return whether the first word that tells a time tells of the past, or None when there is none."""
    return next((word in say.PAST for word in words if word in say.PAST or word in say.NOW), None)


def _pair(tokens: Sequence[Token], answers: Sequence[_Answer]) -> tuple[Decimal, Decimal] | None:
    """Return two neighbouring whole numbers that are joined as a range."""
    if len(answers) != 2 or answers[0].past or answers[1].past:
        return None
    low, high = sorted(answer.value for answer in answers)
    if high - low != 1 or low != low.to_integral_value() or low < 0:
        return None
    between = [word_at(tokens, place) for place in range(answers[0].last, answers[1].first)]
    paused = not say.MAYBE.isdisjoint(between)
    joint = [word for word in between if word not in say.RANGE_FILLERS and not (paused and word in {"|", ","})]
    opened = {word_at(tokens, answers[0].first - 1), word_at(tokens, answers[0].first - 2)}
    if opened & {"from", "went", "desde"}:
        return None
    if joint and all(word in say.RANGE_JOINTS for word in joint) and len(joint) <= 2:
        return low, high
    return (low, high) if not joint and between else None


def _another_says(tokens: Sequence[Token], answers: Sequence[_Answer]) -> bool:
    """Return whether the last number is what somebody else would say: "a 6, my daughter says more like a 4"."""
    between = {word_at(tokens, place) for place in range(answers[-2].last, answers[-1].first)}
    return bool(between & say.PERSONS and between & say.SAYS)


def _spreads(tokens: Sequence[Token], answers: Sequence[_Answer]) -> bool:
    """Return whether two numbers are how far it goes, or hold each for its case: "de 3 a 7", "0 if I lie, 3 if not"."""
    if all(word_at(tokens, answer.last) in say.CASES for answer in answers):
        return True
    first, last = answers[0].first, answers[-1].last
    around = {word_at(tokens, place) for place in (*range(first - _REACH, first), *range(last, last + _FEW))}
    return len(answers) == 2 and not around.isdisjoint(say.SPREADS)


def _by_parts(tokens: Sequence[Token], answers: Sequence[_Answer], highest: int) -> tuple[Decimal, ...]:
    """Return the numbers that hold each for a part of the day or week: "weekdays 3 weekends 0"; none if one is more.

    Of an item, for each of what it asks about too: "sleep 3 appetite 1".
    """
    parts = say.PARTS | say.OTHER_SCALES if highest == _ITEM_ENDS else say.PARTS
    if not all(_part_named(tokens, answer.first, parts) for answer in answers):
        return ()  # "mornings 3 evenings 7, so a 5"
    values = {
        token.value
        for at, token in enumerate(tokens)
        if token.value is not None
        and token.value <= highest
        and _part_named(tokens, at, parts)
        and not (_counts_parts(tokens, at) or _counts(tokens, at) or _is_denied(tokens, at) or _is_past(tokens, at))
    }
    return tuple(sorted(values)) if len(values) > 1 else ()


def _counts_parts(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number has a unit, and not only the next part of the day behind it: "nights 3 days 0"."""
    parts_around = word_at(tokens, at + 1) in say.PARTS and _part_named(tokens, at, say.PARTS, (-1,))
    return _measures(tokens, at) and not parts_around


def _part_named(tokens: Sequence[Token], at: int, parts: Collection[str], steps: Sequence[int] = (-1, 1)) -> bool:
    """Return whether one of some parts stands beside a number: "mornings 3", "3 at night"."""
    for step in steps:
        place = at + step
        while word_at(tokens, place) in say.PART_LEADS:
            place += step
        if word_at(tokens, place) in parts:
            return True
    return False


def _is_unsettled(tokens: Sequence[Token], answers: Sequence[_Answer], *, answered: bool) -> bool:
    """Return whether no contrast word may pick one of several numbers."""
    if _another_says(tokens, answers) or _spreads(tokens, answers):
        return True
    return not answered and _denies_or_corrects(tokens, answers)


def _denies_or_corrects(tokens: Sequence[Token], answers: Sequence[_Answer]) -> bool:
    """Return whether a "no" may deny the last number or put it in the place of the other: "5, no 6"."""
    between = [word_at(tokens, place) for place in range(answers[-2].last, answers[-1].first)]
    return between[:2] == [",", "no"] and say.ARTICLES.issuperset(between[2:])


def _latest(tokens: Sequence[Token], answers: Sequence[_Answer]) -> Decimal | None:
    """Return the one value that contrast words pick among several, or None."""
    last = next(answer for at, answer in enumerate(answers) if {one.value for one in answers[at:]} == {answer.value})
    before = answers[answers.index(last) - 1]  # "a six, no wait a seven, yeah seven"
    between = [word_at(tokens, place) for place in range(before.last, last.first)]
    if _replaces(between) or _has_moved(tokens, answers, between) or _came_later(tokens, before, last):
        return last.value
    if "from" in between and word_at(tokens, before.first - 1) == "to":
        return before.value
    now = {answer.value for answer in answers if answer.now}
    if len(now) == 1:
        return next(iter(now))
    current = tuple(dict.fromkeys(answer.value for answer in answers if not answer.past))
    if len(current) == 1 and len(current) < len({answer.value for answer in answers}):
        return current[0]
    clear = {answer.value for answer in answers if _is_clear(tokens, answer)}
    return next(iter(clear)) if len(clear) == 1 else None


def _came_later(tokens: Sequence[Token], before: _Answer, last: _Answer) -> bool:
    """Return whether the day went from one number to the next: "woke up at a 3, by noon I was a 6"."""
    opened = {word_at(tokens, place) for place in range(before.first - _REACH, before.first)}
    between = {word_at(tokens, place) for place in range(before.last, last.first)}
    return not (before.now or opened.isdisjoint(say.AT_FIRST) or between.isdisjoint(say.LATER))


def _replaces(between: Sequence[str]) -> bool:
    """Return whether the words between two numbers put the second in the place of the first: "6 > 4", "6. no. 4"."""
    if not say.CORRECTIONS.isdisjoint(between) or ">" in between or between == ["|", "no"]:
        return True
    joined = " ".join(between)
    if "more like" in joined and not (say.PAST - say.WAS).isdisjoint(between):
        return False  # "3 (last week was more like a 1)"
    return any(words in joined for words in say.CORRECTION_PHRASES)


def _has_moved(tokens: Sequence[Token], answers: Sequence[_Answer], between: Sequence[str]) -> bool:
    """Return whether two numbers are where something went from and to: "from 3 to 6", "de 3 subí a 6"."""
    joined = " ".join(("", *between))
    if not joined.endswith(say.UP_TO):
        return False
    if not (say.MOVES - say.FROM).isdisjoint(between):
        return True
    opened = (word_at(tokens, place) for place in range(max(0, answers[-2].first - 4), answers[-2].first))
    return len(answers) == 2 and joined in say.UP_TO and any(word in say.MOVES for word in opened)


def _corrects(tokens: Sequence[Token]) -> bool:
    words = [token.text for token in tokens]
    text = " ".join(words)
    starred = any(
        token.value is not None and ("*" in {word_at(tokens, at - 1), word_at(tokens, at + 1)})
        for at, token in enumerate(tokens)
    )
    return (
        starred
        or any(word in say.CORRECTIONS for word in words)
        or any(words in text for words in say.CORRECTION_PHRASES)
    )


_OTHER_MEANINGS = (
    _measures,
    _is_part,
    _is_date,
    _is_label,
    _is_result,
    _is_span_of_time,
    _is_of_a_group,
    _is_whole_period,
    _is_vital_sign,
    _is_letters_short,
    _is_time,
    _is_denied,
    _is_delta,
    _is_compared,
    _is_age,
    _in_question,
    _names_end,
    _counts,
    _counts_on,
)
