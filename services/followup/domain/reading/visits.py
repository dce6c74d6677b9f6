"""What a reply wants of a visit: kept, moved, cancelled, or one kept and another not."""

import re
from collections.abc import Collection
from dataclasses import replace

from services.followup.domain.reading.reading import Interpretation
from services.followup.domain.reading.said import (
    CLAUSE_ENDS,
    CONTRASTS,
    Text,
    clause,
    is_meant,
    is_whole_clause,
    opens,
    overlap,
    part,
)
from services.followup.domain.text.phrases import Found
from services.followup.domain.text.words import CLAUSE_BREAK

_SAYS = Interpretation
LETTERS = {"c": _SAYS.CONFIRM, "r": _SAYS.RESCHEDULE}
OPT_OUTS = frozenset({"opt_out", "opt_out_perhaps"})
# What may stand right before a letter that answers: "what a morning, ok C".
_LEADS_UP = frozenset(
    {
        "so",
        "and",
        "ok",
        "yes",
        "anyway",
        "lol",
        "haha",
        "jaja",
        "y",
        "asi",
        "pues",
        "entonces",
        "si",
        "no",
        "wait",
        "sorry",
        "actually",
        "meant",
        "digo",
        "perdon",
        "just",
        "solo",
        "nomas",
        "letter",
        "letra",
        "put",
        "say",
    }
)
_LEADS_OUT = frozenset({"sorry", "please", "thanks", "lol", "instead", "porfa", "perdon", "gracias"})
# An apology takes an answer back only where little more than another answer follows: "C. sorry, R".
_APOLOGIES = frozenset({"sorry", "forgot", "perdon", "perdone", "perdonen", "disculpe", "disculpen"})
_FEW = 2
_HALTS = frozenset({"no", "not", "wait", "hold", "hang", "espera", "espere", "esperen", "momento"})
_UNCONFIRMED = re.compile(
    r"\b(?:not|no|cant|dont|didnt|wont|isnt|unable|never|antes de|how do i|where do i|need to|can i|como) "
    r"(?:\w+ ){0,2}(?:confirm\w*|sure|seguro|segura)\b"
)


def appointment(read: Text, *, spoken_of: bool = True) -> set[Interpretation]:
    """Return what a text wants of a visit, of which it need not say more where one was just spoken of.

    What takes back an answer, or follows it after a "but", counts instead of it.
    """
    first = _at_first(read, spoken_of=spoken_of)
    if not spoken_of:
        return first
    signs = second_thoughts(read)
    if signs:
        return _on_second_thought(read, signs[-1], first)
    return _after_but(read) or first


def _after_but(read: Text) -> set[Interpretation]:
    """Return what is wanted of a visit that is confirmed but for something: another time, or only a ride to it."""
    turn = max((at for at, word in enumerate(read.words) if word in CONTRASTS), default=0)
    if _at_first(part(read, 0, turn), spoken_of=True) != {_SAYS.CONFIRM}:
        return set()
    rest = part(read, turn + 1)
    return {_SAYS.CONFIRM} if rest.has("late") else visit_wishes(rest, spoken_of=True)


def second_thoughts(read: Text, *rules: str) -> list[Found]:
    """Return what takes back something said before it, the last one last; an apology at the end is none.

    Args:
        read: The text.
        rules: Of which kinds, beside those of any answer.
    """
    others = [found for found in read.found if found.rule in {"undecided", "not_second_thought"}]
    signs = [
        found
        for found in read.found
        if found.rule in {"second_thought", *rules}
        and found.first > 0
        and not any(overlap(found, other) for other in others)
        and not (_APOLOGIES.intersection(read.words[found.first : found.last]) and not part(read, found.last).said)
    ]
    return sorted(signs, key=lambda found: (found.last, -found.first))


