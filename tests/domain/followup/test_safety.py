"""The screen of every inbound text (DOMAIN.md 3.2, 3.6)."""

import pytest

from services.followup.domain.safety import Tier, detector, screen, screen_safely
from services.followup.domain.safety.lexicon import LANGUAGES, lexicon


@pytest.mark.parametrize(
    "text",
    [
        "i want to die", "k1ll mys3lf", "k i l l m y s e l f", "killmyself", "K.I.L.L myself", "k*ll myself", "i want to d!e", "ı want to dıe", "i want\nto die",
        "i wаnt to die",  # a Cyrillic letter
        "i wa\u200bnt to d\u200bie", "ｉ ｗａｎｔ ｔｏ ｄｉｅ", "I WANT TO DIEEEEE", "suiside is all i want, im suicidal", "im sucidal", "kms", "quiero morirme", "kiero morir", "QUITARME LA VIDA", "me quitaré la vida, voy a matarme",
        "took 40 pills", "me tomé 30 pastillas", "i have a gun", "won't lie, i want to die", "no miento, me quiero morir", "not only sad but i want to die", "no i want to die", "i haven't killed myself yet",
    ],
)  # fmt: skip
def test_intent_act_and_means_page_at_once(text):
    assert screen(text).tier is Tier.S1


@pytest.mark.parametrize(
    "text",
    ["not suicidal", "i don't want to die", "no longer want to die", "haven't thought about killing myself", "no quiero morir", "ya no pienso en matarme", "years ago i tried to kill myself", "i used to want to die", "not suicidal or wanting to die"],
)  # fmt: skip
def test_negation_and_the_past_lower_to_review_and_never_to_nothing(text):  # 3.6, 4 and 5
    assert screen(text).tier is Tier.S3


@pytest.mark.parametrize(
    "text",
    [
        "my brother killed himself",
        "my friend wants to die",
        "mi hermana se quiere morir",
        "i used to want to die and its coming back",
    ],
)
def test_another_person_or_what_persists_stays_possible(text):
    assert screen(text).tier is Tier.S2


@pytest.mark.parametrize("text", ["don't want to live", "ya no quiero vivir", "no quiero seguir viviendo"])
def test_a_phrase_whose_core_is_negative_is_not_negated_by_it(text):
    assert screen(text).tier is Tier.S1


def test_two_negators_cancel():
    assert screen("i am not not suicidal").tier is Tier.S2


def test_both_alarms_are_kept():
    assert screen("i want to die and my chest hurts").tiers >= {Tier.S1, Tier.M}


@pytest.mark.parametrize(
    "text",
    ["dying of laughter", "killing it", "me muero de risa", "this couch is killing my back", "dying to see you", "kill time", "my phone died", "bored to death", "drop dead gorgeous", "me muero de sueño", "muerto de hambre", "el calor me mata", "mi jefe me va a matar jaja", "se me murió el celular"],
)  # fmt: skip
def test_harmless_idioms_page_nobody(text):
    assert screen(text).tier is None


def test_an_idiom_never_swallows_what_follows_it():
    assert screen("me muero de ganas de morir").tier is Tier.S1
    assert screen("dying to see you but i want to die").tier is Tier.S1


@pytest.mark.parametrize(
    ("text", "tier"),
    [("i gave my guitar to my brother", Tier.S3), ("finally at peace", Tier.S3), ("i gave my guitar to my brother, finally at peace", Tier.S2), ("took them all. the whole bottle", Tier.S1)],
)  # fmt: skip
def test_two_signs_in_one_text_say_what_neither_says_alone(text, tier):  # 3.6
    assert screen(text).tier is tier


def test_themes_bring_a_person_to_what_no_rule_explains():  # 3.6, 6
    assert "themes" in screen("i wonder if the ocean would forgive me for being so heavy and broken").rules
    assert screen("my sister is driving me to the clinic on monday").tier is None


@pytest.mark.parametrize("text", ["me voi a matr", "i wana dye", "i kant do ths anymroe", "sewerslide is all i want"])
def test_words_are_understood_by_their_sound_and_without_a_letter(text):
    assert screen(text).tier in {Tier.S1, Tier.S2}


def test_a_negation_ends_where_the_sentence_turns():  # 3.6, 4
    assert screen("no me quiero morir, solo quiero dormir para siempre").tier is Tier.S2
    assert screen("she wont call back and i want to die").tier is Tier.S1


def test_an_idiom_is_one_across_a_break_too():
    assert screen("dying. of laughter").tier is not Tier.S2


def test_a_lone_grave_word_beside_laughter_pages_nobody():
    assert screen("con tanto papeleo nos quieren matar jajaja").tier is not Tier.S2


def test_news_of_strangers_is_read_the_same_day():  # 3.6, 5
    assert screen("vi en las noticias lo del cantante que se suicido").tier is Tier.S3


@pytest.mark.parametrize(
    ("text", "tier"),
    [("she just swallowed the whole bottle of pills", Tier.S1), ("my sister swallowed 30 pills", Tier.S2), ("found him with a rope", Tier.S1)],
)  # fmt: skip
def test_what_another_person_does_now_pages_too(text, tier):
    assert screen(text).tier is tier


@pytest.mark.parametrize(
    ("text", "tier"),
    [("worst headache of my life", Tier.M), ("worst headache of my life but its gone now", Tier.S3), ("my chest hurts, its better now", Tier.M)],
)  # fmt: skip
def test_a_headache_that_is_over_is_read_the_same_day_and_a_chest_never_is(text, tier):
    assert screen(text).tier is tier


def test_a_no_after_what_is_denied_denies_it():
    assert screen("hurting myself no").tier is Tier.S3
    assert screen("hurting myself, no idea why").tier is not Tier.S3


def test_what_cannot_be_woken_is_a_medical_matter_and_no_wish():
    assert screen("he wont wake up").tiers == {Tier.M}


def test_spanish_have_is_nobody_else():
    assert screen("he pensado en matarme").tier is Tier.S1


def test_sad_and_weary_themes_alone_bring_nobody():
    assert screen("so tired and lonely and never any good news anymore").tier is not Tier.S2


def test_a_finding_names_rules_and_never_words():  # S-9
    assert screen("i want to kill myself with pills").rules[0].startswith("en.")


def test_a_failure_counts_as_possible_crisis(monkeypatch):  # S-4
    def broken():
        raise RuntimeError

    monkeypatch.setattr(detector, "lexicon", broken)
    assert screen_safely("6").tier is Tier.S2


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_at_least_eighty_idioms(language):
    assert lexicon().idiom_counts[language] >= 80
