"""What patients text back (DOMAIN.md 6)."""

from decimal import Decimal

import pytest

from services.followup.domain.reading import Interpretation as Says
from services.followup.domain.reading import PromptKind, read_reply
from services.followup.domain.safety import Tier


def test_a_bare_number_is_a_score():
    reading = read_reply("6", PromptKind.MOOD)
    assert (reading.interpretation, reading.value, reading.confidence) == (Says.SCORE, 6, 1.0)


def test_a_decimal_keeps_its_half():
    assert read_reply("ocho y medio", PromptKind.MOOD).value == Decimal("8.5")


@pytest.mark.parametrize("text", ["11", "-1", "12 lol", "1000/10", "twenty", "10.5"])
def test_a_number_off_the_scale_is_never_clipped(text):
    reading = read_reply(text, PromptKind.MOOD)
    assert (reading.interpretation, reading.value) == (Says.OUT_OF_RANGE, None)


@pytest.mark.parametrize(
    "text", ["50%", "O", "half", "2morrow", "w8", "around 8pm", "a las ocho", "10mg", "555-0123", "day 3"]
)
def test_what_is_no_score_is_never_made_one(text):
    reading = read_reply(text, PromptKind.MOOD)
    assert reading.value is None
    assert Says.CLARIFY in reading.says


@pytest.mark.parametrize(
    ("text", "prompt", "pair", "worse"),
    [
        ("5 or 6", PromptKind.MOOD, (5, 6), 5),
        ("5-6", PromptKind.MOOD, (5, 6), 5),
        ("1 or 2", PromptKind.PHQ_ITEM, (1, 2), 2),
    ],
)
def test_a_range_keeps_both_ends_and_counts_as_the_worse(text, prompt, pair, worse):
    reading = read_reply(text, prompt)
    assert (reading.interpretation, reading.pair, reading.value) == (Says.RANGE, pair, worse)
    assert reading.confidence < 1


@pytest.mark.parametrize(
    "text", ["9 but I have a plan to end my life", "7, ya no quiero vivir", "10/10 and i took all my pills"]
)
def test_a_number_never_hides_words(text):  # S-3
    reading = read_reply(text, PromptKind.MOOD)
    assert reading.interpretation is Says.CRISIS
    assert Says.SCORE in reading.also
    assert reading.screening.tier is Tier.S1


def test_a_keyword_never_hides_distress():
    assert read_reply("stop texting me i want to die", PromptKind.NONE).says == {Says.CRISIS, Says.OPT_OUT}


@pytest.mark.parametrize("text", ["stop, I want to be gone", "I just want it to be over"])
def test_distress_that_holds_a_keyword_is_no_opt_out(text):  # 3.3
    says = read_reply(text, PromptKind.NONE).says
    assert Says.OPT_OUT not in says
    assert Says.POSSIBLE_CRISIS in says


@pytest.mark.parametrize("word", ["CANCEL", "cancelar"])
def test_a_lone_cancel_is_an_opt_out_and_a_task(word):  # K3
    assert read_reply(word, PromptKind.CONFIRM).says == {Says.OPT_OUT, Says.CANCEL_REQUEST}


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("6. cancel my visit", PromptKind.MOOD),
        ("0, cant make monday", PromptKind.ITEM_9),
        ("C tue, R fri", PromptKind.CONFIRM),
        ("C, and stop the texts", PromptKind.CONFIRM),
    ],
)
def test_what_is_wanted_of_a_visit_beside_something_else_is_seen_to_by_a_human(text, prompt):
    reading = read_reply(text, prompt)
    assert reading.says & {Says.CONFIRM, Says.RESCHEDULE, Says.CANCEL_REQUEST}
    assert reading.human_reads


def test_help_inside_a_check_in_is_also_read_by_a_human():  # 3.2
    assert read_reply("HELP", PromptKind.MOOD).says == {Says.HELP, Says.REVIEW}
    assert read_reply("HELP", PromptKind.NONE).says == {Says.HELP}


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("0", None),
        ("no", None),
        ("1", Tier.S2),
        ("0 but sometimes", Tier.S2),
        ("pass", Tier.S2),
        ("idk", Tier.S2),
        ("2", Tier.S1),
        ("3", Tier.S1),
        ("yes", Tier.S1),
        ("sí", Tier.S1),
    ],
)
def test_item_9_pages_by_its_answer(text, tier):  # 3.2
    assert read_reply(text, PromptKind.ITEM_9).screening.tier is tier


