"""Read one reply (DOMAIN.md 6): who wrote it, is anyone in danger, keywords, then the answer to the open question."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from services.followup.domain.reading.numbers import Numbers, read_numbers
from services.followup.domain.reading.reading import Interpretation, PromptKind, Reading
from services.followup.domain.reading.said import (
    CONTRASTS,
    Text,
    clause,
    clause_length,
    hellos_of,
    is_meant,
    is_whole_clause,
    opens,
    overlap,
    part,
    within,
)
from services.followup.domain.reading.visits import (
    LETTERS,
    OPT_OUTS,
    apart_from_opt_out,
    appointment,
    beside_opt_out,
    second_thoughts,
    stands_alone,
    visit_wishes,
)
from services.followup.domain.reading.wording import wording
from services.followup.domain.safety import NOTHING_FOUND, Screening, Tier, idioms_in, look_alikes, screen_safely
from services.followup.domain.scoring import LOW_MOOD
from services.followup.domain.text.phrases import Found
from services.followup.domain.text.plain import plain
from services.followup.domain.text.quoted import own_words, without_long_quotes
from services.followup.domain.text.words import BREAKS, CLAUSE_BREAK, COMMA

_SAYS = Interpretation
_SCALES = {
    PromptKind.MOOD: (0, 10),
    PromptKind.MOOD_ANSWERED: (0, 10),
    PromptKind.PHQ_ITEM: (0, 3),
    PromptKind.ITEM_9: (0, 3),
    PromptKind.HOME_SAFE: (1, 2),
}
_OPTIONS = ("option_0", "option_1", "option_2", "option_3")
_ITEM_DIGITS = frozenset("0123")
_FEW = 6
_FEW_WORDS = 3
_SCATTERED = 2  # breaks at least, one after nearly every word
_AND = frozenset({"and", "y"})
_ANSWERS_IN_A_WORD = frozenset({*LETTERS, "confirm", "confirmed", "confirmo", "home", "reschedule"})
_STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "optout", "alto", "baja"})
_TAGS = frozenset({"right", "correct", "verdad", "cierto"})
_STATES = frozenset({"is", "are", "its", "thats", "was", "at", "have", "es", "son", "era", "esta", "tengo", "toca"})
_BEFORE_NO_TAG = frozenset({"all", "be", "not", "no", "feel", "feels", "the", "la", "de", "completely", "absolutely"})
_SO = frozenset({"so", "then", "say", "entonces", "osea"})
_LISTS = frozenset({"list", "lista"})
_NODS = frozenset({"yes", "yeah", "yep", "yup", "no", "nope", "si", "sip"})
_PLAIN_YES = frozenset({"yes", "yeah", "yep", "yup"})
_OF_SOMETHING = frozenset({"it", "that", "this", "the", "la", "lo"})
_YES = frozenset({"yes", "yeah", "yep", "yup", "si", "sip", "sure", "claro", "absolutely", "definitely", "true"})
_WHOSE = frozenset(
    {"my", "mi", "the", "a", "la", "el", "un", "una", "her", "his", "your", "su", "tu", "mis", "is", "es", "not", "soy"}
)
_NOT_ME = frozenset({("a", "mi", "no"), ("a", "mi", "nunca"), ("to", "me", "no")})
_NOES = frozenset({"no", "nope", "never", "nah", "nunca", "jamas"})
_LEADS_TO_NO = frozenset({"so", "is", "otherwise", "that", "this", "answer", "es", "eso", "entonces", "sigue"})
_ANSWERED = frozenset({"answer", "respuesta"})
_WISHFUL = frozenset({"wish", "want", "hope", "think", "thought", "thoughts", "pienso", "pense", "quiero", "ojala"})
_NOTHING = frozenset({"no", "nope", "0", "zero", "cero", "never", "nunca"})
_ORDER = tuple(Interpretation)
_CHECK_INS = frozenset({PromptKind.MOOD, PromptKind.PHQ_ITEM, PromptKind.ITEM_9, PromptKind.HOME_SAFE})
_SCORED = _CHECK_INS - {PromptKind.HOME_SAFE} | {PromptKind.MOOD_ANSWERED}
_ASKS_BACK = _CHECK_INS | {PromptKind.CONFIRM}
_NOT_ON_A_SCALE = frozenset({PromptKind.CONFIRM, PromptKind.MOOD_ANSWERED, PromptKind.NONE})
# Beside these no question is asked back: a person or another path takes over.
_SETTLED = frozenset(Interpretation) - {_SAYS.REVIEW, _SAYS.UNMATCHED, _SAYS.EMPTY}
# What somebody should read beside the answer that one is home.
_CONCERNS = ("drove", "ailing", "unwell", "collapsing")
_ELSEWHERE = tuple([word] for word in ("at", "in", "en", "to", "going", "on", "por", "rumbo"))
# Beside these a question is not looked for.
_NOTHING_BESIDE = frozenset({_SAYS.OPT_OUT, _SAYS.OPT_IN, _SAYS.HELP, _SAYS.WRONG_NUMBER})
# The phrases that say a thing, and those that say nothing of their own.
_SAID_BY: Mapping[Interpretation, tuple[str, ...]] = {
    _SAYS.WRONG_NUMBER: ("wrong_number", "not_named"),
    _SAYS.OPT_OUT: ("opt_out", "opt_out_perhaps"),
    _SAYS.OPT_IN: ("opt_in",),
    _SAYS.CANCEL_REQUEST: ("cancel_request", "cant_come"),
    _SAYS.RESCHEDULE: ("reschedule", "reschedule_perhaps", "cant_come"),
    _SAYS.CONFIRM: ("confirm", "keep", "yes"),
    _SAYS.SCORE: (*_OPTIONS, "yes", "no", "home", "around_a_number"),
    _SAYS.RANGE: ("around_a_number",),
    _SAYS.CORRECTION: ("around_a_number", "takes_back", "corrects"),
    _SAYS.ACK: ("ack", "parting"),
}
_ANSWERS = frozenset({_SAYS.SCORE, _SAYS.RANGE, _SAYS.CORRECTION, _SAYS.CONFIRM})
_OF_VISITS = frozenset({_SAYS.CONFIRM, _SAYS.RESCHEDULE, _SAYS.CANCEL_REQUEST})
_ACTED_ON = frozenset({_SAYS.SCORE, _SAYS.RANGE, _SAYS.CORRECTION, _SAYS.OPT_OUT})
_NODS_TO_US = ("thanks", "ack", "parting", "farewell")
_SAID_BESIDE = ("thanks", "courtesy", "hello", "pleasantry")
_SAD_SIGNS = frozenset("👎😢😭😞😔💔😩😫😖🥺😿🖤🤮😵🤕☹🙁😓😥")
_CONFIRMED = re.compile(r"(?:^|\s)(?:c|confirm\w*|be there|see you|estare|nos vemos)(?:\s|$)")
_NAME = re.compile(r"(?<=\w )[A-ZÁÉÍÓÚÑ][a-záéíóúüñ]{2,}")
_DIGITS = re.compile(r"[0-9]")
# One value in place of another.
_ARROW = re.compile(r"[0-9]\s*[-=]*>\s*[0-9]")
# A "k" is Spanish for "que", except where nothing follows it.
_LONE_K = re.compile(
    r"\bk+\b(?=\W*(?:$|\n|(?:thx|thanks?|ty|gracias|please|pl[sz]|lol|haha|jaja|por favor|have a|hon|mija|sorry|see|got"
    r"|will|ill|c (?:u|ya|you))\b))"
)
_TITLE = re.compile(r"\b(dra?|sra?|srta|mrs?|ms)\.")
_NUMBER_SIGN = re.compile(r"(?<=[a-z]\s)#(?!\w)|(?<=[a-z])#(?!\w)")
_MARKS = frozenset("?¿")
# The question taken up before it is answered: "mood? meh".
_ECHO = re.compile(
    r"^\W*(?:(?:my|the|mi|el|la) )?(?:mood|score|number|sleep|energy|pain|ánimo|animo|número|sueño)\s*\?+",
    re.IGNORECASE,
)
# Spanish words that ask where they bear their accent, unless one says that one does not know.
_ACCENTED = re.compile(
    r"(?<!no sé )(?<!no se )(?<!sabe )(?<!hay de )(?<!\bni )(?<!ni pa )(?<!ni para )"
    r"(?<!mucho por )(?<!tanto por )(?<!nada por )"
    r"\b(?:qué|cómo|cuándo|dónde|quién|cuál|cuánto)\b"
)
_PARTICIPLE = re.compile(r"(?:[ai]do|cho|[iser]to|lto)$")  # "no ha llegado" does not laugh
# What no phone writes for its owner: "behind the wheel rn, will text u".
_TYPED_BY_HAND = re.compile(
    r"\b(?:u|ur|rn|ya|yall|gonna|gimme|lol|l8r|ans|tho|omw|bout|nite|idk|imma|cuz|toy|orita|xfa)\b"
)
_NEEDS_LAUGHTER = frozenset({"in_jest"})
# A "no" that holds for a while only.
_FOR_NOW = re.compile(
    r"\b(?:for now|for the moment|at the moment|not yet|not today"
    r"|ask me (?:again|later|tomorrow|tonight|in|on|next|when|after|another|any other)|yesterday (?:yes|i did|was)"
    r"|last night (?:yes|i did)|por ahora|por el momento|todavia no|aun no|ayer si|anoche si)\b"
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a text answers, and the screening raised by what the answer itself says."""

    said: frozenset[Interpretation]
    screening: Screening
    value: Decimal | None = None
    numbers: Numbers = Numbers()  # noqa: RUF009 - frozen, so shared safely


