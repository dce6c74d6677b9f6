"""What comes in from anywhere: understood, or refused with the name of the field and without its value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import PermanentError
from shared.messages.booking import CREATED, Booking
from shared.messages.catalogue import CATALOGUE, read_payload
from shared.messages.envelope import MAX_BODY_BYTES, read_envelope, wrap
from tests.builders import booking, booking_json, ny


def event(**changes):
    base = {"specversion": "1.0", "id": "e1", "source": "ehr", "type": CREATED, "data": booking_json()}
    return json.dumps(base | changes).encode()


def reason(body, routing_key=CREATED):
    with pytest.raises(PermanentError) as error:
        read_payload(read_envelope(body, routing_key=routing_key))
    return error.value.reason


def test_a_bare_booking_is_understood_by_its_routing_key():
    body = json.dumps(booking_json()).encode()
    first, again = (read_envelope(body, routing_key=CREATED) for _ in range(2))
    assert (first.source, first.type, first.id) == ("amqp", CREATED, again.id)
    assert isinstance(read_payload(first), Booking)


def test_unknown_fields_are_ignored_at_every_level():
    body = event(data=booking_json(colour="red", patient={"shoe_size": 41}), myextension="x")
    assert isinstance(read_payload(read_envelope(body, routing_key=CREATED)), Booking)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "body: not readable as JSON (syntax, at character 0)"),
        (b'{"a": ', "body: not readable as JSON"),
        (b"\xff\xfe", "body: not readable as JSON (not UTF-8)"),
        (b"[1, 2]", "body: not a JSON object"),
        (b'{"a": NaN}', "NaN or Infinity"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'{"a": "\\u0000"}', "contains a NUL"),
        (b'{"a": "\\ud800"}', "body: not readable as JSON (not text)"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number too large"),
        (b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}', "body: larger than"),
        (event(type="booking.created.v9"), "type: unknown"),
        (event(id=""), "id: String should have at least 1 character"),
        (event(data=[1]), "data: Input should be a valid dictionary"),
        (event(data=booking_json(starts_at="2026-12-04T10:00:00")), "data.starts_at: needs a UTC offset"),
        (event(data=booking_json(starts_at="tomorrow")), "data.starts_at: "),
        (event(data=booking_json(visit_kind="massage")), "data.visit_kind: Input should be"),
        (event(data=booking_json(ends_at="2026-12-04T09:00:00-05:00")), "ends_at is not after starts_at"),
        (event(data=booking_json(patient={"time_zone": "Mars/Olympus"})), "data.patient.time_zone: is not an IANA"),
        (event(data={k: v for k, v in booking_json().items() if k != "consent"}), "data.consent: Field required"),
    ],
)
def test_what_cannot_be_understood_is_named(body, expected):
    assert expected in reason(body)


def test_reasons_hold_no_value():
    secret = "CANARY-5550123"
    for field in ("starts_at", "visit_kind", "modality", "series", "clinic_id", "revision", "join_url"):
        body = event(data=booking_json(**{field: [secret]}))
        assert secret not in reason(body)
    for field in ("phone", "email", "given_name", "language", "time_zone", "patient_id"):
        assert secret not in reason(event(data=booking_json(patient={field: {"x": secret}})))


@given(st.binary(max_size=300))
def test_any_bytes_are_understood_or_refused_in_words(body):
    try:
        read_payload(read_envelope(body, routing_key=CREATED))
    except PermanentError as error:
        assert error.reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_any_json_is_understood_or_refused_in_words(content):
    try:
        read_payload(read_envelope(json.dumps(content).encode(), routing_key=CREATED))
    except PermanentError as error:
        assert error.reason


def test_what_we_send_is_what_the_contract_says():
    sent = json.loads(wrap(CREATED, booking(), source="aftercare/test", now=ny("2026-12-01 12:00")).to_bytes())
    assert {"specversion", "id", "source", "type", "time", "datacontenttype", "data", "correlationid"} <= set(sent)
    assert sent["time"] == "2026-12-01T17:00:00Z"


def test_the_catalogue_names_every_type_with_a_version():
    assert all(name.rsplit(".", 1)[1].startswith("v") for name in CATALOGUE)


def test_an_urgent_plan_and_every_safety_message_leave_by_the_urgent_lane():  # S-8
    routine, urgent = {"messages": [{"urgency": "routine"}]}, {"messages": [{}, {"urgency": "urgent"}]}
    plan = CATALOGUE["messages.plan.v1"]
    assert (plan.is_urgent(routine), plan.is_urgent(urgent), plan.is_urgent({})) == (False, True, False)
    assert all(
        row.urgent for name, row in CATALOGUE.items() if name.startswith(("safety.", "page.", "message.received"))
    )
