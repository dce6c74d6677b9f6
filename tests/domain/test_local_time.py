"""Wall-clock arithmetic across both daylight-saving changes (R8)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.local_time import before, resolve

NY, PHOENIX, HONOLULU = (ZoneInfo(name) for name in ("America/New_York", "America/Phoenix", "Pacific/Honolulu"))


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        ("2026-03-08", "02:30", "2026-03-08T03:00:00-04:00"),  # does not exist: the first minute after the gap
        ("2026-11-01", "01:30", "2026-11-01T01:30:00-04:00"),  # happens twice: the first time
        ("2026-07-01", "09:30", "2026-07-01T09:30:00-04:00"),
    ],
)
def test_a_wall_clock_time_is_one_instant(day, at, expected):
    assert resolve(date.fromisoformat(day), time.fromisoformat(at), NY) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("zone", [NY, PHOENIX, HONOLULU])
@pytest.mark.parametrize("day", ["2026-03-08", "2026-03-09", "2026-11-01", "2026-11-02", "2026-11-04", "2027-03-16"])
def test_half_past_nine_stays_half_past_nine(zone, day):
    start = datetime.fromisoformat(f"{day}T09:30").replace(tzinfo=zone)
    for days in (1, 3):
        reminder = before(start, timedelta(days=days), zone).astimezone(zone)
        assert (reminder.time(), reminder.date()) == (time(9, 30), start.date() - timedelta(days=days))


def test_hours_below_a_day_are_elapsed_time():
    start = datetime(2026, 11, 1, 4, 0, tzinfo=NY)
    assert start.astimezone(UTC) - before(start, timedelta(hours=3), NY) == timedelta(hours=3)


@given(
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from([NY, PHOENIX, HONOLULU, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")]),
)
def test_resolved_times_read_the_same_or_stand_right_after_a_gap(day, at, zone):
    local = resolve(day, at, zone).astimezone(zone)
    naive, wanted = local.replace(tzinfo=None), datetime.combine(day, at)
    assert wanted <= naive <= wanted + timedelta(hours=1)
    if naive != wanted:
        just_before = (local.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone)
        assert just_before.utcoffset() != local.utcoffset()