def read_reply(text: str, prompt: PromptKind, *, language: str = "en") -> Reading:
    """Return what a reply to a prompt says.

    Args:
        text: As it arrived, of any length.
        prompt: What the newest open prompt expects, or ``PromptKind.NONE``.
        language: The patient's language, a hint only: both are always understood, mixed too.
    """
    screening = screen_safely(text, language=language)
    own, quoted = own_words(text)
    if quoted is not None and not any(char.isalnum() for char in own):
        return _reading({_SAYS.TAPBACK}, screening, language)
    read = _text(own)
    of_home = prompt is PromptKind.HOME_SAFE and (_drives(screening) or read.has("home"))
    # No device writes of danger: "er nurse, suicide attempts all night so cant pick up".
    if _is_automatic(read, perhaps=not of_home and not _only_crisis(screening).tiers):
        return _reading({_SAYS.AUTO_REPLY}, _only_crisis(screening), language, human_reads=not read.has("auto_reply"))
    if not read.said and "?" not in own:
        return _reading({_SAYS.EMPTY}, screening, language)
    numbers = _numbers(own, prompt)
    answer = _Answer(frozenset(_everywhere(read) - _not_meant_of_a_score(read, prompt, numbers)), screening)
    if _SAYS.WRONG_NUMBER not in answer.said:
        core = _core(read)
        kinds, value, screening = _answer(core, prompt, numbers, screening, answer.said)
        if prompt in _SCALES:
            wishes = (
                beside_opt_out(core, answer.said, spoken_of=False)
                if answer.said
                else visit_wishes(core, spoken_of=False, named=True)
            )
            kinds = kinds - {_SAYS.CLARIFY} | wishes if wishes else kinds
        answer = _Answer(answer.said | kinds, screening, value, numbers)
    return _finished(read, prompt, answer, language)


def _numbers(own: str, prompt: PromptKind) -> Numbers:
    if prompt not in _SCALES:
        return Numbers()
    answered = prompt is PromptKind.MOOD_ANSWERED
    return read_numbers(plain(without_long_quotes(own)), highest=_SCALES[prompt][1], answered=answered)


def _not_meant_of_a_score(read: Text, prompt: PromptKind, numbers: Numbers) -> set[Interpretation]:
    """Return what an answer only sounds like: "wrong number, I meant 6", "2, nobody here"."""
    corrects = prompt is PromptKind.MOOD_ANSWERED and numbers.values and _is_correction(read, numbers)
    is_alone = prompt is PromptKind.HOME_SAFE and numbers.values and read.has("alone")
    return {_SAYS.WRONG_NUMBER} if corrects or is_alone else set()


def _text(own: str) -> Text:
    book = wording()
    flat = _LONE_K.sub("ok", _NUMBER_SIGN.sub(" number ", _TITLE.sub(r"\1", plain(own))))
    words = book.vocabulary.words(flat, line_breaks=True)
    found = book.rules.find(words)
    return Text(book, flat, own, words, found, hellos_of(found))


def _is_automatic(read: Text, *, perhaps: bool) -> bool:
    """Return whether a device wrote a text; what only sounds like one counts where ``perhaps`` does.

    A human reads that too. Whoever drives after a visit counts as driving even so: "driving home, ill text you then".
    """
    headed = any(
        found.rule == "auto_reply_heading"
        and found.first == 0
        and read.words[found.last : found.last + 1] == [CLAUSE_BREAK]
        for found in read.found
    )
    if _TYPED_BY_HAND.search(read.plain):
        return False
    rules = {"auto_reply", "auto_reply_perhaps"} if perhaps else {"auto_reply"}
    return headed or is_meant(read, rules, unless="not_auto_reply")


def _drives(screening: Screening) -> bool:
    return any(rule.endswith("driving_now") for rule in screening.rules)