def test_driving_after_a_visit_is_urgent_and_elsewhere_is_not():  # 3.2
    assert read_reply("im driving home now", PromptKind.HOME_SAFE).screening.tier is Tier.M
    assert read_reply("im driving home now", PromptKind.MOOD).screening.tier is Tier.S3
    assert read_reply("my mom is driving home with me", PromptKind.NONE).screening.tier is None


def test_a_reaction_that_quotes_our_prompt_is_not_the_patients_word():  # S-2
    quoting = "Loved “Thoughts that you would be better off dead, or of hurting yourself”"
    assert read_reply(quoting, PromptKind.ITEM_9).says == {Says.TAPBACK}


def test_words_beside_a_reaction_are_read():
    assert read_reply("Liked “How is your mood?” i want to die", PromptKind.MOOD).interpretation is Says.CRISIS


def test_more_than_three_words_beside_the_answer_go_to_the_reading_list():  # 3.6, 6
    assert read_reply("6 the weather here turned awful again", PromptKind.MOOD).human_reads
    assert not read_reply("6 thanks", PromptKind.MOOD).human_reads


@pytest.mark.parametrize("prompt", PromptKind)
@pytest.mark.parametrize(
    "text",
    [
        "C. my sister has the spare key",
        "can we do thursday instead, the house is too quiet",
        "need to cancel tuesday, said all there was to say",
        "quit texting me, the lilies go to my sister",
        "wrong number, she left after what happened in june",
        "turn the texts back on, nobody else writes to me",
        "thanks for everything, the lilies go to my sister",
        "what time is it, the house is too quiet lately",
        "how did the lilies get here so soon",
        "Im driving, ill get back to you when the lilies are planted by my sister",
    ],
)
def test_words_that_are_not_explained_are_read_whatever_was_asked(text, prompt):  # 3.6, 6
    assert read_reply(text, prompt).human_reads


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("I'm at like a 6 today", PromptKind.MOOD),
        ("id say about a seven right now", PromptKind.MOOD),
        ("hoy ando como en un 5", PromptKind.MOOD),
        ("yes ill be there", PromptKind.CONFIRM),
        ("can we do thursday instead", PromptKind.CONFIRM),
        ("thank you so much sweetie", PromptKind.NONE),
        ("please stop texting me", PromptKind.NONE),
        ("nearly every day thank you", PromptKind.PHQ_ITEM),
    ],
)
def test_an_answer_in_many_words_is_still_only_an_answer(text, prompt):
    assert not read_reply(text, prompt).human_reads


@pytest.mark.parametrize("text", ["10 if ten is the worst", "0 if zero is good", "si el 10 es lo peor entonces 8"])
def test_a_scale_taken_the_other_way_round_gives_no_score(text):
    reading = read_reply(text, PromptKind.MOOD)
    assert (reading.interpretation, reading.value) == (Says.CLARIFY, None)


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("this is not Denise, had it since march", True),
        ("no soy lupita", True),
        ("im not hungry today", False),
        ("there is no parking", False),
        ("Im Not Complaining", False),
        ("se equivocaron en mi cobro", False),
    ],
)
def test_only_a_denied_name_is_a_wrong_number(text, is_wrong):
    assert (Says.WRONG_NUMBER in read_reply(text, PromptKind.NONE).says) == is_wrong


def test_beside_an_alarm_only_a_plain_opt_out_closes_the_number():  # 3.3
    assert Says.OPT_OUT not in read_reply("stop asking how i am, i want to stop existing", PromptKind.NONE).says
    assert Says.OPT_OUT in read_reply("stop asking how i am", PromptKind.NONE).says


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("0 for now", Tier.S2),
        ("no, but ask me tomorrow", Tier.S2),
        ("0, used to be a 2", Tier.S3),
        ("no im good", None),
    ],
)
def test_item_9_hears_what_takes_a_no_back(text, tier):  # 3.2
    assert read_reply(text, PromptKind.ITEM_9).screening.tier is tier


def test_the_language_is_told_from_the_text_and_else_taken_from_the_hint():
    assert read_reply("hoy estoy en un 6", PromptKind.MOOD, language="en").language == "es"
    assert read_reply("6", PromptKind.MOOD, language="es").language == "es"


def test_a_number_answers_nothing_when_nothing_was_asked():
    assert read_reply("7", PromptKind.NONE).says == {Says.UNMATCHED}
