"""Words typed in a hurry."""

import pytest

from services.followup.domain.reading import Interpretation as Says
from services.followup.domain.reading import PromptKind, read_reply
from services.followup.domain.reading.typos import typos_of


def test_a_typo_leaves_out_doubles_or_swaps_a_letter_but_never_the_first():
    assert {"cnfirm", "confrim", "conffirm"} <= typos_of("confirm")
    assert all(typo.startswith("c") for typo in typos_of("confirm"))
    assert "conform" not in typos_of("confirm")


@pytest.mark.parametrize(
    ("text", "prompt", "says", "value"),
    [
        ("confrim see you then", PromptKind.CONFIRM, Says.CONFIRM, None),
        ("plaese cacnel tuesday", PromptKind.CONFIRM, Says.CANCEL_REQUEST, None),
        ("sevearl days", PromptKind.PHQ_ITEM, Says.SCORE, 1),
        ("severl days", PromptKind.PHQ_ITEM, Says.SCORE, 1),
        ("wrong nubmer", PromptKind.NONE, Says.WRONG_NUMBER, None),
        ("seite", PromptKind.MOOD, Says.SCORE, 7),
        ("graicas", PromptKind.NONE, Says.ACK, None),
    ],
)
def test_a_word_that_decides_is_read_mistyped(text, prompt, says, value):
    reading = read_reply(text, prompt)
    assert says in reading.says
    assert reading.value == value


@pytest.mark.parametrize("text", ["i have cancer", "the star was out", "fui al medico", "i think so"])
def test_another_word_is_not_taken_for_a_mistyped_one(text):
    assert read_reply(text, PromptKind.NONE).says <= {Says.UNMATCHED, Says.REVIEW}