def _core(read: Text) -> Text:
    """Return a text with greetings, thanks, laughter and who is addressed as pauses around what it says."""
    kept = {at for one in read.found if one.rule in _NEEDS_LAUGHTER for at in range(one.first, one.last)}
    kept |= {at for at, pair in enumerate(pairwise(read.words)) if pair[0] == "ha" and _PARTICIPLE.search(pair[1])}
    small = {at for one in read.found if one.rule == "pleasantry" for at in range(one.first, one.last)} - kept
    small |= {one.first for one in read.found if one.rule == "endearment" and _addresses(read.words, one.first, small)}
    if not small:
        return read
    words = [COMMA if at in small else word for at, word in enumerate(read.words)]
    found = read.book.rules.find(words)
    return replace(read, words=words, found=found, hellos=hellos_of(found))


def _addresses(words: Sequence[str], at: int, small: Collection[int]) -> bool:
    """Return whether a word like "mija" is said to whoever reads: at the end of a clause, and of nobody's."""
    ends = at + 1 == len(words) or words[at + 1] in BREAKS or not words[at + 1].isascii() or at + 1 in small
    return ends and (at == 0 or words[at - 1] not in _WHOSE)


# ------------------------------------------------------------------ what needs no prompt


def _everywhere(read: Text) -> set[Interpretation]:
    """Return what a text says whatever was asked: keywords, opt-out in other wording, a wrong number."""
    said = _keyword(read) or _keyword(_core(read))
    if said:
        return said
    wrong = is_meant(read, {"wrong_number"}, unless="not_wrong_number") or _is_somebody_else(_core(read))
    if wrong and not read.has("joking"):
        return {_SAYS.WRONG_NUMBER}
    opts_out = is_meant(read, OPT_OUTS, unless="not_opt_out")
    if opts_out and not _is_misnamed(read) and not opens(read, "wants_texts", not_in=("opt_out",)):
        # "I can't come, take me off the list" means the list of visits.
        visits = not _LISTS.isdisjoint(read.said) and bool(visit_wishes(apart_from_opt_out(read), spoken_of=False))
        visits = visits and not any(word.startswith("cancel") for word in read.said)
        said |= set() if visits else {_SAYS.OPT_OUT}
    elif (
        read.has("only_texts") or (read.has("texts_named") and _stops(read)) or _stops_first(read) or _stops_last(read)
    ):
        said.add(_SAYS.OPT_OUT)
    elif is_meant(read, {"opt_in"}, unless="not_opt_in"):
        said.add(_SAYS.OPT_IN)
    return said


def _keyword(read: Text) -> set[Interpretation]:
    """Return what a message means that consists of one keyword, courtesies and digits left aside."""
    courtesies = {at for found in read.found if found.rule == "courtesy" for at in range(found.first, found.last)}
    words = [word for word in read.said if not word.isdigit() and word.isascii()]
    core = [
        word
        for at, word in enumerate(read.words)
        if word not in BREAKS and word.isascii() and not word.isdigit() and at not in courtesies
    ]
    keywords = read.book.keywords
    if len(words) > 1 and keywords["opt_out"].issuperset(words):
        return {_SAYS.OPT_OUT} if keywords["cancel"].isdisjoint(words) else {_SAYS.OPT_OUT, _SAYS.CANCEL_REQUEST}
    for candidate in (
        " ".join(words),
        " ".join(dict.fromkeys(words)),
        " ".join(dict.fromkeys(core)) if len(words) <= 4 else "",
    ):
        if candidate in keywords["cancel"] and not _OF_SOMETHING.isdisjoint(words):
            return set()  # "just cancel it"
        if candidate in keywords["opt_out"]:
            return {_SAYS.OPT_OUT, _SAYS.CANCEL_REQUEST} if candidate in keywords["cancel"] else {_SAYS.OPT_OUT}
        if candidate in keywords["opt_in"]:
            return {_SAYS.OPT_IN}
        if candidate in keywords["help"]:
            return {_SAYS.HELP}
    return set()


def _stops(read: Text) -> bool:
    """Return whether a clause says no more than to stop, or says so in three words: "all day, knock it off"."""
    return any(
        found.rule == "stop_alone" and (is_whole_clause(read, found) or found.last - found.first >= _FEW_WORDS)
        for found in read.found
    )


def _stops_first(read: Text) -> bool:
    """Return whether a text opens with a keyword of opting out and goes on of a visit: "STOP. cancel my visit too"."""
    keywords = read.book.keywords
    opens_with, parted = [*read.words, CLAUSE_BREAK, CLAUSE_BREAK][:2]
    return (
        opens_with in keywords["opt_out"] - keywords["cancel"]
        and parted in BREAKS | _AND
        and bool(visit_wishes(read, spoken_of=False, named=True))
    )


def _stops_last(read: Text) -> bool:
    """Return whether an answer of a letter, number or word ends in a keyword of opting out: "C and STOP"."""
    *answer, closes_with = read.said or [""]
    return (
        closes_with in _STOP_WORDS
        and bool(answer)
        and all(word in _ANSWERS_IN_A_WORD or word.isdigit() for word in answer if word not in _AND)
    )


def _is_somebody_else(read: Text) -> bool:
    """Return whether a text denies a name: "this is not Ana", "no soy lupita"."""
    written = set() if read.original.istitle() else {plain(name) for name in _NAME.findall(read.original)}
    for found in read.found:
        if found.rule == "wrong_name" and not read.book.names.isdisjoint(read.words[found.first : found.last]):
            return True
        if found.rule == "not_them" and is_whole_clause(read, found):
            return True
        if found.rule == "not_titled" and _may_be_a_name(read, found.last - 1):
            return True
        if found.rule in {"not_named", "not_me"} and clause_length(read.words, found) <= _FEW:
            name = read.words[found.last - 1]
            unknown = name not in read.book.names and _may_be_a_name(read, found.last - 1)
            if name in read.book.names or (unknown and name in written):
                return True
            if unknown and found.rule == "not_named" and len(read.said) <= _FEW:
                return True
    return False


def _is_misnamed(read: Text) -> bool:
    """Return whether somebody only wants to be called something else: "stop calling me Bob, it's Robert"."""
    return any(found.rule == "misnamed" and read.words[found.last - 1] in read.book.names for found in read.found)


def _may_be_a_name(read: Text, at: int) -> bool:
    """Return whether a word is a given name, or none that any phrase knows."""
    name = read.words[at]
    return name in read.book.names or (name.isalpha() and name not in read.book.vocabulary.known)