def _on_second_thought(read: Text, sign: Found, first: set[Interpretation]) -> set[Interpretation]:
    """Return what is wanted of a visit where an answer is taken back: what follows, nothing where that is a "no"."""
    before, rest = part(read, 0, sign.first), part(read, sign.last)
    if not (before.has("no") or _at_first(before, spoken_of=True)):
        return first
    excuses_only = not _APOLOGIES.isdisjoint(read.words[sign.last - 1 : sign.last]) and len(rest.said) > _FEW
    if excuses_only:
        return first
    if not rest.said:
        return first if _HALTS.isdisjoint(read.words[sign.first : sign.last]) else set()  # "yes. oh wait"
    if rest.has("asks_first") or (rest.has("no") and rest.covered_by("no", "courtesy")):
        return set()  # "yes wait no"
    return _at_first(rest, spoken_of=True) or first


def _at_first(read: Text, *, spoken_of: bool) -> set[Interpretation]:
    """Return what a text wants of a visit, taken as a whole."""
    letters = [word for word in read.said if word.isascii() and not word.isdigit()]
    if one_alone := _not_the_other(read):
        return one_alone
    if set(LETTERS) <= set(letters) and (_asks_both(read) or len(letters) == len(LETTERS)):
        return set()  # "C or R??", "c r"
    bare = "".join(dict.fromkeys("".join(letters))) if letters and len("".join(letters)) <= 3 else ""
    if bare in LETTERS:
        return {LETTERS[bare]}
    if " ".join(letters) in read.book.keywords["reschedule"]:
        return {_SAYS.RESCHEDULE}
    if {read.words[found.first] for found in read.found if found.rule == "letter_of_a_day"} == set(LETTERS):
        return set(LETTERS.values())  # "C for Tuesday, R for Friday"
    alone = {letter for letter in LETTERS if stands_alone(read, letter)}
    wishes = visit_wishes(read, spoken_of=spoken_of)
    if wishes and (alone != {"c"} or read.has("wish")):
        return wishes | ({_SAYS.CONFIRM} if spoken_of and _keeps_another(read) else set())
    opening = letters[0] if letters else ""
    if (opening == "r" and len(letters) > 1) or alone == {"r"}:
        return {_SAYS.RESCHEDULE}
    if opening == "c" or alone == {"c"}:
        return {_SAYS.CONFIRM}
    confirms = opens(read, "confirm", not_in=("not_confirm",)) or is_meant(
        read, {"keep", "confirm_after_all"}, unless="not_confirm"
    )
    if confirms and not read.has("asks_first") and not _UNCONFIRMED.search(" ".join(read.words)):
        return {_SAYS.CONFIRM}
    return {_SAYS.RESCHEDULE} if spoken_of and not confirms and _is_unwelcome(read) else set()


def _not_the_other(read: Text) -> set[Interpretation]:
    """Return what the first of two letters stands for where the second is ruled out: "I meant C not R"."""
    letters = [(at, word) for at, word in enumerate(read.said) if word in LETTERS]
    if {word for _, word in letters} != set(LETTERS) or len(letters) != len(LETTERS):
        return set()
    (first, one), (last, _other) = letters
    return {LETTERS[one]} if read.said[first + 1 : last] == ["not"] else set()


def _is_unwelcome(read: Text) -> bool:
    """Return whether a text only hints that a visit does not fit: "state testing all day", "weekdays are out"."""
    asks = {"question", "question_anywhere"}
    if (
        read.has("undecided", "late")
        or opens(read, "hedge", not_in=("likely",))
        or any(found.rule in asks and read.opens_clause(found) for found in read.found)
    ):
        return False
    return read.has("excuse") or (read.has("time_named") and read.has("time_unwelcome"))


