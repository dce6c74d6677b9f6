"""Who is on call, who is paged and when, and how a case rises (DOMAIN.md 3.2 to 3.4)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.followup.domain.case import Case, Finding, may_text, rise, worst
from services.followup.domain.escalation import acknowledge_by, climb, paging_order, starts_paging_at
from services.followup.domain.gate import Ask, Drop, Watch, judge_due
from services.followup.domain.schedule import Kind
from shared.clinics.roster import current_shift, is_covered, shifts_around
from tests.builders import clinic, ny

PEOPLE = {
    "osei": {"name": "Dr. Osei", "phone": "+12125550150"},
    "lind": {"name": "Nurse Lind", "phone": "+12125550151", "role": "nurse"},
    "abara": {"name": "Dr. Abara", "phone": "+12125550152", "role": "lead"},
    "desk": {"name": "Operations", "phone": "+12125550153", "role": "ops"},
}
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def roster(*shifts):
    return clinic(roster={"people": PEOPLE, "shifts": list(shifts)})


DAY = {"days": WEEKDAYS, "starts": "08:00", "ends": "20:00", "people": ["osei", "lind"]}
NIGHT = {"days": WEEKDAYS, "starts": "20:00", "ends": "08:00", "people": ["lind"]}
STAFFED, AROUND_THE_CLOCK = roster(DAY), roster(DAY, NIGHT)
FRIDAY = ny("2026-12-04 12:00")


def test_a_shift_may_pass_midnight():
    shift = current_shift(AROUND_THE_CLOCK, ny("2026-12-05 03:00"))  # Friday's night
    assert shift is not None
    assert (shift.starts_at, shift.ends_at) == (ny("2026-12-04 20:00"), ny("2026-12-05 08:00"))
    assert current_shift(AROUND_THE_CLOCK, ny("2026-12-05 08:00")) is None


@pytest.mark.parametrize(
    ("weeks", "on_call"), [("every", True), ("odd", True), ("even", False), (["2026-W49"], True), (["2026-W50"], False)]
)
def test_a_shift_may_hold_in_some_weeks_only(weeks, on_call):  # 2026-12-04 lies in week 49
    assert (current_shift(roster({**DAY, "weeks": weeks}), FRIDAY) is not None) is on_call


@pytest.mark.parametrize(
    ("at", "covered"), [("2026-12-04 16:00", True), ("2026-12-04 16:01", False), ("2026-12-04 07:59", False)]
)
def test_cover_means_somebody_for_the_whole_time(at, covered):  # 3.4
    assert is_covered(STAFFED, ny(at), timedelta(hours=4)) is covered
    assert is_covered(AROUND_THE_CLOCK, ny("2026-12-04 19:00"), timedelta(hours=4))


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
def test_a_night_shift_across_a_clock_change_has_no_gap(day):  # R8
    nights = roster({**NIGHT, "days": ["sat", "sun"]}, {**DAY, "days": ["sat", "sun"]})
    shifts = [shift for shift in shifts_around(nights, ny(f"{day} 12:00")) if shift.starts_at < ny(f"{day} 12:00")]
    assert all(one.ends_at >= two.starts_at for one, two in zip(shifts, shifts[1:], strict=False))


@pytest.mark.parametrize(
    ("tier", "at", "starts", "by"),
    [
        ("S1", "2026-12-04 12:00", "2026-12-04 12:00", "2026-12-04 12:15"),
        ("M", "2026-12-04 03:00", "2026-12-04 03:00", "2026-12-04 03:15"),
        ("S2", "2026-12-04 12:00", "2026-12-04 14:00", "2026-12-04 14:00"),  # staffed: the list, two hours
        ("S2", "2026-12-04 19:00", "2026-12-04 19:00", "2026-12-04 19:15"),  # not for two more hours: as S1
        ("S3", "2026-12-04 12:00", None, "2026-12-04 17:00"),
        ("S3", "2026-12-04 17:00", None, "2026-12-07 17:00"),  # a Friday evening
    ],
)
def test_clocks(tier, at, starts, by):  # 3.2
    assert starts_paging_at(STAFFED, tier, ny(at)) == (ny(starts) if starts else None)
    assert acknowledge_by(STAFFED, tier, ny(at)) == ny(by)


def test_the_nurse_comes_first_for_the_body_and_the_next_shift_when_nobody_is_on_call():
    assert paging_order(STAFFED, FRIDAY, "M")[:2] == ("lind", "osei")
    assert paging_order(STAFFED, FRIDAY, "S1") == ("osei", "lind", "abara", "desk")
    assert paging_order(STAFFED, ny("2026-12-05 03:00"), "S1")[-1] == "desk"
    assert set(paging_order(STAFFED, ny("2026-12-05 03:00"), "S1")) == set(PEOPLE)
    assert paging_order(clinic(), FRIDAY, "S1") == ()


def test_a_clock_that_was_stopped_for_hours_pages_everybody_once():
    step = climb(STAFFED, "S1", clock_at=FRIDAY, done=0, already=(), now=FRIDAY + timedelta(hours=5))
    assert step.people == ("osei", "lind", "abara", "desk")
    assert step.is_incident
    assert FRIDAY + timedelta(hours=5) < step.next_at <= FRIDAY + timedelta(hours=5, minutes=30)


moments = st.integers(0, 60 * 24 * 30).map(lambda offset: ny("2026-12-01 00:00") + timedelta(minutes=offset))
rosters = st.sampled_from([STAFFED, AROUND_THE_CLOCK, roster({**NIGHT, "weeks": "odd"})])


@given(rosters, moments, st.sampled_from(["S1", "M", "S2"]), st.lists(st.integers(1, 90), max_size=8))
def test_until_somebody_answers_everybody_is_paged_within_the_hour_and_paging_never_ends(
    somewhere, opened, tier, delays
):  # 3.2
    start = starts_paging_at(somewhere, tier, opened)
    assert start is not None
    assert opened <= start <= opened + timedelta(hours=2)
    now, done, paged = start, 0, ()
    for delay in [0, *delays]:
        now += timedelta(minutes=delay)
        step = climb(somewhere, tier, clock_at=opened, done=done, already=paged, now=now)
        assert step.people
        assert step.number >= done
        assert now < step.next_at <= now + timedelta(minutes=30)
        paged, done, now = tuple(dict.fromkeys((*paged, *step.people))), step.number + 1, step.next_at
        if now - start > timedelta(hours=1, minutes=30):
            assert set(paged) == set(PEOPLE)


tiers = st.sampled_from(["S1", "S2", "S3", "M"])
RANK = {"S3": 0, "S2": 1, "M": 2, "S1": 3}


@given(tiers, st.lists(tiers, min_size=1, max_size=5))
def test_a_case_rises_and_never_falls(first, later):  # S-5
    case = Case("c", "harbor", "pt", "pt", first, ("a",), FRIDAY, FRIDAY)
    risen = rise(case, worst([Finding(tier, (tier,)) for tier in later]))
    assert RANK[risen.tier] == max(RANK[first], *(RANK[tier] for tier in later))
    assert risen.restarts is (risen.tier != first)
    assert risen.rules[0] == "a"


@pytest.mark.parametrize(
    ("texted", "tier", "hours", "may"),
    [
        (None, "S1", 0, True),
        (None, "S3", 0, False),
        ("S1", "S1", 3.9, False),
        ("S1", "S1", 4, True),
        ("S2", "S1", 0.1, True),  # graver: at once
        ("S1", "S2", 0.1, False),
    ],
)
def test_one_automatic_text_in_four_hours(texted, tier, hours, may):  # S-7
    at = FRIDAY if texted else None
    case = Case("c", "harbor", "pt", "pt", "S1", (), FRIDAY, FRIDAY, texted_at=at, texted_tier=texted)
    assert may_text(case, tier, FRIDAY + timedelta(hours=hours)) is may


KEPT = Watch(has_roster=True, covers_next_hours=True, test_page_acknowledged=True)


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (Kind.QUESTIONNAIRE, {}, "phq9"),
        (Kind.QUESTIONNAIRE, {"watch": Watch(True, False, True)}, "phq8"),
        (Kind.QUESTIONNAIRE, {"watch": Watch(True, True, False)}, "phq8"),
        (Kind.QUESTIONNAIRE, {"watch": Watch(False, False, False)}, "no_roster"),
        (Kind.MOOD, {"watch": Watch(False, False, False)}, "no_roster"),
        (Kind.MOOD, {"watch": Watch(True, False, False)}, "mood"),
        (Kind.MOOD, {"agreed": False}, "no_consent"),
        (Kind.MOOD, {"has_open_case": True}, "case_open"),
        (Kind.HOME_SAFE, {"has_open_case": True}, "home_safe"),
        (Kind.MOOD, {"next_starts_at": FRIDAY}, "superseded"),
        (Kind.MOOD, {"next_starts_at": FRIDAY + timedelta(seconds=1)}, "mood"),
        (Kind.MOOD, {"useless_at": FRIDAY}, "too_late"),
        (Kind.PHQ8, {}, "phq8"),
        (Kind.PHQ2, {}, "phq2"),
        (Kind.GAD2, {"watch": Watch(True, False, False)}, "gad2"),
        (Kind.NOTHING, {}, "not_asked"),
    ],
)
def test_what_is_asked_is_judged_when_it_is_due(kind, changes, expected):  # 3.4, R6, R9
    facts = {
        "useless_at": FRIDAY + timedelta(hours=1),
        "next_starts_at": None,
        "agreed": True,
        "has_open_case": False,
        "watch": KEPT,
        "now": FRIDAY,
        **changes,
    }
    verdict = judge_due(kind, **facts)
    assert expected == (verdict.instrument.name if isinstance(verdict, Ask) else verdict.reason)
    assert isinstance(verdict, Ask | Drop)
