"""The words around numbers, in both languages: ``phrases/numbers.toml``, read once."""

import tomllib
from decimal import Decimal
from importlib.resources import files

from services.followup.domain.reading.typos import typos_of

_DATA = tomllib.loads(
    files("services.followup.domain.reading").joinpath("phrases", "numbers.toml").read_text(encoding="utf-8")
)


def _words(name: str) -> frozenset[str]:
    return frozenset(_DATA[name])


def _phrases(name: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in _DATA[name])


def _by_first(name: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the phrases of a list under their first word."""
    phrases = _phrases(name)
    return {first: tuple(one for one in phrases if one[0] == first) for first in {phrase[0] for phrase in phrases}}


def _endings(name: str, *, then: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the phrases of a list as endings of a text, further words after them or not."""
    return tuple(f" {phrase} {tail}".rstrip() for phrase in _DATA[name] for tail in ("", *then))


_PARTS = {"and_a_half": "0.5", "and_a_quarter": "0.25", "and_three_quarters": "0.75"}
_LONG_ENOUGH = 5  # of the words of numbers, those that are read mistyped

VALUES: dict[str, int] = {
    **{
        typo: int(number)
        for number, words in _DATA["values"].items()
        for word in words[:2]
        if len(word) >= _LONG_ENOUGH
        for typo in typos_of(word) - _words("no_numbers")
    },
    **{word: int(number) for number, words in _DATA["values"].items() for word in words},
}
UNITS = _words("units")
COUNTED = _words("counted")
LABELS = _words("labels")
LABELS_UNLESS = _words("labels_unless")
OF_PEOPLE = _words("of_people")
TIME_BEFORE = _words("time_before")
DAY_TIMES = _words("day_times")
LEVEL_VERBS = _words("level_verbs")
OTHER_SCALES = _words("other_scales")
MOOD = _words("mood")
LABEL_JOINTS = _words("label_joints")
PERSONS = _words("persons")
PERSONS_ARE = _words("persons_are")
BE = _words("be")
COUNT_VERBS = _words("count_verbs")
CUES = _words("cues")
STRONG_CUES = _words("strong_cues")
FILLERS = _words("fillers")
CLOSERS = _words("closers")
CLOSERS_AFTER = _words("closers_after")
STARTERS = _words("starters")
NO_PLURALS = _words("no_plurals")
NEGATORS = _words("negators")
DENIAL_FILLERS = _words("denial_fillers")
ALMOST_SAID = _endings("almost_said", then=("a", "an", "un", "que"))
CHANGES = _words("changes")
MOVES = _words("moves")
RANGE_JOINTS = _words("range_joints")
RANGE_FILLERS = _words("range_fillers")
PAST = _words("past")
NOW = _words("now")
CORRECTIONS = _words("corrections")
CORRECTION_PHRASES: tuple[str, ...] = tuple(_DATA["correction_phrases"])
ASKS = _words("asks")
ASKS_WITH_MARK = _words("asks_with_mark")
ARTICLES_TOO = _words("articles_too")
FRACTIONS: dict[str, tuple[tuple[tuple[str, ...], Decimal], ...]] = {
    first: tuple((words, Decimal(part)) for name, part in _PARTS.items() for words in _by_first(name).get(first, ()))
    for first in {phrase[0] for name in _PARTS for phrase in _phrases(name)}
}
POINT = _words("point")
OUT_OF = _by_first("out_of")
SCALE_FROM = _by_first("scale_from")
SCALE_TO = _words("scale_to")
SCALE_TO_TWO = frozenset(_phrases("scale_to_two"))
SCALE_OF = _by_first("scale_of")
MINUS = _words("minus")
JOINTS = _words("joints")
PERIODS = _words("periods")
PERIOD_OPENERS = _words("period_openers")
ENDEARMENTS = _words("endearments")
WORST = _words("worst")
BEST = _words("best")
MEANS = _words("means")
SUPPOSE = _words("suppose")
SINCE_WHEN = _words("since_when")
ARTICLES = _words("articles")
WAS = _words("was")
THEREFORE = _words("therefore")
TOLD = _words("told")
SAYS = _words("says")
OUT_OF_DAYS = _phrases("out_of_days")
ONE_OF = _words("one_of")
WEEKDAYS = _words("weekdays")
NOT_BEFORE_A_NAME = _words("not_before_a_name")
COMPARED = _words("compared")
COMPARED_IN_TWO = frozenset(_phrases("compared_in_two"))
AT_LEAST = frozenset({"al", "lo", "o"})
WOULD_BE = _words("would_be")
THIS_VERY_TIME = _words("this_very_time")
TIMES_OF_A_NUMBER = THIS_VERY_TIME | _words("yesterdays")
PLEASANTRIES: tuple[str, ...] = tuple(_DATA["pleasantries"])
BLESSINGS: tuple[str, ...] = tuple(_DATA["blessings"])
TOLD_FILLERS = _words("told_fillers")
TOLD_PHRASES = frozenset(_phrases("told_phrases"))
TAKEN_BACK = _by_first("taken_back")
VITAL_SIGNS = _words("vital_signs")
OVER = _words("over")
TO_AFTER = _words("to_after")
TO_BEFORE = _words("to_before")
TOO_AFTER = _words("too_after")
TOO_BEFORE = _words("too_before")
ME_TOO = _words("me_too")
FOR_AFTER = _words("for_after")
FOR_BEFORE = _words("for_before")
SPEAKING_FOR = _by_first("speaking_for")
ABOUT = _words("about")
TAKING = _words("taking")
FROM = _words("from")
UP_TO = _endings("up_to")
PART_OF = _by_first("part_of")
IN_PLACE_OF = _endings("in_place_of")
SLIPPED = _words("slipped")
PARTS_OF_DAY = _by_first("parts_of_day")
COUNTS_AFTER = _words("counts_after")
MAYBE = _words("maybe")
SUMMONS = _words("summons")
LEADS = _words("leads")
CONNECTIVES = _words("connectives")
OF = _words("of")
THAT = (" that", " ese", " eso", " esa")
GLUED_ON: tuple[str, ...] = tuple(_DATA["glued_on"])
SAYINGS: tuple[str, ...] = tuple(_DATA["sayings"])
ADJECTIVES = _words("adjectives")
NUMBERING = _words("numbering")
MONTHS = _words("months")
RATED = _words("rated")
GETS = _words("gets")
HOW_HIGH = _words("how_high")
OR_MORE = frozenset(_phrases("or_more"))
GROWN_UP, VERY_OLD = 13, 100  # ages, of whoever says "im 22"
MEASURES = frozenset({"level", "levels", "nivel", "niveles", "score", "escala", "grado", "amount", "lots"})
I_AM = frozenset({"am", "im"})
OR = frozenset({"o", "or", "u"})
EVENTS = _words("events")
HOWEVER = _words("however")
LASTS = _words("lasts")
SPAN_TO = SCALE_TO | TIME_BEFORE
ARRIVES = _words("arrives")
HAPPENINGS = _words("happenings") | EVENTS
PARTS = _words("parts")
PART_LEADS = _words("part_leads")
YES_OR_NO = frozenset({"no", "si", "yes"})
WHAT = frozenset({"k", "q", "que"})
BEFORE_MINUS: tuple[str, ...] = tuple(_DATA["before_minus"])
SAYS_ENOUGH = _words("says_enough")
WOULD = _words("would")
SCORE_TO = frozenset({"-", "a", "to"})
GAME = _words("game")
GROUPS = _words("groups")
MARKS = _words("marks")
THAT_ONE = _words("that_one")
PUT_RIGHT = _words("put_right")
SPREADS = _words("spreads")
AT_FIRST = _words("at_first")
LATER = _words("later")
TAILS = THIS_VERY_TIME | _words("tails")
OR_WAS = frozenset(_phrases("or_was"))
CASES = _words("cases")
RIGHT = frozenset({"cierto", "correct", "no", "right", "verdad"})
ASKS_IN_TWO = frozenset(_phrases("asks_in_two"))
ASKS_WHICH = frozenset(_phrases("asks_which"))
LINES = frozenset({"bus", "express", "ferry", "line", "local", "subway", "train", "tram"})