def _asks(read: Text, prompt: PromptKind) -> bool:
    """Return whether a text asks something, beside or instead of answering."""
    marked = bool(_MARKS.intersection(_ECHO.sub("", read.original)))
    rules = {"question", "question_word"} if marked else {"question"}
    if prompt in _NOT_ON_A_SCALE:
        if marked and not opens(read, "hedge") and (len(read.said) >= 3 or _is_bare_question(read)):
            return True
        rules.add("question_unmarked")
        if _ends_in_a_tag(read):
            return True
    jibes = [found for found in read.found if found.rule == "not_question"]
    asked = [found for found in read.found if not any(overlap(found, jibe) for jibe in jibes)]
    if any(found.rule == "question_anywhere" or (found.rule in rules and read.opens_clause(found)) for found in asked):
        return True
    if marked and any(found.rule in rules for found in read.found):
        return len(read.said) >= 3 or not any(word.isdigit() for word in read.said)
    # "¿cómo llego", but "¡qué calor!".
    exclaimed = sum(found.rule == "exclaims" for found in read.found)
    return len(_ACCENTED.findall(read.original.casefold())) > exclaimed


def _ends_in_a_tag(read: Text) -> bool:
    """Return whether a text wants to hear that it is so: "my visit is at 9 right", but not "that is right"."""
    before = read.said[:-1]
    return (
        not _TAGS.isdisjoint(read.said[-1:])
        and not _STATES.isdisjoint(before)
        and (_STATES | _BEFORE_NO_TAG).isdisjoint(before[-1:])
    )


def _is_bare_question(read: Text) -> bool:
    """Return whether a word or two with a question mark ask something: "parking?", but not "ok?" or "maybe?"."""
    nods = ("ack", "confirm", "thanks", "courtesy", "hello", "pleasantry", "yes", "no", "hedge")
    return any(len(word) > _FEW_WORDS for word in read.said) and not read.covered_by(*nods, numbers_too=True)


# ------------------------------------------------------------------ the open prompt's own grammar


def _answer(
    read: Text, prompt: PromptKind, numbers: Numbers, screening: Screening, said: Collection[Interpretation]
) -> tuple[set[Interpretation], Decimal | None, Screening]:
    """Return the answer to the prompt, its value, and the screening raised by what the answer says."""
    match prompt:
        case PromptKind.MOOD:
            kinds, value = _scored(numbers, prompt)
            return kinds, value, screening
        case PromptKind.MOOD_ANSWERED:
            kinds, value = _corrected(read, numbers)
            return kinds, value, screening
        case PromptKind.PHQ_ITEM:
            kinds, value = _item(read, numbers)
            return kinds, value, screening
        case PromptKind.ITEM_9:
            return _item_9(read, numbers, screening, said)
        case PromptKind.HOME_SAFE:
            return _home_safe(read, numbers, screening)
        case PromptKind.CONFIRM:
            return (beside_opt_out(read, said) if said else appointment(read)), None, screening
        case PromptKind.NONE:
            # A letter or a nod answers nothing; a wish about a visit stands for itself.
            if said:
                return beside_opt_out(read, said, spoken_of=False), None, screening
            wish = appointment(read, spoken_of=False) & {_SAYS.CANCEL_REQUEST, _SAYS.RESCHEDULE}
            return (wish if len(read.said) > 1 else set()), None, screening


def _scored(numbers: Numbers, prompt: PromptKind) -> tuple[set[Interpretation], Decimal | None]:
    """Return the score of a number, on the prompt's scale and never off it."""
    low, high = _SCALES[prompt]
    whole_only = prompt not in {PromptKind.MOOD, PromptKind.MOOD_ANSWERED}
    if not numbers.values:
        return set(), None
    inside = [low <= value <= high for value in numbers.values]
    if numbers.pair and all(inside):
        # The worse end: the low one of a mood, the high one of a symptom.
        return {_SAYS.RANGE}, (numbers.pair[1] if whole_only else numbers.pair[0])
    if len(numbers.values) > 1:
        return {_SAYS.CLARIFY}, None
    value = numbers.values[0]
    if not inside[0]:
        return {_SAYS.OUT_OF_RANGE}, None
    if whole_only and value != value.to_integral_value():
        return {_SAYS.CLARIFY}, None
    return {_SAYS.SCORE}, value


def _corrected(read: Text, numbers: Numbers) -> tuple[set[Interpretation], Decimal | None]:
    """Return what becomes of an answer given just before: another value, or taken back without one."""
    kinds, value = _scored(numbers, PromptKind.MOOD_ANSWERED)
    if read.has("visit_meant"):
        return {_SAYS.RESCHEDULE}, None
    if read.has("stands") and not read.has("corrects"):
        return {_SAYS.ACK}, None  # "it was right the first time"
    if read.has("would_be") and not read.has("corrects"):
        return set(), None  # "a 10 if the rent were paid"
    if len(numbers.values) <= 1 and read.has("overstated"):
        return {_SAYS.CLARIFY}, None
    if not kinds and read.has("takes_back"):
        return {_SAYS.CLARIFY}, None
    rather = _this_not_that(read) if kinds == {_SAYS.CLARIFY} else None
    if rather is not None:
        return {_SAYS.CORRECTION}, rather
    # A bare number may as well answer another question that is open: only words make it a correction.
    if kinds == {_SAYS.SCORE} and _is_correction(read, numbers):
        return {_SAYS.CORRECTION}, value
    return kinds, value


def _this_not_that(read: Text) -> Decimal | None:
    """Return the first of two numbers of which the other is denied: "sorry, 1 not 10"."""
    for found in read.found:
        if found.rule == "this_not_that":
            digits = [word for word in read.words[found.first : found.last] if word.isdigit()]
            if len(digits) == len(("this", "that")) and Decimal(digits[0]) <= _SCALES[PromptKind.MOOD_ANSWERED][1]:
                return Decimal(digits[0])
    return None


def _is_correction(read: Text, numbers: Numbers) -> bool:
    return numbers.corrected or read.has("takes_back", "corrects") or bool(_ARROW.search(read.plain))


def _item(read: Text, numbers: Numbers, *, may_fall: bool = True) -> tuple[set[Interpretation], Decimal | None]:
    """Return the answer to a 0 to 3 item: a whole number or the text of an option; both must agree.

    Args:
        read: The text.
        numbers: Its numbers.
        may_fall: Whether an answer may be put right by a lower one; else it is unclear then.
    """
    if read.words.count(CLAUSE_BREAK) >= max(_SCATTERED, len(read.said) - 1):
        # "every. single. day."
        read = replace(read, words=read.said, found=read.book.rules.find(read.said), hellos=frozenset())
    rather = _on_second_thought(read, may_fall=may_fall)
    if rather is not None:
        return {_SAYS.SCORE}, rather
    kinds, value = _scored(numbers, PromptKind.PHQ_ITEM)
    options = {Decimal(at) for at, rule in enumerate(_OPTIONS) if _option(read, rule)}
    if options and numbers.seen and not numbers.values and _asks(read, PromptKind.PHQ_ITEM):
        return {_SAYS.CLARIFY}, None  # "el 2 es casi siempre o que?"
    if options and not numbers.values:
        return ({_SAYS.SCORE}, next(iter(options))) if len(options) == 1 else ({_SAYS.CLARIFY}, None)
    if not numbers.values and any(_is_refused(read, found) for found in read.found if found.rule in _OPTIONS):
        return {_SAYS.CLARIFY}, None
    said_so = {
        Decimal(at)
        for at, rule in enumerate(_OPTIONS)
        for found in read.found
        if found.rule == rule and _fills_clause(read, found)
    }
    if said_so and value is not None and value not in said_so and len(read.said) <= 8:
        return {_SAYS.CLARIFY}, None
    return kinds, value


