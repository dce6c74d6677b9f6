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
