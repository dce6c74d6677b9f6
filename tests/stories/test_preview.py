"""What `preview` prints is what the running system sends."""

import io
import json

import pytest

from cli.preview import preview
from shared.kernel.errors import ConfigurationError
from shared.messages.booking import CANCELLED, CREATED, RESCHEDULED
from tests.builders import ROOT, booking_json, ny
from tests.rooms import open_rooms

CLINICS = ROOT / "config" / "clinic.example.toml"

STORIES = {
    "a booking": [("2026-11-20 12:00", CREATED, {})],
    "a series booked at once": [
        ("2026-11-20 12:00", CREATED, {"booking_id": f"bk_{day}", "starts_at": f"2026-12-0{day}T10:00:00-05:00", "ends_at": None})
        for day in (2, 4, 7, 9)
    ],
    "a move, and a cancellation": [
        ("2026-11-20 12:00", CREATED, {}),
        ("2026-12-01 15:00", RESCHEDULED, {"revision": 2, "starts_at": "2026-12-05T14:00:00-05:00", "ends_at": None}),
        ("2026-12-04 18:00", CANCELLED, {"revision": 3, "starts_at": "2026-12-05T14:00:00-05:00", "ends_at": None}),
    ],
    "booked at night": [("2026-11-20 22:00", CREATED, {})],
    "two hours ahead": [("2026-12-04 09:30", CREATED, {"starts_at": "2026-12-04T11:30:00-05:00", "ends_at": None})],
    "gone before it was announced": [
        ("2026-11-20 12:00", CREATED, {}),
        ("2026-11-20 12:00", CANCELLED, {"revision": 2}),
    ],
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    def write(*entries):
        path = tmp_path / "bookings.json"
        path.write_text("\n".join(json.dumps(entry) for entry in entries))
        return path

    return write


def event(number, at, kind, changes):
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "ehr",
        "type": kind,
        "time": ny(at).isoformat(),
        "data": booking_json(**changes),
    }


@pytest.mark.parametrize("events", STORIES.values(), ids=STORIES)
async def test_it_prints_the_texts_that_the_running_system_sends(events, file, database_url, sealer):
    printed = io.StringIO()
    preview([file(*(event(number, *one) for number, one in enumerate(events)))], CLINICS, out=printed)
    foretold = [line.strip() for line in printed.getvalue().splitlines() if line.startswith("      ")]
    async with open_rooms(database_url, sealer, now=events[0][0]) as rooms:
        for at, kind, changes in events:
            await rooms.until(ny(at))
            await rooms.book(kind, **changes)
        await rooms.until(ny("2026-12-20 12:00"))
        assert foretold == rooms.texts()


def test_a_reminder_that_tells_it_all_needs_no_confirmation_beside_it(file):
    late = booking_json(starts_at="2026-12-04T08:00:00-05:00", ends_at=None)
    printed = io.StringIO()
    preview([file(late)], CLINICS, now=ny("2026-12-02 22:00"), out=printed)
    (text,) = [line for line in printed.getvalue().splitlines() if line.startswith("      ")]
    assert "no food after 2:00 AM" in text


def test_it_tells_when_in_which_hours_and_what_it_costs(file):
    printed = io.StringIO()
    code = preview([file(booking_json())], CLINICS, now=ny("2026-11-20 23:00"), out=printed)
    lines = printed.getvalue().splitlines()
    assert code == 0
    assert lines[0] == "bk_1   (en; times in America/New_York)"
    assert lines[1] == "  Sat Nov 21 2026 09:00  text      confirmation  [1 segment, GSM-7]"
    assert (
        lines[-1]
        == "1 event of 1 patient lead to 3 texts in 3 segments, 0 e-mails, and 0 tasks for people. Nothing was sent."
    )


def test_who_cannot_be_told_is_a_task_and_a_status(file):
    unreachable = booking_json() | {"patient": {"patient_id": "pt_1", "given_name": "Ana"}}
    printed = io.StringIO()
    assert preview([file(unreachable)], CLINICS, now=ny("2026-11-20 12:00"), out=printed) == 1
    assert "no_usable_phone" in printed.getvalue()


def test_times_are_the_patients_own(file):
    far = booking_json()
    far["patient"] |= {"time_zone": "Pacific/Honolulu"}
    printed = io.StringIO()
    preview([file(far)], CLINICS, now=ny("2026-11-20 12:00"), out=printed)
    assert "  Fri Nov 20 2026 09:00  text      confirmation" in printed.getvalue()


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (booking_json() | {"starts_at": "soon"}, "entry 2: data.starts_at: "),
        (booking_json() | {"clinic_id": "nowhere"}, "clinic_id: no clinic 'nowhere'"),
        ([], "entry 2: not a JSON object"),
        (event(1, "2026-11-20 12:00", "message.sent.v1", {}), "entry 2: type: one of booking.created.v1"),
    ],
)
def test_a_mistake_names_file_entry_and_field(entry, complaint, file):
    path = file(booking_json(), entry)
    with pytest.raises(ConfigurationError, match=complaint.replace("(", "\\(")):
        preview([path], CLINICS, out=io.StringIO())


def test_a_file_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "calendar.ics"
    path.write_text("BEGIN:VCALENDAR")
    with pytest.raises(ConfigurationError, match="calendar.ics: not readable as JSON"):
        preview([path], CLINICS, out=io.StringIO())


def test_a_month_of_bookings_is_one_file(file):
    month = [
        booking_json(
            booking_id=f"bk_{number}",
            starts_at=f"2026-12-{number % 27 + 1:02d}T{9 + number % 8:02d}:00:00-05:00",
            ends_at=None,
            patient={"patient_id": f"pt_{number % 60}", "given_name": "Ana", "phone": f"+1212555{number % 60:04d}"},
        )
        for number in range(240)
    ]
    printed = io.StringIO()
    preview([file(*month)], CLINICS, now=ny("2026-11-20 12:00"), out=printed)
    assert "240 events of 60 patients" in printed.getvalue()
