"""Whole-message keywords (K1 to K8)."""

import pytest

from services.notifier.domain.keyword import is_lone_cancel, read_keyword
from shared.messages.reply import HandledAs


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "STOP!!",
        "stopall",
        "Unsubscribe",
        "END",
        "Quit",
        "revoke",
        "OPTOUT",
        "opt out",
        "CANCEL",
    ]
    + ["ALTO", "parar", "Baja", "detener", "¡BASTA!", "cancelar", "no más mensajes", "No mas mensajes"],
)
def test_opt_out_words(text):
    assert read_keyword(text) is HandledAs.OPT_OUT


@pytest.mark.parametrize(
    "text",
    [
        "stop, I want to be gone",
        "I just want it to be over",
        "please stop the pain",
        "can't quit smiling 9",
        "",
        "7",
        "👍",
    ],
)
def test_longer_texts_are_left_to_be_read(text):
    assert read_keyword(text) is HandledAs.NONE


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("START", HandledAs.OPT_IN), ("unstop", HandledAs.OPT_IN), ("HELP", HandledAs.HELP), ("ayuda", HandledAs.HELP)],
)
def test_start_and_help(text, meaning):
    assert read_keyword(text) is meaning


def test_yes_is_no_opt_in():  # K4: "yes" confirms a visit
    assert read_keyword("YES") is HandledAs.NONE


def test_a_lone_cancel_may_have_meant_the_visit():  # K3
    assert is_lone_cancel("Cancel!")
    assert not is_lone_cancel("stop")
