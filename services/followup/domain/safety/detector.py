"""The screen that every inbound text passes before anything else reads it.

A text is brought into plain words; phrases of the lexicon are found in them; a phrase that lies inside a harmless
idiom is left out; and what the words around a phrase say (negation, the past, somebody else, a trifle) lowers its
tier, never to nothing.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from services.followup.domain.safety.lexicon import Lexicon, Together, lexicon
from services.followup.domain.safety.tier import NOTHING_FOUND, Screening, Tier
from services.followup.domain.text.phrases import Found
from services.followup.domain.text.plain import plain
from services.followup.domain.text.quoted import own_words
from services.followup.domain.text.words import BREAKS

_DETECTOR_FAILED = "detector_failed"
_CONTRASTS = frozenset({"but", "pero", "although", "though", "aunque", "except", "because", "porque", "sino"})
_ENDS = _CONTRASTS | BREAKS
# A negation stops here: "i dont want to die, just to sleep".
_TURNS = _ENDS | {"just", "only", "solo", "solamente", "nomas"}
_LONG = 40  # words of a clause that are looked at on each side
_REACH = 3
_OR = frozenset({"or", "nor", "and", "o", "ni", "y", ","})
_ORS = frozenset({"or", "nor", "o", "ni"})
_ANDS = frozenset({"and", "y"})
_ALREADY = frozenset({"ya", "now"})
_POSTPOSED_NO = frozenset({"no", "nope"})  # "hurting myself no"
# Behind these an animal is not who something happens to: "tripped over my dog, hit my head".
_OF_ITS = frozenset({"on", "over", "with", "by", "from", "to", "at", "of", "for", "con", "de", "por", "a", "sobre"})
_LIKENESS = frozenset({"like", "same", "reminds", "como", "igual", "feels", "feel", "siento", "parece"})
_STILL_TO_COME = frozenset({"yet", "aun", "todavia"})
_PARTICIPLE = re.compile(r"(?:[ai]do|cho|[iser]to|lto)$")
_ALARMS = frozenset({Tier.S1, Tier.S2})
_PAGES = frozenset({Tier.S1, Tier.M})
# Where somebody laughs, or death is his trade or his game, a word for it alone is no wish.
_NO_WISH = frozenset({"laughs", "trade"})
_GRAVEST = frozenset({"death", "blood"})  # themes
_SEVERAL = 3  # themes
_LONGEST_WHOLE = 7  # words and breaks
# Findings that explain nothing: what the themes of a text weigh may still raise it.
_UNEXPLAINED = (".watch_word", ".review", ".side_effect")


def screen(text: str, *, language: str = "en") -> Screening:
    """Return what in a text asks for a human.

    Args:
        text: As it arrived. What a phone's reaction quotes from another message is not the writer's own and is left
            out (S-2), unless it is a statement that none of our texts makes.
        language: A hint only; both languages are always understood.
    """
    del language
    book = lexicon()
    own, quoted = own_words(text)
    found = _screen_words(book, book.vocabulary.words(plain(own)))
    if quoted and Tier.S1 in _screen_words(book, book.vocabulary.words(plain(quoted))).tiers:
        found = found.joined(Tier.S2, "reaction_to_crisis_words")
    return found


def screen_safely(text: str, *, language: str = "en") -> Screening:
    """Screen a text; a failure inside counts as a possible crisis (S-4)."""
    try:
        return screen(text, language=language)
    except Exception:  # noqa: BLE001 - S-4: whatever breaks, a human reads
        return NOTHING_FOUND.joined(Tier.S2, _DETECTOR_FAILED)


def idioms_in(words: Sequence[str]) -> list[Found]:
    """Return the harmless idioms among plain words: "cant breathe in these jeans"."""
    return lexicon().idioms.find(words)


def look_alikes(words: Sequence[str]) -> list[Found]:
    """Return the harmless idioms among plain words that hold what would be grave outside them: "killing my sleep"."""
    found = idioms_in(words)
    graves = [theme for theme in lexicon().themes.find(words) if theme.rule in _GRAVEST] if found else []
    return [idiom for idiom in found if any(_inside(grave, idiom) for grave in graves)]


def _screen_words(book: Lexicon, words: Sequence[str]) -> Screening:
    words = _without_scattered_breaks(words)
    found = _weighed(book, words, _joined_signs(book, words, _screen_clauses(book, words)))
    if found.tiers.isdisjoint(_ALARMS) and _is_whole(book, words):
        found = found.joined(Tier.S2, "whole_reply")
    if not found.tiers.isdisjoint(_ALARMS) or BREAKS.isdisjoint(words):
        return found
    # A break in the middle of a phrase may hide it; what only shows without breaks is possible, not certain.
    said = [word for word in words if word not in BREAKS]
    seams = {at - count for count, at in enumerate(at for at, word in enumerate(words) if word in BREAKS)}
    across = _screen_clauses(book, said, seams=seams)
    if Tier.M in found.tiers and Tier.S1 not in across.tiers:
        return found  # "I cant take it, my chest hurts": a nurse hears of it now.
    return found.joined(Tier.S2, "across_clauses") if not across.tiers.isdisjoint(_ALARMS) else found


def _is_whole(book: Lexicon, words: Sequence[str]) -> bool:
    """Return whether a text is nothing but a few words that may be meant of a life: "end it"."""
    if len(words) > _LONGEST_WHOLE:
        return False
    said = [word for word in words if word not in BREAKS]
    return any(one.first == 0 and one.last == len(said) for one in book.whole.find(said))


def _screen_clauses(book: Lexicon, words: Sequence[str], *, seams: AbstractSet[int] | None = None) -> Screening:
    """Screen words; with seams (places where a break was) only what lies across one counts."""
    matches = book.rules.find(words)
    if seams is not None:
        matches = [match for match in matches if any(at in seams for at in range(match.first + 1, match.last))]
    if not matches:
        return NOTHING_FOUND
    idioms = book.idioms.find(words)
    if seams is not None:
        # A word that an idiom needs on its side of the break begins nothing new: "daylight murder, somebody call".
        kept = [one for one in idioms if not any(at in seams for at in range(one.first + 1, one.last))]
        matches = [match for match in matches if not any(_overlap(match, one) for one in kept)]
    context = book.context.find(words)
    broken = _idioms_across(book, words) if seams is None else []
    matches = sorted(
        (match for match in matches if not _excused(book, words, match, idioms, broken)),
        key=lambda match: (match.first, -match.last),
    )
    urgent = [match for match in matches if book.tiers[match.rule] is Tier.S1]
    wishes = [match for match in matches if book.tiers[match.rule] in _ALARMS]
    medical = [
        match
        for match in matches
        if book.tiers[match.rule] is Tier.M and not _negated(book, words, match, context, wishes=wishes)
    ]
    screening = NOTHING_FOUND
    negated_until = {True: -1, False: -1}  # medical or not
    for match in matches:
        if _is_told_better(book, words, match, urgent, medical) or (medical and _is_feared(book, match, context)):
            continue
        tier, rule = book.tiers[match.rule], match.rule
        is_bodily = tier is Tier.M
        # A call for help goes on with nothing: "no me quiero morir, ayudenme".
        goes_on = not rule.endswith(".help_me") and (
            _continues(words, negated_until[is_bodily], match)
            # "No dark thoughts or chest pain", but not "I dont want to die, my chest hurts".
            or (is_bodily and words[match.first - 1] in _ORS and _continues(words, negated_until[False], match))
        )
        if goes_on or _negated(book, words, match, context, wishes=wishes if is_bodily else ()):
            negated_until[is_bodily] = max(negated_until[is_bodily], match.last)
            tier, rule = Tier.S3, f"{match.rule}.negated"
        elif lowered := _lowered(book, words, match, context, tier):
            tier, rule = lowered
        screening = screening.joined(tier, rule) if rule not in screening.rules else screening
    return screening


def _is_told_better(
    book: Lexicon, words: Sequence[str], match: Found, urgent: Sequence[Found], medical: Sequence[Found]
) -> bool:
    """Return whether an urgent or medical match says what this one means, or the writer is not who is meant."""
    tier = book.tiers[match.rule]
    if tier is not Tier.S1 and any(_inside(match, other) for other in urgent):
        return True
    if medical and match.rule.endswith(".help_me"):
        return True  # What help is wanted for, the same text says.
    first = _clause(words, match)[0]
    if match.rule in book.own_only:
        return _of_another(book, words, match, first)
    # "He fainted, wont wake up" is no wish of his.
    covering = [other for other in medical if tier is Tier.S2 and _overlap(match, other)]
    if match.rule in book.mishaps and any(_inside(match, other) for other in covering):
        return True
    return any(_of_another(book, words, match, min(first, other.first)) for other in covering)


def _is_feared(book: Lexicon, match: Found, context: Sequence[Found]) -> bool:
    """Return whether somebody who is ill is afraid to die or cannot bear it: "I feel like im dying, cant breathe"."""
    return book.tiers[match.rule] is Tier.S2 and any(one.rule == "fears" and _inside(match, one) for one in context)


def _excused(
    book: Lexicon, words: Sequence[str], match: Found, idioms: Sequence[Found], broken: Sequence[Found]
) -> bool:
    """Return whether a match lies inside a harmless idiom, an "i" or "please" before it left aside."""
    first = match.first
    while first < match.last - 1 and words[first] in book.openers:
        first += 1
    bare = Found(match.rule, first, match.last)
    if any(_inside(bare, idiom) for idiom in idioms):
        return True
    return book.tiers[match.rule] not in _PAGES and any(_inside(bare, idiom) for idiom in broken)


def _idioms_across(book: Lexicon, words: Sequence[str]) -> list[Found]:
    """Return the idioms that a break interrupts: "dying. of laughter"."""
    said = [at for at, word in enumerate(words) if word not in BREAKS]
    if len(said) == len(words):
        return []
    found = book.idioms.find([words[at] for at in said])
    return [Found(one.rule, said[one.first], said[one.last - 1] + 1) for one in found]


def _joined_signs(book: Lexicon, words: Sequence[str], found: Screening) -> Screening:
    """Add what two signs mean that stand in one text, neither of them inside a harmless idiom."""
    signs = book.signs.find(words)
    if not signs:
        return found
    idioms = book.idioms.find(words)
    signs = [sign for sign in signs if not any(_inside(sign, idiom) for idiom in idioms)]
    for pair in book.together:
        if _stand_apart(signs, pair):
            found = found.joined(pair.tier, pair.rule)
    return found


def _weighed(book: Lexicon, words: Sequence[str], found: Screening) -> Screening:
    """Add what the themes of a text weigh together where no rule has explained it: the last and broadest net."""
    if not all(rule.endswith(_UNEXPLAINED) for rule in found.rules):
        return found
    themes = book.themes.find(words)
    if themes:
        idioms = book.idioms.find(words)
        themes = [theme for theme in themes if not any(_inside(theme, idiom) for idiom in idioms)]
    names = {theme.rule for theme in themes}
    weight = sum(book.points[name] for name in names)
    several = sum(book.points[name] > 0 for name in names) >= _SEVERAL and not names.isdisjoint(book.grave)
    context = book.context.rules_in(words)
    is_past = "past" in context and context.isdisjoint({"present", "persists"})
    in_earnest = context.isdisjoint(_NO_WISH | {"afar"})
    if weight >= book.weighs_possible and several and in_earnest and not is_past:
        return found.joined(Tier.S2, "themes")
    return found.joined(Tier.S3, "themes.watch_word") if weight >= book.weighs_watched else found


def _stand_apart(signs: Sequence[Found], pair: Together) -> bool:
    """Return whether both signs of a pair are there without sharing words, and nothing explains them."""
    ones = [sign for sign in signs if sign.rule in pair.one]
    others = [sign for sign in signs if sign.rule in pair.other]
    if not ones or not others or any(sign.rule in pair.unless for sign in signs):
        return False
    return min(sign.last for sign in ones) <= max(sign.first for sign in others) or min(
        sign.last for sign in others
    ) <= max(sign.first for sign in ones)


def _lowered(
    book: Lexicon, words: Sequence[str], match: Found, context: Sequence[Found], tier: Tier
) -> tuple[Tier, str] | None:
    """Return a lower tier and its rule when the words around a match speak of the past, another person or a trifle."""
    if why := _no_emergency(book, words, match, context):
        return Tier.S3, f"{match.rule}.{why}"
    if tier not in _ALARMS:
        return None
    said = {found.rule for found in context}
    lasts = match.rule in book.lasting
    first, last = _clause(words, match)
    near = [
        found.rule
        for found in context
        if first <= found.first and found.last <= last and not _is_part_of_the_past(found, context)
    ]
    if not lasts and "past" in near and ("present" not in near or any(found.rule == "overcome" for found in context)):
        over = [found for found in context if found.rule == "overcome"]
        persists = any(one.rule == "persists" and not any(_inside(one, other) for other in over) for one in context)
        return (Tier.S2 if persists else Tier.S3), f"{match.rule}.past"
    if "passed" in near:
        return Tier.S3, f"{match.rule}.passed"
    no_wish = not said.isdisjoint(_NO_WISH) or "trifles" in near or book.selves.isdisjoint(words[first:last])
    if match.rule in book.faint and no_wish:
        return Tier.S3, f"{match.rule}.watch_word"
    is_now = match.rule in book.of_anyone or (match.rule in book.acute and "happening" in said)
    of_another = not is_now and _of_another(book, words, match, first)
    if not lasts and "afar" in said and (of_another or book.selves.isdisjoint(words[first:last])):
        return Tier.S3, f"{match.rule}.afar"
    if of_another:
        return (Tier.S3 if match.rule in book.faint else Tier.S2), f"{match.rule}.other"
    is_trifle = ("trifles" in near or {"trifles", "laughs"} <= said) and "weighty" not in near
    if tier is Tier.S1 and ((is_trifle and match.rule.endswith(".intent")) or _galls(match, context)):
        return Tier.S2, f"{match.rule}.trifle"
    return None


def _no_emergency(book: Lexicon, words: Sequence[str], match: Found, context: Sequence[Found]) -> str:
    """Return why what ails the body, or was swallowed, need not be seen at once, "" if it must."""
    if match.rule in book.easing and any(found.rule == "eased" for found in context):
        return "eased"
    if _of_a_beast(book, words, match, context):
        return "beast"
    return "past" if book.tiers[match.rule] is Tier.M and _was_long_ago(words, match, context) else ""


def _of_a_beast(book: Lexicon, words: Sequence[str], match: Found, context: Sequence[Found]) -> bool:
    """Return whether an animal is what a match tells of, with nothing of weight between: "my dog had a seizure"."""
    if book.tiers[match.rule] is not Tier.M and match.rule not in book.acute:
        return False
    return any(
        found.rule == "beasts"
        and found.first < match.first
        and (found.first == 0 or words[found.first - 1] not in _OF_ITS)
        and (book.light - book.selves - _ORS - _ANDS).issuperset(words[found.last : match.first])
        for found in context
    )


def _was_long_ago(words: Sequence[str], match: Found, context: Sequence[Found]) -> bool:
    """Return whether a clause tells of years ago, and neither of today nor of what is like it: "a stroke in 2015"."""
    if any(found.rule == "persists" for found in context):
        return False
    start, stop = _clause(words, match)
    first = next((at + 1 for at in range(match.first - 1, start - 1, -1) if words[at] in _ANDS), start)
    last = next((at for at in range(match.last, stop) if words[at] in _ANDS), stop)
    near = {found.rule for found in context if start <= found.first and found.last <= stop}
    told = any(found.rule == "long_ago" and first <= found.first and found.last <= last for found in context)
    return told and "present" not in near and _LIKENESS.isdisjoint(words[start:stop])


def _galls(match: Found, context: Sequence[Found]) -> bool:
    """Return whether a nuisance is what makes one want to do it: "this hold music makes me want to jump off a roof"."""
    return any(found.rule == "galls" and found.first < match.first <= found.last for found in context)


def _is_part_of_the_past(found: Found, context: Sequence[Found]) -> bool:
    """Return whether a "today" only tells how long ago something was: "ten years ago today"."""
    return found.rule == "present" and any(one.rule == "past" and _inside(found, one) for one in context)


def _negated(
    book: Lexicon, words: Sequence[str], match: Found, context: Sequence[Found], *, wishes: Sequence[Found] = ()
) -> bool:
    """Return whether a negator governs a match: in its clause, within three words of weight, an odd number of them.

    What is medical is not denied by what denies a wish ("I dont want to die my chest hurts"), and two negators of a
    list do not undo each other: "no chest pain no fainting".
    """
    negators, distance = 0, 0
    is_bodily = book.tiers[match.rule] is Tier.M
    for at in range(match.first - 1, -1, -1):
        word = words[at]
        if word in _TURNS or distance >= _REACH or (word in _ANDS and _begins_anew(book, words[at + 1])):
            break
        if any(one.first <= at < one.last <= match.first for one in wishes) or (is_bodily and negators and distance):
            break
        if word in book.negators and not any(
            found.rule == "not_negating" and found.first <= at < found.last for found in context
        ):
            negators += 1
        elif word not in book.light:
            distance += 1
    after = words[match.last : match.last + 3]
    if after and after[0] in _POSTPOSED_NO and (len(after) == 1 or after[1] in BREAKS):
        negators += 1
    turns = not _TURNS.isdisjoint(words[match.first : match.last])
    return negators % 2 == 1 and not turns and _STILL_TO_COME.isdisjoint(after)


def _begins_anew(book: Lexicon, word: str) -> bool:
    """Return whether a word after an "and" begins a clause of its own: "no me contestan y ya no quiero estar aqui"."""
    return word in book.selves or word in book.negators or word in _ALREADY


def _continues(words: Sequence[str], negated_until: int, match: Found) -> bool:
    """Return whether a match goes on with a negated one: "not suicidal or wanting to die"."""
    between = words[negated_until : match.first] if negated_until >= 0 else ()
    return negated_until > match.first or (
        0 < len(between) <= 3 and between[0] in _OR and _TURNS.isdisjoint(between[1:])
    )


def _of_another(book: Lexicon, words: Sequence[str], match: Found, first: int) -> bool:
    """Return whether a clause speaks of somebody else: one is named before the match, and not the writer after that."""
    subject = next(
        (at for at in range(match.first - 1, first - 1, -1) if words[at] in book.others and not _is_have(words, at)),
        None,
    )
    if subject is None:
        return False
    return book.selves.isdisjoint(words[subject + 1 : match.last])


def _is_have(words: Sequence[str], at: int) -> bool:
    """Return whether a "he" is Spanish for "I have": "he pensado"."""
    return words[at] == "he" and at + 1 < len(words) and bool(_PARTICIPLE.search(words[at + 1]))


def _clause(words: Sequence[str], match: Found) -> tuple[int, int]:
    start, stop = max(0, match.first - _LONG), min(len(words), match.last + _LONG)
    first = next((at + 1 for at in range(match.first - 1, start - 1, -1) if words[at] in _ENDS), start)
    last = next((at for at in range(match.last, stop) if words[at] in _ENDS), stop)
    return first, last


def _inside(match: Found, idiom: Found) -> bool:
    return idiom.first <= match.first and match.last <= idiom.last


def _overlap(one: Found, other: Found) -> bool:
    return one.first < other.last and other.first < one.last


def _without_scattered_breaks(words: Sequence[str]) -> Sequence[str]:
    """Drop the breaks of a text that has one after nearly every word: they hide phrases, or mean nothing."""
    said = [word for word in words if word not in BREAKS]
    return said if len(said) >= 3 and len(words) - len(said) >= len(said) - 1 else words
