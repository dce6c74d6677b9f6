"""Encoding and segments, as DOMAIN.md 5.1 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.gsm7 import Measure, measure, normalise


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("a" * 152 + "€" + "a" * 8, "GSM-7", 162, 2),
        ("ñ" * 160, "GSM-7", 160, 1),
        ("á" * 70, "UCS-2", 70, 1),
        ("á" * 71, "UCS-2", 71, 2),
        ("á" * 134, "UCS-2", 134, 2),
        ("á" * 135, "UCS-2", 135, 3),
        ("a" * 159 + "\u2019", "UCS-2", 160, 3),
        ("a" * 68 + "😀", "UCS-2", 70, 1),
        ("a" * 69 + "😀", "UCS-2", 71, 2),
        ("a" * 66 + "😀" + "a" * 10, "UCS-2", 78, 2),
    ],
)
def test_the_table(text, encoding, units, segments):
    assert measure(text) == Measure(encoding, units, segments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:00\u202fAM", "10:00 AM"),
        ("a\u00a0b", "a b"),
        ("“it’s” — so…", '"it\'s" - so...'),
        ("zero\u200bwidth\u202e", "zerowidth"),
        ("e\u0301l", "él"),
        ("día", "día"),
    ],
)
def test_spelling_keeps_every_letter(text, expected):
    assert normalise(text) == expected


@given(st.text(max_size=400))
def test_normalising_twice_changes_nothing_more(text):
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(alphabet="aé€😀á^ ", min_size=1, max_size=500))
def test_segments_hold_what_they_are_filled_with(text):
    found = measure(text)
    single, part = (160, 153) if found.encoding == "GSM-7" else (70, 67)
    assert found.segments == 1 if found.units <= single else found.segments >= -(-found.units // part)