def _on_second_thought(read: Text, *, may_fall: bool) -> Decimal | None:
    """Return the option that is put in the place of the answer before it: "several days... no wait, every day"."""
    options = [found for found in read.found if found.rule in _OPTIONS]
    signs = [
        sign
        for sign in second_thoughts(read, "rather")
        if sign.last < len(read.words) and not any(overlap(sign, option) for option in options)
    ]
    if not signs:
        return None
    sign = signs[-1]
    before, after = part(read, 0, sign.first), part(read, sign.last)
    instead = {Decimal(at) for at, rule in enumerate(_OPTIONS) if _option(after, rule)}
    answered = {Decimal(at) for at, rule in enumerate(_OPTIONS) if before.has(rule)}
    answered |= {Decimal(word) for word in before.said if word in _ITEM_DIGITS}
    if len(instead) != 1 or not answered or (min(instead) < max(answered) and not may_fall):
        return None
    return min(instead)


def _is_refused(read: Text, option: Found) -> bool:
    """Return whether an option is named only to say that it is not the one: "not every day"."""
    told = [found for found in read.found if found.rule == "says_that"]  # "creo que casi diario"
    return any(
        found.rule == "not_an_option"
        and overlap(found, option)
        and not within(found, option)
        and not any(overlap(found, one) for one in told)
        for found in read.found
    )


def _option(read: Text, rule: str) -> bool:
    """Return whether an option's words stand as the answer, not somewhere inside a longer sentence."""
    for found in read.found:
        if found.rule == rule and not _is_refused(read, found):
            length = found.last - found.first
            clause = clause_length(read.words, found)
            if length == 1 and rule == "option_0" and not _fills_clause(read, found):
                continue  # "no duermo nada"
            if clause - length <= 2 or (length > 1 and (read.opens_clause(found) or clause - length <= 5)):
                return True
            if length > 1 and _SO.intersection(read.words[found.first - 1 : found.first]) and _ends_clause(read, found):
                return True  # "slept 3 hours last night so nearly every day"
    return False


def _ends_clause(read: Text, found: Found) -> bool:
    return found.last == clause(read.words, found)[1]


def _fills_clause(read: Text, found: Found) -> bool:
    """Return whether nothing but courtesies stands beside a phrase in its clause."""
    small = {
        at
        for one in read.found
        if one.rule in {"courtesy", "hello", "no", "thanks"}
        for at in range(one.first, one.last)
    } | {at for at, word in enumerate(read.words) if word.isdigit()}
    start, end = clause(read.words, found)
    return all(found.first <= at < found.last or at in small for at in range(start, end))


def _item_9(
    read: Text, numbers: Numbers, screening: Screening, said: Collection[Interpretation]
) -> tuple[set[Interpretation], Decimal | None, Screening]:
    """Return the answer to the question about self-harm; whatever is unclear is a possible crisis (3.2)."""
    if _tells_of_a_deed(read) and not read.has("formerly"):
        screening = screening.joined(Tier.S1, "item9.deed")
        if not numbers.values:
            return set(), None, screening  # "cut my arms a few times"
    kinds, value = _item_9_option(read, numbers)
    if value is None and not kinds:
        yes, no = _nods(read)
        if yes and not no and (not _hedges(read) or _is_yes_at_times(read)):
            return {_SAYS.CRISIS}, None, screening.joined(Tier.S1, "item9.yes")
        if no and not yes:
            kinds, value = {_SAYS.SCORE}, Decimal(0)
    if value is None:
        return kinds - {_SAYS.CLARIFY}, None, _unclear(read, kinds, screening, said)
    if value >= 1:
        return kinds, value, screening.joined(Tier.S2 if value == 1 else Tier.S1, f"item9.{value}")
    if _is_doubted(read):
        screening = screening.joined(Tier.S2, "item9.contradiction")
    elif read.has("formerly", "excepted"):
        screening = screening.joined(Tier.S3, "item9.formerly")
    return kinds, value, screening


def _item_9_option(read: Text, numbers: Numbers) -> tuple[set[Interpretation], Decimal | None]:
    """Return the number or option that is named; "some nights" is none, and may be as many as are a crisis."""
    if not numbers.values and read.has("some_nights"):
        return set(), None
    return _item(read, numbers, may_fall=False)


def _unclear(
    read: Text, kinds: Collection[Interpretation], screening: Screening, said: Collection[Interpretation]
) -> Screening:
    """Return the screening of what is no answer to the question about self-harm; asked back, it is no danger."""
    weary = read.has("weary_of_it")
    unsure = weary or read.has("hedge", "for_now", "does_it_count", "if_i_said", "refusal", "not_no")
    unsure = unsure or _yes_at_times(read)
    if not kinds and not said and not unsure and _asks(read, PromptKind.ITEM_9):
        return screening.joined(Tier.S3, "item9.question")
    # "stop asking me this" refuses, whatever else it ends.
    if (not said or weary) and (kinds or unsure or not _is_only_polite(read)):
        explained = _PLAIN_YES.isdisjoint(read.said) and (_is_all_denied(screening) or look_alikes(read.words))
        # What ails the body is no doubt about self-harm, and a nurse hears of it now.
        harmless = (explained or Tier.M in screening.tiers) and not (kinds or unsure)
        return screening.joined(Tier.S3 if harmless else Tier.S2, "item9.unclear")
    return screening


def _is_all_denied(screening: Screening) -> bool:
    return bool(screening.rules) and all(rule.endswith((".negated", ".denied")) for rule in screening.rules)


def _tells_of_a_deed(read: Text) -> bool:
    """Return whether somebody says that they hurt themselves, and not their toe."""
    others = [found for found in read.found if found.rule == "not_deed"] + look_alikes(read.words)
    return any(found.rule == "deed" and not any(overlap(found, other) for other in others) for found in read.found)


