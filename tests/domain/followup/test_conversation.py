"""Whose question a reply answers, and what a value does to it."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.followup.domain.checkin import Answer, CheckIn, Status, read_key
from services.followup.domain.conversation import (
    Effect,
    Follow,
    OpenItem,
    OtherPrompt,
    effect_of,
    find_owner,
    follow_unreadable,
)
from services.followup.domain.reading import Interpretation, PromptKind, Reading
from services.followup.domain.schedule import Moment
from tests.builders import ny

NOW = ny("2026-12-05 12:00")
MOOD = CheckIn(
    checkin_id="ck_mood",
    clinic_id="harbor",
    patient_ref="pt_ana",
    infusion_id="i",
    moment=Moment.DAY_1,
    status=Status.ASKING,
    due_at=NOW,
    useless_at=NOW + timedelta(hours=12),
    instrument_name="mood",
    version="1",
    item=1,
)
PHQ = replace(MOOD, checkin_id="ck_phq", moment=Moment.WEEK_1, instrument_name="phq9", item=4)
SCORE = Reading(Interpretation.SCORE, value=6)
CLARIFY = Reading(Interpretation.CLARIFY)


def answer(value, *, at, item=1):
    return Answer(item, value, None, 1.0, "SM1", at, 10.0, at)


def minutes_ago(minutes):
    return NOW - timedelta(minutes=minutes)


def test_a_reply_belongs_to_the_newest_question_that_accepts_it():
    visit = OtherPrompt("reminders:pt_ana", "near", PromptKind.CONFIRM, minutes_ago(5))
    mood = OpenItem(MOOD, 1, minutes_ago(60))

    def read(kind):
        return SCORE if kind is PromptKind.MOOD else CLARIFY

    assert find_owner([mood, visit], read, NOW).prompt is mood


def test_what_no_question_accepts_belongs_to_the_newest():
    visit = OtherPrompt("reminders:pt_ana", "near", PromptKind.CONFIRM, minutes_ago(5))
    mood = OpenItem(MOOD, 1, minutes_ago(60))
    assert find_owner([mood, visit], lambda _kind: CLARIFY, NOW).prompt is visit


def test_a_question_sent_after_the_reply_came_is_not_the_one():
    mood = OpenItem(MOOD, 1, NOW + timedelta(seconds=1))
    assert find_owner([mood], lambda _kind: SCORE, NOW).prompt is None


def test_a_correction_speaks_of_the_answer_even_while_the_next_item_is_open():
    third = OpenItem(PHQ, 3, minutes_ago(3), answer(1, at=minutes_ago(1), item=3))
    fourth = OpenItem(PHQ, 4, minutes_ago(1))
    meant = Reading(Interpretation.CORRECTION, value=2)
    assert find_owner([third, fourth], lambda _kind: meant, NOW).prompt is third
    assert find_owner([third, fourth], lambda _kind: SCORE, NOW).prompt is fourth


def test_a_shared_number_with_two_questions_is_ambiguous():
    ben = OpenItem(replace(MOOD, patient_ref="pt_ben"), 1, minutes_ago(5))
    found = find_owner([OpenItem(MOOD, 1, minutes_ago(9)), ben], lambda _kind: SCORE, NOW)
    assert (found.prompt, found.is_ambiguous) == (ben, True)


def test_an_answered_mood_question_takes_corrections_for_ten_minutes():
    item = OpenItem(MOOD, 1, minutes_ago(60), answer(6, at=minutes_ago(10)))
    assert item.grammar_at(NOW) is PromptKind.MOOD_ANSWERED
    assert item.grammar_at(NOW + timedelta(seconds=1)) is PromptKind.MOOD


def test_the_last_item_has_a_grammar_of_its_own_and_is_never_asked_twice():  # R11, I8
    last = replace(PHQ, item=9)
    assert OpenItem(last, 9, NOW).grammar_at(NOW) is PromptKind.ITEM_9
    assert follow_unreadable(last) is Follow.HAND_OVER
    assert follow_unreadable(PHQ) is Follow.ASK_AGAIN
    assert follow_unreadable(replace(PHQ, clarified=True)) is Follow.HAND_OVER


def test_keys_name_their_check_in_and_item():
    assert read_key("ck_1/3") == read_key("ck_1/3/nudge") == ("ck_1", 3)
    assert read_key("something") is None


replies = st.lists(
    st.tuples(st.integers(0, 599), st.integers(0, 10)), min_size=1, max_size=4, unique_by=lambda one: one[0]
)


@given(replies, st.booleans())
def test_whatever_their_order_the_latest_of_several_replies_is_kept(texts, twice):
    latest = max(texts)[1]
    for order in permutations([*texts, *(texts[:1] if twice else [])]):
        item = OpenItem(MOOD, 1, NOW)
        for second, value in order:
            at = NOW + timedelta(seconds=second)
            if effect_of(item, value, at) in (Effect.ANSWERS, Effect.CORRECTS):
                item = replace(item, answer=answer(value, at=at))
            elif item.answer.value == value:
                item = replace(item, answer=replace(item.answer, last_said_at=max(item.answer.last_said_at, at)))
        kept = item.answer
        assert kept is not None

        assert kept.value == latest


def test_long_after_a_number_is_late():
    item = OpenItem(MOOD, 1, minutes_ago(60), answer(6, at=minutes_ago(11)))
    assert effect_of(item, 4, NOW) is Effect.COMES_LATE
    assert effect_of(item, 6, NOW) is Effect.REPEATS
