"""What holds for every text."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.followup.domain.reading import Interpretation as Says
from services.followup.domain.reading import PromptKind, read_reply
from services.followup.domain.safety import Tier, screen

PROMPTS = st.sampled_from(PromptKind)
CRISES = [
    "i want to die", "i want to kill myself", "took all my pills", "im going to end it all", "i have a gun", "better off dead", "quiero morir", "me quiero matar", "ya no quiero vivir", "quisiera no despertar",
]  # fmt: skip
HARMLESS = [
    "hello doctor",
    "thanks",
    "6",
    "the weather is nice",
    "lol",
    "gracias",
    "hoy llueve mucho",
    "my sister drove",
    "ok",
    "buenos dias",
    "see you friday",
    "had eggs for breakfast",
]
REPLIES = [
    "6",
    "five",
    "8.5",
    "5 or 6",
    "11",
    "not great",
    "STOP",
    "wrong number",
    "C",
    "nearly every day",
    "ocho y medio",
    "más de la mitad",
    "sí confirmo",
    "me muero de risa, 7",
    "made it home",
]
SAMPLES = [
    "a", "want to die ", "1", "1 ", "a ", "not ", "k i l l ", ".", "7-", '"', 'Liked "', "or 5 ", "😀", "wanttodie", "*", "a*", "no ", "it is ", "wait ", "> ", "(", "to 10 ", "0 to ", "i want ",
]  # fmt: skip


@given(st.text(max_size=10_000), PROMPTS)
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_the_reader(text, prompt):
    reading = read_reply(text, prompt)
    assert "detector_failed" not in reading.screening.rules
    assert 0 < reading.confidence <= 1


@given(st.text(alphabet="0123456789 .,-/%aeio¾½️⃣٣七", max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_score_leaves_the_scale(text):
    value = read_reply(text, PromptKind.MOOD).value
    assert value is None or 0 <= value <= 10


@pytest.mark.parametrize("sample", SAMPLES)
def test_ten_thousand_characters_are_read_in_time(sample):
    text = (sample * 10_000)[:10_000]
    began = time.perf_counter()
    read_reply(text, PromptKind.MOOD)
    # Linear takes tenths of a second here; a regular expression that backtracks takes minutes.
    assert time.perf_counter() - began < 10


@given(
    st.sampled_from(REPLIES),
    PROMPTS,
    st.sampled_from([str.upper, str.lower, str.title]),
    st.sampled_from(["", " ", "  ", "\n", "\t"]),
)
@settings(deadline=None)
def test_case_and_surrounding_space_change_nothing(text, prompt, case, space):
    assert read_reply(space + case(text) + space, prompt).says == read_reply(text, prompt).says


@given(st.sampled_from(REPLIES + CRISES), PROMPTS)
@settings(deadline=None)
def test_accents_change_nothing(text, prompt):
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    assert read_reply(bare, prompt).says == read_reply(text, prompt).says


@given(
    st.sampled_from(CRISES),
    st.lists(st.sampled_from(HARMLESS), max_size=3),
    st.lists(st.sampled_from(HARMLESS), max_size=3),
    st.sampled_from([" ", ", ", ". ", "\n"]),
    PROMPTS,
)
@settings(max_examples=300, deadline=None)
def test_harmless_words_around_never_hide_a_crisis(crisis, before, after, joint, prompt):
    text = joint.join([*before, crisis, *after])
    assert screen(text).tier in {Tier.S1, Tier.S2}, text
    assert not read_reply(text, prompt).says.isdisjoint({Says.CRISIS, Says.POSSIBLE_CRISIS}), text
