"""What counts as taking a case on: a clear yes and nothing else (S-6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.followup.domain.page_reply import PageReply, read_page_reply


@pytest.mark.parametrize(
    "text",
    [
        "1",
        " 1. ",
        "OK",
        "ok!",
        "Yes",
        "Got it",
        "I've got it",
        "on it",
        "ACK case-1f2e3d4c5b",
        "Sí",
        "lo tomo",
        "👍",
        "✅",
    ],
)
def test_a_clear_yes_takes_it(text):
    assert read_page_reply(text) is PageReply.TAKEN


@pytest.mark.parametrize("text", ["2", "no", "Can't", "not on call", "I'm off", "No puedo", "busy."])
def test_a_clear_no_passes_it_on(text):
    assert read_page_reply(text) is PageReply.DECLINED


@pytest.mark.parametrize(
    "text",
    ["who is this?", "not ok", "1 or 2?", "ok but I am in surgery", "call Lind", "12", "", "?", "no 1 is here", "👎"],
)
def test_everything_else_takes_nothing(text):
    assert read_page_reply(text) is PageReply.UNCLEAR


@given(st.text(max_size=400))
def test_it_reads_anything_that_can_be_texted(text):
    assert read_page_reply(text) in PageReply