def _nods(read: Text) -> tuple[bool, bool]:
    """Return whether a text says yes to the question about self-harm, and whether it says a clear no."""
    closing = _closes_with_no(read)
    yes = opens(read, "yes", not_in=("no", "if_i_said", "not_yes", "feels_well")) or _says(read, "says_yes")
    if is_meant(read, {"thoughts_yes"}, unless="not_thoughts") and not closing:
        # "thoughts yes, plan no": a no to the deed takes no thought back.
        return True, opens(read, "no", not_in=("not_no", "refusal", "no_deed"))
    no_deed = ("no_deed",) if yes else ()
    no = closing or opens(read, "no", not_in=("not_no", "refusal", *no_deed)) or _says(read, "says_no")
    yes = yes and not closing and not (no and _YES.isdisjoint(read.said))  # "no im good"
    says_yes_too = not closing and not (_PLAIN_YES.isdisjoint(read.said) or read.has("not_yes"))
    settled = closing and not _ANSWERED.isdisjoint(read.said)
    clear = settled or not (says_yes_too or _is_hedged(read) or read.has("refusal"))
    return yes, no and (yes or clear)


def _closes_with_no(read: Text) -> bool:
    """Return whether a text comes to a no in the end: "yes I read it, and the answer is no", "3 kids, so no never"."""
    said = [word for word in read.said if word.isascii()]
    while said and said[-1] in _NOES:
        said.pop()
    ends = len(said) < sum(word.isascii() for word in read.said)
    return ends and bool(said) and said[-1] in _LEADS_TO_NO and _WISHFUL.isdisjoint(said)


def _says(read: Text, rule: str) -> bool:
    """Return whether a text says so outright, not what would follow: "what happens if I say yes"."""
    wished = read.has("if_i_said") or not _WISHFUL.isdisjoint(read.said)
    return is_meant(read, {rule}, unless="not_no") and not wished


def _is_only_polite(read: Text) -> bool:
    """Return whether a text has no word but courtesies, a "yes" not among them: "hoy si"."""
    polite = read.covered_by("thanks", "courtesy") and _YES.isdisjoint(read.said) and not read.has("feels_well")
    return not read.said or polite


def _is_doubted(read: Text) -> bool:
    """Return whether more words take back a part of "not at all": "0 but", "0 for now"."""
    places = [at for at, word in enumerate(read.words) if word not in BREAKS]
    said = [read.words[at] for at in places]
    jests = _jests(read)
    starts = {found.first for found in (*jests, *_harmless_turns(read))}
    contrasted = any(
        word in CONTRASTS | {"sometimes"}
        and not _trails_a_jest(read, places[at])
        and _NOTHING.isdisjoint(said[at + 1 : at + 3])
        and tuple(said[at + 1 : at + 4]) not in _NOT_ME
        and starts.isdisjoint(places[at + 1 : at + 1 + _FEW])
        for at, word in enumerate(said)
    )
    contrasted = contrasted and not _is_only_denied(read)
    is_for_now = any(
        found.rule == "for_now" and not any(overlap(found, jest) for jest in jests) for found in read.found
    )
    return (
        contrasted
        or is_for_now
        or _yes_at_times(read)
        or (not jests and bool(_FOR_NOW.search(" ".join(said))))
        or _is_hedged(read)
    )


def _yes_at_times(read: Text) -> bool:
    """Return whether a clause ends in a yes for some hours: "no. bueno, cuando me quedo sola si"."""
    return any(found.rule == "sometimes_yes" and _ends_clause(read, found) for found in read.found)


def _hedges(read: Text) -> list[Found]:
    """Return the words of doubt that are not part of something else: "no se preocupen"."""
    settled = [found for found in read.found if found.rule == "not_hedge"]
    hedges = [found for found in read.found if found.rule == "hedge"]
    return [hedge for hedge in hedges if not any(within(hedge, one) for one in settled)]


def _is_yes_at_times(read: Text) -> bool:
    """Return whether a plain yes is qualified by nothing but how often it holds: "yeah sometimes"."""
    times = [found for found in read.found if found.rule == "at_times"]
    return not _YES.isdisjoint(read.said) and all(any(within(hedge, one) for one in times) for hedge in _hedges(read))


def _trails_a_jest(read: Text, at: int) -> bool:
    """Return whether a "tho" at the end of a clause belongs to an idiom just before: "no, dying of boredom tho"."""
    start = next((place for place in range(at - 1, -1, -1) if read.words[place] in BREAKS), -1) + 1
    ends = at + 1 == len(read.words) or read.words[at + 1] in BREAKS or not read.words[at + 1].isascii()
    return ends and any(start <= found.first and found.last <= at for found in look_alikes(read.words))


def _harmless_turns(read: Text) -> list[Found]:
    """Return what a "but" may lead to without doubt: "but the Knicks are killing me", "but I can't come Tuesday"."""
    if CONTRASTS.isdisjoint(read.said):
        return []
    visits = {"cant_come", "reschedule", "cancel_request", "not_so_meant"}
    return [found for found in read.found if found.rule in visits] + look_alikes(read.words)


def _jests(read: Text) -> list[Found]:
    """Return what is said in jest, and of no means or deed: "unless crying at commercials counts lol"."""
    grave = [found for found in read.found if found.rule == "grave"]
    jests = [found for found in read.found if found.rule == "in_jest"]
    return [jest for jest in jests if not any(overlap(jest, one) for one in grave)]


def _is_only_denied(read: Text) -> bool:
    """Return whether a text with a contrast says nothing but no and thanks: "no, never, thanks for asking tho"."""
    small = {
        at
        for found in read.found
        if found.rule in {"no", "option_0", *_SAID_BESIDE} and found.rule != "hello"
        for at in range(found.first, found.last)
    }
    return all(
        at in small or word in BREAKS | CONTRASTS | _NOTHING or not word.isascii() for at, word in enumerate(read.words)
    )


def _is_hedged(read: Text) -> bool:
    """Return whether a text has a doubt that neither lies in the past nor is part of a no: "not once"."""
    past = [found for found in read.found if found.rule == "formerly"]
    settled = [found for found in read.found if found.rule in {"no", "option_0", "not_hedge"}]
    return any(
        found.rule == "hedge"
        and not any(overlap(found, other) for other in past)
        and not any(within(found, other) for other in settled)
        for found in read.found
    )