def beside_opt_out(read: Text, said: Collection[Interpretation], *, spoken_of: bool = True) -> set[Interpretation]:
    """Return what a text that opts out of texts also says of a visit, in so many words.

    Args:
        read: The text.
        said: What it says whatever was asked.
        spoken_of: Whether a visit was just spoken of; else the wish must name one or its day.
    """
    if said != {_SAYS.OPT_OUT} or read.has("only_texts"):
        return set()  # "don't cancel my visits, just the texts" confirms none
    rest = apart_from_opt_out(read)
    if not spoken_of:
        return visit_wishes(rest, spoken_of=False, named=True)
    told = {
        found.rule
        for found in rest.found
        if found.rule in {"confirm", "keep", "cancel_request", "reschedule"}
        and (found.last - found.first > 1 or read.words[found.first].startswith(("cancel", "confirm", "resched")))
    }
    kinds = appointment(read)
    if _SAYS.CONFIRM in kinds:
        # "yes please stop"
        return kinds if told & {"confirm", "keep"} or read.said[0] == "c" else set()
    return {kind for kind in kinds if kind.value in told or read.said[0] == "r"}


def apart_from_opt_out(read: Text) -> Text:
    """Return a text without what its phrases of opting out have in common with others."""
    opted_out = [found for found in read.found if found.rule in OPT_OUTS]
    return replace(read, found=[one for one in read.found if not any(overlap(one, other) for other in opted_out)])


def _keeps_another(read: Text) -> bool:
    """Return whether one visit is said to be good before another is refused: "the first yes, move the second"."""
    kept = [found.first for found in read.found if found.rule == "one_kept"]
    wishes = [found.first for found in read.found if found.rule.startswith(("reschedule", "cancel_request"))]
    return bool(kept and wishes) and min(kept) < max(wishes)


def visit_wishes(read: Text, *, spoken_of: bool, named: bool = False) -> set[Interpretation]:
    """Return whether a text wants a visit moved or cancelled, what it wants kept left aside.

    Args:
        read: The text.
        spoken_of: Whether a visit was just spoken of, so that less needs to be said.
        named: Whether the clause of the wish must name a visit or its day.
    """
    kept = [found for found in read.found if found.rule in {"keep", "undecided"}]
    free = [found for found in read.found if not any(overlap(found, other) for other in kept)]
    if named:
        visits = [clause(read.words, found) for found in read.found if found.rule == "visit_named"]
        free = [found for found in free if visits and clause(read.words, found) in visits]
    names = {found.rule for found in free}
    if spoken_of:
        names |= {rule.removesuffix("_perhaps") for rule in names}
        if any(found.rule == "cannot" and is_whole_clause(read, found) for found in read.found):
            names.add("cant_come")
    if "cancel_request" in names and "reschedule" in names:
        return {_SAYS.CANCEL_REQUEST, _SAYS.RESCHEDULE} if _asks_both(read) else {_SAYS.RESCHEDULE}
    if "cancel_request" in names:
        return {_SAYS.CANCEL_REQUEST}
    return {_SAYS.RESCHEDULE} if names & {"reschedule", "cant_come"} else set()


def stands_alone(read: Text, letter: str) -> bool:
    """Return whether a letter is a clause of its own, or ends one after a sign or its own words: "I'll be there C"."""
    words = [CLAUSE_BREAK, *read.words, CLAUSE_BREAK]
    said_so = _ends_of(read, LETTERS[letter])
    return any(
        word == letter
        and (words[at + 1] in CLAUSE_ENDS | _LEADS_OUT or not words[at + 1].isascii())
        and (words[at - 1] in CLAUSE_ENDS | _LEADS_UP or not words[at - 1].isascii() or at - 1 in said_so)
        for at, word in enumerate(words)
    )


def _ends_of(read: Text, wish: Interpretation) -> set[int]:
    """Return where words end that say what a letter stands for, and that nothing else claims: not "can't be there"."""
    others = [found for found in read.found if found.rule in {"cant_come", "not_confirm", "undecided"}]
    return {
        found.last
        for found in read.found
        if found.rule == wish.value and found.last - found.first > 1 and not any(overlap(found, one) for one in others)
    }


def _asks_both(read: Text) -> bool:
    return bool({"or", "o"} & set(read.said))
