"""When texts may leave (R2)."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.send_window import SendWindow
from tests.builders import NEW_YORK, ny

DAY = SendWindow(time(9), time(20))
MARGIN = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("at", "next_opening", "last_before"),
    [
        ("2026-12-01 09:00", "2026-12-01 09:00", "2026-12-01 09:00"),
        ("2026-12-01 19:59", "2026-12-01 19:59", "2026-12-01 19:59"),
        ("2026-12-01 20:00", "2026-12-02 09:00", "2026-12-01 19:30"),
        ("2026-12-01 03:00", "2026-12-01 09:00", "2026-11-30 19:30"),
        ("2026-03-08 08:59", "2026-03-08 09:00", "2026-03-07 19:30"),
    ],
)
def test_outside_the_window_there_is_a_next_opening_and_a_last_evening(at, next_opening, last_before):
    assert DAY.next_opening(ny(at), NEW_YORK) == ny(next_opening)
    assert DAY.answer_of_use_until(ny(at), NEW_YORK) == ny(next_opening) + timedelta(hours=1)
    assert DAY.last_before(ny(at), NEW_YORK, margin=MARGIN) == ny(last_before)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),
    st.sampled_from(["America/New_York", "America/Phoenix", "Pacific/Honolulu", "Pacific/Apia"]).map(ZoneInfo),
)
def test_both_ways_out_of_the_night_lead_into_the_window(at, zone):
    later, earlier = DAY.next_opening(at, zone), DAY.last_before(at, zone, margin=MARGIN)
    assert DAY.contains(later, zone)
    assert DAY.contains(earlier, zone)
    assert earlier <= at <= later
    assert later - at <= timedelta(hours=14)


def test_a_window_opens_before_it_closes():
    with pytest.raises(ValueError, match="opens before it closes"):
        SendWindow(time(20), time(9))