def _home_safe(
    read: Text, numbers: Numbers, screening: Screening
) -> tuple[set[Interpretation], Decimal | None, Screening]:
    """Return whether the patient is home: 1 yes, 2 no."""
    if _drives(screening):
        return set(), None, screening.joined(Tier.M, "driving_after_visit")
    alone = is_meant(read, {"alone"}, unless="not_alone")
    needs_help = is_meant(read, {"needs_help"}, unless="not_needing")
    concern = {_SAYS.REVIEW} if alone or needs_help or read.has(*_CONCERNS) else set()
    kinds, value = _scored(replace(numbers, pair=None), PromptKind.HOME_SAFE)
    told = needs_help or read.has("home", "not_home", "unwell", "collapsing")
    if kinds and not (value is None and told):
        return (kinds | {_SAYS.REVIEW} if value == 2 else kinds | concern), value, screening
    unwell = is_meant(read, {"unwell"}, unless="not_unwell")
    of_a_beast = any(rule.endswith(".beast") for rule in screening.rules)
    collapsing = not of_a_beast and _is_collapsing(read)
    if (collapsing or (unwell and Tier.M in screening.tiers)) and not needs_help:
        # A nurse calls; whether home is not said.
        return {_SAYS.REVIEW}, None, screening.joined(Tier.M, "unwell_after_visit")
    if unwell or needs_help:
        return {_SAYS.SCORE, _SAYS.REVIEW}, Decimal(2), screening
    no = opens(read, "no", not_in=("alone", "not_alone", "no_trouble"))
    if (alone and not no) or _is_away(read):
        return {_SAYS.REVIEW}, None, screening
    if no and not read.has("home"):
        return {_SAYS.SCORE, _SAYS.REVIEW}, Decimal(2), screening
    if read.has("home") or opens(read, "yes") or _is_accompanied(read):
        return {_SAYS.SCORE} | concern, Decimal(1), screening
    return concern, None, screening


def _is_collapsing(read: Text) -> bool:
    """Return whether somebody can hardly stand, see or breathe, and not from laughing or in tight jeans."""
    others = [found for found in read.found if found.rule == "not_collapsing"] + idioms_in(read.words)
    return any(
        found.rule == "collapsing" and not any(overlap(found, other) for other in others) for found in read.found
    )


def _is_accompanied(read: Text) -> bool:
    """Return whether a clause begins with whom somebody is with, and not where: "here with my wife"."""
    return any(
        found.rule == "company"
        and read.opens_clause(found)
        and read.words[found.last : found.last + 1] not in _ELSEWHERE
        for found in read.found
    )


def _is_away(read: Text) -> bool:
    """Return whether a text tells of being somewhere else than home, unless home comes well before it."""
    home = [found for found in read.found if found.rule == "home"]
    accompanied = [found for found in read.found if found.rule == "not_alone"]
    away = [
        found
        for found in read.found
        if found.rule == "not_home" and not any(overlap(found, other) for other in accompanied)
    ]
    if not away or (home and all(_before(one, other) for one in home for other in away)):
        return False
    if _arrived_after(read, away):
        return False
    return not (opens(read, "yes") and home and not any(_near(one, other) for one in home for other in away))


def _arrived_after(read: Text, away: Sequence[Found]) -> bool:
    """Return whether a text ends at home, wherever it was on the way: "stopped for soup, im on the couch now"."""
    later = [found for found in read.found if found.rule == "home_later"]
    return any(
        found.rule == "home_now"
        and all(one.last <= found.first or within(one, found) for one in away)
        and not any(overlap(found, one) for one in later)
        for found in read.found
    )


# ------------------------------------------------------------------ all together


def _finished(read: Text, prompt: PromptKind, answer: _Answer, language: str) -> Reading:
    """Add what remains to say: questions, thanks, asking back, and what the screen found."""
    said, screening = set(answer.said), answer.screening
    if _SAYS.HELP in said and prompt in _CHECK_INS:
        screening = screening.joined(Tier.S3, "help_in_check_in")
    alarms = _alarms(screening)
    if not alarms <= {_SAYS.REVIEW}:
        alarms.discard(_SAYS.REVIEW)
        said.discard(_SAYS.CLARIFY)
        if _SAYS.MEDICAL_URGENT in alarms or len(read.said) > _FEW_WORDS:
            said.discard(_SAYS.OUT_OF_RANGE)  # What was measured or counted: "my hearts going 150".
        said -= _not_meant_beside_an_alarm(read, screening)
    if (
        prompt not in _SCORED
        and not said - {_SAYS.CONFIRM, _SAYS.QUESTION}
        and (is_meant(read, {"late"}, unless="not_late") or (prompt in _NOT_ON_A_SCALE and read.has("arrived")))
    ):
        core = _core(read)
        confirmed = any(word.startswith("confirm") for word in core.said)
        if not (confirmed or read.has("yes") or core.said[:1] == ["c"] or stands_alone(core, "c")):
            said.discard(_SAYS.CONFIRM)
        said.add(_SAYS.REVIEW)
    if said.isdisjoint(_NOTHING_BESIDE) and _SAYS.CRISIS not in alarms and _asks(read, prompt):
        said.add(_SAYS.QUESTION)
    said |= _remark(read, prompt, said)
    if said & _ANSWERS and (
        _is_qualified(read)
        or _is_low_with_words(read, prompt, answer)
        or _tells_of_ailments(read)
        or (_SAYS.CONFIRM in said and read.has("conditional"))
    ):
        said.add(_SAYS.REVIEW)
    words = sum(1 for word in read.said if not _DIGITS.match(word))
    if not said & _SETTLED and alarms <= {_SAYS.REVIEW}:
        watched = bool(screening.rules) and all(".watch_word" in rule for rule in screening.rules)
        concerns = read.has("concern")
        if concerns and prompt is PromptKind.CONFIRM:
            said.add(_SAYS.REVIEW)  # sick, or hurt: no answer, but no riddle either
        is_told = words > _FEW_WORDS or concerns
        said |= _open_end(prompt, said | alarms, only_watched=watched and not said, is_told=is_told)
    return _reading(
        said,
        screening,
        _language(read, language),
        alarms=alarms,
        value=answer.value,
        pair=answer.numbers.pair if _SAYS.RANGE in said else None,
        confidence=_confidence(said, answer.numbers, words),
        human_reads=bool(said & {_SAYS.UNMATCHED, _SAYS.REVIEW})
        or (words > 1 and _asks_for_two_things(said))
        or (words > _FEW_WORDS and not _is_explained(read, said)),
    )


def _asks_for_two_things(said: Collection[Interpretation]) -> bool:
    """Return whether something is said of a visit beside what else is acted on: a person sees to the second."""
    of_visits = _OF_VISITS & set(said)
    return bool(of_visits) and len(of_visits | (set(said) & _ACTED_ON)) > 1


def _is_qualified(read: Text) -> bool:
    """Return whether an answer goes on with "but" and three words or more: somebody should know what (S-3)."""
    said = read.said
    at = next((at for at, word in enumerate(said) if word in CONTRASTS), len(said))
    return len(said) - at > _FEW_WORDS


def _is_low_with_words(read: Text, prompt: PromptKind, answer: _Answer) -> bool:
    """Return whether somebody at the bottom of the scale says more than the number (S-3)."""
    low = (
        answer.value is not None and answer.value <= LOW_MOOD and prompt in {PromptKind.MOOD, PromptKind.MOOD_ANSWERED}
    )
    return low and len(read.said) > _FEW_WORDS and not _is_explained(read, answer.said)


