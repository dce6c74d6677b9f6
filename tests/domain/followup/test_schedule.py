"""When check-ins are asked (DOMAIN.md 1.3, 1.4)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.followup.domain.schedule import (
    Hours,
    Infusion,
    Kind,
    Moment,
    asks_for_a_call_instead,
    close_at,
    nudge_at,
    plan_checkins,
)
from shared.kernel.send_window import SendWindow
from tests.builders import ny

ZONES = [ZoneInfo(name) for name in ("America/New_York", "America/Phoenix", "Pacific/Honolulu")]
WINDOW = SendWindow(time(9), time(20))
NEW_YORK = Hours(ZONES[0], ZONES[0], WINDOW)


def infusion(ended, *, minutes=130):
    end = ny(ended)
    return Infusion(ended, end - timedelta(minutes=minutes), end)


def planned(*ends, next_starts_at=None):
    """Return what follows, as (end's day, moment, due on New York's clock)."""
    rows = plan_checkins([infusion(end) for end in ends], ny(next_starts_at) if next_starts_at else None, NEW_YORK)
    return {(row.infusion_id[5:10], row.moment.value): f"{row.due_at.astimezone(ZONES[0]):%m-%d %H:%M}" for row in rows}


def test_one_infusion_is_followed_by_six_check_ins():  # 1.3
    assert planned("2026-12-04 12:10") == {
        ("12-04", "home_safe"): "12-04 16:10",
        ("12-04", "day_1"): "12-05 12:10",
        ("12-04", "day_3"): "12-07 12:10",
        ("12-04", "week_1"): "12-11 12:10",
        ("12-04", "week_2"): "12-18 12:10",
        ("12-04", "week_3"): "12-25 12:10",
    }


def test_a_series_keeps_the_evening_and_the_next_day_and_asks_on_day_three_only_over_the_weekend():  # R6
    monday, wednesday, friday = "2026-12-07 12:10", "2026-12-09 12:10", "2026-12-11 12:10"
    found = planned(monday, wednesday, friday, next_starts_at="2026-12-14 10:00")
    assert sorted(found) == [
        ("12-07", "day_1"),
        ("12-07", "home_safe"),
        ("12-09", "day_1"),
        ("12-09", "home_safe"),
        ("12-11", "day_1"),
        ("12-11", "day_3"),
        ("12-11", "home_safe"),
    ]
    # Monday's visit begins before the three days are over: the question comes that morning, before it.
    assert found["12-11", "day_3"] == "12-14 09:00"


def test_a_weekly_visit_is_preceded_by_its_questionnaire():
    found = planned("2026-12-04 12:10", next_starts_at="2026-12-11 10:00")
    assert found["12-04", "week_1"] == "12-11 09:00"
    assert ("12-04", "week_2") not in found


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2026-12-04 12:10", "12-04 16:10"),
        ("2026-12-04 15:50", "12-04 19:50"),
        ("2026-12-04 16:30", "12-04 19:50"),  # the last minutes of the window
        ("2026-12-04 18:20", "12-04 19:50"),  # ninety minutes after the end
        ("2026-12-04 18:21", None),  # too soon after the end: somebody phones
        ("2026-12-04 21:00", None),
        ("2026-12-04 03:00", "12-04 09:00"),
    ],
)
def test_the_home_safe_question_stays_on_its_evening(ended, due):  # R5
    assert planned(ended).get(("12-04", "home_safe")) == due
    assert asks_for_a_call_instead(infusion(ended), NEW_YORK) is (due is None)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("end", ["2026-03-07", "2026-03-08", "2026-10-31", "2026-11-01", "2026-07-04"])
def test_half_past_nine_stays_half_past_nine(zone, end):  # R8
    ended = datetime.fromisoformat(f"{end} 09:30").replace(tzinfo=zone)
    rows = plan_checkins([Infusion("i", ended - timedelta(hours=2), ended)], None, Hours(zone, zone, WINDOW))
    later = [row.due_at.astimezone(zone) for row in rows if row.moment is not Moment.HOME_SAFE]
    assert [(at.hour, at.minute) for at in later] == [(9, 30)] * 5
    assert [(at.date() - ended.date()).days for at in later] == [1, 3, 7, 14, 21]


@pytest.mark.parametrize(("moment", "hours"), [(Moment.DAY_1, 36), (Moment.DAY_3, 96), (Moment.WEEK_1, 240)])
def test_a_late_check_in_is_of_use_for_so_long(moment, hours):  # R9
    (row,) = [row for row in plan_checkins([infusion("2026-12-04 12:10")], None, NEW_YORK) if row.moment is moment]
    assert row.useless_at == ny("2026-12-04 12:10") + timedelta(hours=hours)


minutes = st.integers(0, 60 * 24 * 400).map(lambda offset: ny("2026-01-01 00:00") + timedelta(minutes=offset))


@st.composite
def courses(draw):
    ends = draw(st.lists(minutes, min_size=1, max_size=7, unique=True))
    past = [
        Infusion(f"i{index}", end - timedelta(minutes=draw(st.integers(30, 240))), end)
        for index, end in enumerate(ends)
    ]
    following = draw(st.none() | minutes)
    return past, following, Hours(draw(st.sampled_from(ZONES)), draw(st.sampled_from(ZONES)), WINDOW)


@given(courses(), st.randoms())
def test_every_plan_is_in_the_window_of_use_and_before_the_next_infusion(course, random):  # R2, R6, I2
    past, following, hours = course
    rows = plan_checkins(past, following, hours)
    by_id = {infusion.infusion_id: infusion for infusion in past}
    starts = [infusion.started_at for infusion in past] + ([following] if following else [])
    assert len({(row.infusion_id, row.moment) for row in rows}) == len(rows)
    for row in rows:
        ended = by_id[row.infusion_id].ended_at
        assert WINDOW.contains(row.due_at, hours.patient)
        assert ended < row.due_at
        assert row.due_at <= row.useless_at
        assert not any(ended <= start < row.due_at for start in starts)
        if row.kind is Kind.QUESTIONNAIRE:
            assert row.due_at - ended > timedelta(days=6)
        if row.kind is Kind.HOME_SAFE:
            assert row.due_at - ended >= timedelta(minutes=90)
            assert row.due_at.astimezone(hours.patient).date() == ended.astimezone(hours.patient).date()
    random.shuffle(past)
    assert sorted(map(repr, plan_checkins(past, following, hours))) == sorted(map(repr, rows))


@given(minutes, st.sampled_from(list(Kind)))
def test_a_nudge_comes_hours_later_within_the_window_and_before_the_close(sent_at, kind):  # R11
    closes = close_at(kind, sent_at)
    at = nudge_at(sent_at, closes, NEW_YORK)
    if at is not None:
        assert WINDOW.contains(at, ZONES[0])
        assert sent_at + timedelta(hours=4) <= at < closes
    if kind is not Kind.HOME_SAFE and 9 <= sent_at.astimezone(ZONES[0]).hour < 14:
        assert at is not None
        assert at - sent_at <= timedelta(hours=6)
