"""The words around numbers, in both languages: ``phrases/numbers.toml``, read once."""

import tomllib
from importlib.resources import files

from services.followup.domain.reading.typos import typos_of

_DATA = tomllib.loads(
    files("services.followup.domain.reading").joinpath("phrases", "numbers.toml").read_text(encoding="utf-8")
)


def _words(name: str) -> frozenset[str]:
    return frozenset(_DATA[name])


def _phrases(name: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in _DATA[name])


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
ALMOST_SAID: tuple[str, ...] = tuple(_DATA["almost_said"])
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
AND_A_HALF = _phrases("and_a_half")
POINT = _words("point")
OUT_OF = _phrases("out_of")
SCALE_FROM = _phrases("scale_from")
SCALE_TO = _words("scale_to")
SCALE_TO_TWO = frozenset(_phrases("scale_to_two"))
SCALE_OF = _phrases("scale_of")
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
BUT_IT_IS = _words("but_it_is")
ONE_OF = _words("one_of")
WEEKDAYS = _words("weekdays")
NOT_BEFORE_A_NAME = _words("not_before_a_name")
COMPARED = _words("compared")
WOULD_BE = _words("would_be")
THIS_VERY_TIME = _words("this_very_time")
PLEASANTRIES: tuple[str, ...] = tuple(_DATA["pleasantries"])
