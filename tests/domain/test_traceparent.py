"""A traceparent is read strictly, spelled in one way, and never a reason to refuse a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.traceparent import read_traceparent, trace_id_of
from shared.messages.booking import CREATED
from shared.messages.envelope import caused_by, read_envelope
from tests.builders import booking_json

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (GOOD, GOOD),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"cc-{TRACE}-{SPAN}-01", GOOD),  # a version of tomorrow, as we can spell it
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", GOOD),
        (f"{GOOD}-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f" {GOOD}", None),
        (f"{GOOD}\n", None),
        ("+12125550123", None),
        ("", None),
        (None, None),
        (7, None),
        ({"traceparent": GOOD}, None),
    ],
)
def test_it_is_read_strictly(given, read):
    assert read_traceparent(given) == read


@given(st.text(max_size=200) | st.integers() | st.none() | st.lists(st.text()) | st.binary())
def test_nothing_makes_reading_fail(value):
    assert read_traceparent(value) is None or trace_id_of(read_traceparent(value)) in str(value)


def test_the_trace_id_is_what_a_viewer_asks_for():
    assert trace_id_of(GOOD) == TRACE


def event(**changes):
    base = {"specversion": "1.0", "id": "e1", "source": "ehr", "type": CREATED, "data": booking_json()}
    return json.dumps(base | changes).encode()


@pytest.mark.parametrize("odd", ["x", "x" * 10_000, 7, None, ["a"], {"a": 1}, f"ff-{TRACE}-{SPAN}-01"])
def test_an_event_with_an_odd_one_is_read_as_if_it_had_none(odd):
    assert read_envelope(event(traceparent=odd), routing_key=CREATED).traceparent is None
    assert read_envelope(event(), routing_key=CREATED, traceparent=odd).traceparent is None


def test_what_stands_in_the_event_counts_more_than_what_came_beside_it():
    other = f"00-{TRACE[::-1]}-{SPAN}-01"
    assert caused_by(read_envelope(event(traceparent=GOOD), routing_key=CREATED, traceparent=other)).traceparent == GOOD
    assert read_envelope(event(traceparent="odd"), routing_key=CREATED, traceparent=other).traceparent == other


def test_a_bare_booking_has_what_came_beside_it():
    body = json.dumps(booking_json()).encode()
    assert read_envelope(body, routing_key=CREATED, traceparent=GOOD).traceparent == GOOD