def _tells_of_ailments(read: Text) -> bool:
    """Return whether more than a few words beside an answer tell of a new medicine or what it does (3.6)."""
    return len(read.said) > _FEW_WORDS and read.has("ailing")


def _is_explained(read: Text, said: Collection[Interpretation]) -> bool:
    """Return whether every word belongs to what was read; else more was said than the answer (3.6, 6)."""
    rules = (rule for one in said for rule in _SAID_BY.get(one, ()))
    return read.covered_by(*_SAID_BESIDE, *rules, numbers_too=True)


def _not_meant_beside_an_alarm(read: Text, screening: Screening) -> set[Interpretation]:
    """Return what the words of somebody in danger only look like."""
    not_meant = _a_cry(read, screening)
    if not read.has("opt_out") and _SAYS.OPT_OUT not in _keyword(read):
        # "leave me alone" says little of texts; a number that is closed could not be answered (3.3).
        not_meant.add(_SAYS.OPT_OUT)
    if not is_meant(read, {"reschedule", "reschedule_perhaps"}, unless="cant_come") and read.said[:1] != ["r"]:
        # "I can't go on" and "I won't be around by Thursday" are no wish to move a visit.
        not_meant.add(_SAYS.RESCHEDULE)
    if not any(word.startswith("cancel") for word in read.said):
        # "give my slot to somebody with a future" may still be no visit's business.
        not_meant.add(_SAYS.CANCEL_REQUEST)
    if not _CONFIRMED.search(" ".join(read.said)):
        # "yes, I'm going to do it" confirms no visit.
        not_meant.add(_SAYS.CONFIRM)
    return not_meant


def _a_cry(read: Text, screening: Screening) -> set[Interpretation]:
    """Return the keywords that are none beside an alarm: "please help", "end it all" (but "end it" may be meant)."""
    if len(read.said) == 1 or read.has("opt_out") or screening.rules == ("whole_reply",):
        return set()
    return {_SAYS.HELP, _SAYS.OPT_OUT, _SAYS.CANCEL_REQUEST} & _keyword(read)


def _remark(read: Text, prompt: PromptKind, said: Collection[Interpretation]) -> set[Interpretation]:
    """Return what a text is that says nothing else: thanks, or a sad face that somebody should see."""
    if said:
        return set()
    if prompt in _CHECK_INS:
        # "good, thanks" and "yes, thanks" answer, though not in figures.
        thanks = read.has("thanks") and read.covered_by("thanks", "hello", "pleasantry", "endearment")
        if thanks and _NODS.isdisjoint(read.said):
            return {_SAYS.ACK}
    elif read.has(*_NODS_TO_US) and read.covered_by(*_NODS_TO_US, "courtesy", "pleasantry"):
        return {_SAYS.ACK, _SAYS.REVIEW} if read.has("farewell") else {_SAYS.ACK}
    elif prompt is PromptKind.MOOD_ANSWERED and _opens_with_thanks(read):
        return {_SAYS.ACK, _SAYS.REVIEW}
    elif prompt is not PromptKind.CONFIRM and is_meant(read, {"thanks"}, unless="no"):
        # Whatever else is told, it is told with thanks: "them crackers were good, thank ya".
        few = sum(1 for word in read.said if not _DIGITS.match(word)) <= _FEW_WORDS
        return {_SAYS.ACK} if few else {_SAYS.ACK, _SAYS.REVIEW}
    return {_SAYS.REVIEW} if _SAD_SIGNS & set(read.plain) else set()


def _opens_with_thanks(read: Text) -> bool:
    """Return whether a clause is thanks or a goodbye, whatever else a text tells."""
    return any(found.rule in _NODS_TO_US and read.opens_clause(found) for found in read.found)


def _open_end(
    prompt: PromptKind, said: Collection[Interpretation], *, only_watched: bool, is_told: bool
) -> set[Interpretation]:
    """Return how a text ends that settles nothing: ask back once, or leave it to whoever reads."""
    if prompt in {PromptKind.MOOD, PromptKind.PHQ_ITEM} or (prompt in _ASKS_BACK and (only_watched or not said)):
        return {_SAYS.CLARIFY}
    if said and not only_watched:
        return set()
    # Whoever says a whole sentence is read the same day, understood or not (3.6, 6).
    return {_SAYS.REVIEW if is_told else _SAYS.UNMATCHED}


def _alarms(screening: Screening) -> set[Interpretation]:
    names = {Tier.S1: _SAYS.CRISIS, Tier.M: _SAYS.MEDICAL_URGENT, Tier.S2: _SAYS.POSSIBLE_CRISIS, Tier.S3: _SAYS.REVIEW}
    alarms = {names[tier] for tier in screening.tiers}
    if _SAYS.CRISIS in alarms:
        alarms.discard(_SAYS.POSSIBLE_CRISIS)
    return alarms


def _only_crisis(screening: Screening) -> Screening:
    """Leave out what an automatic reply says of itself: "I'm driving", "if this is urgent"."""
    tiers = screening.tiers & {Tier.S1}
    if Tier.S2 in screening.tiers and not all(rule.endswith((".help_me", ".driving_now")) for rule in screening.rules):
        tiers |= {Tier.S2}
    return Screening(tiers, screening.rules) if tiers else NOTHING_FOUND


def _reading(
    said: set[Interpretation],
    screening: Screening,
    language: str,
    *,
    alarms: set[Interpretation] | None = None,
    value: Decimal | None = None,
    pair: tuple[Decimal, Decimal] | None = None,
    confidence: float = 1.0,
    human_reads: bool = False,
) -> Reading:
    every = said | (_alarms(screening) if alarms is None else alarms)
    first, *also = sorted(every, key=_ORDER.index)
    return Reading(
        first,
        tuple(also),
        value=None if value is None else _simple(value),
        pair=(_simple(pair[0]), _simple(pair[1])) if pair else None,
        confidence=confidence,
        language=language,
        screening=screening,
        human_reads=human_reads,
    )


def _simple(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() else value


def _confidence(said: Collection[Interpretation], numbers: Numbers, words: int) -> float:
    if numbers.inferred or _SAYS.RANGE in said:
        return 0.7
    if _SAYS.CLARIFY in said or _SAYS.UNMATCHED in said:
        return 0.3
    return 1.0 if words <= 2 else 0.9


def _language(read: Text, hint: str) -> str:
    """Return the language that more words of a text belong to, else the hint."""
    english, spanish = (sum(word in read.book.telling[known] for word in read.said) for known in ("en", "es"))
    if spanish == english:
        return hint
    return "es" if spanish > english else "en"


def _before(one: Found, other: Found) -> bool:
    return one.last <= other.first and other.first - one.last > 2


def _near(one: Found, other: Found) -> bool:
    return abs(one.first - other.last) <= 2 or abs(other.first - one.last) <= 2 or overlap(one, other)
