"""Scores (DOMAIN.md 2.1, 2.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.followup.domain.instrument import CURRENT, GAD2, INSTRUMENTS, MOOD, PHQ2, PHQ8, PHQ9
from services.followup.domain.scoring import Baseline, is_low_mood, score, total_of

_ = None


@pytest.mark.parametrize(
    ("instrument", "total", "band"),
    [
        (PHQ9, 0, "minimal"),
        (PHQ9, 4, "minimal"),
        (PHQ9, 5, "mild"),
        (PHQ9, 9, "mild"),
        (PHQ9, 10, "moderate"),
        (PHQ9, 14, "moderate"),
        (PHQ9, 15, "moderately_severe"),
        (PHQ9, 19, "moderately_severe"),
        (PHQ9, 20, "severe"),
        (PHQ9, 27, "severe"),
        (PHQ8, 24, "severe"),
        (PHQ2, 2, "negative"),
        (PHQ2, 3, "positive"),
        (GAD2, 3, "positive"),
        (MOOD, 5, None),
    ],
)
def test_bands(instrument, total, band):
    assert instrument.band_of(total) == band


@pytest.mark.parametrize(
    ("instrument", "items", "total", "prorated"),
    [
        (PHQ9, [1, 2, 3, 0, 1, 2, 3, 0, 1], 13, False),
        (PHQ9, [1, 1, 1, 1, 1, 1, 1, _, 0], 8, True),  # 7 of 8 x 9 = 7.875
        (PHQ9, [2, 2, 2, 2, 2, 2, _, _, 0], 15, True),  # 12 of 7 x 9 = 15.43
        (PHQ9, [2, 2, 2, 2, 2, _, _, _, 0], None, False),  # three are too many (I4)
        (PHQ9, [1, 1, 1, 1, 1, 1, 1, 1, _], None, False),  # item 9 is never imputed (I4)
        (PHQ8, [1, 1, 1, 1, 1, 1, 1, _], 8, True),
        (PHQ8, [1, 1, 1, 1, 1, 1, _, _], None, False),  # one only
        (PHQ2, [1, _], None, False),
        (MOOD, [8.5], 8.5, False),
        (MOOD, [_], None, False),
    ],
)
def test_totals(instrument, items, total, prorated):  # I4
    found = total_of(instrument, items)
    assert (found.value if found else None) == total
    assert bool(found and found.prorated) is prorated


@pytest.mark.parametrize(
    ("before", "now", "trend", "response", "remission"),
    [
        (20, 10, "improved", True, False),  # exactly half
        (20, 11, "improved", False, False),
        (9, 4, "improved", True, True),
        (20, 16, "unchanged", False, False),  # four points
        (26, 21, "unchanged", False, False),  # five points, but less than a fifth
        (10, 15, "worsened", False, False),
        (10, 14, "unchanged", False, False),
        (0, 0, "unchanged", None, True),
    ],
)
def test_change_beside_the_baseline(before, now, trend, response, remission):  # I5, I6
    items = [min(3, max(0, now - 3 * place)) for place in range(9)]
    found = score(PHQ9, items, Baseline("phq9", None, before))
    assert (found.total, found.change_abs) == (now, now - before)
    assert (found.trend, found.response, found.remission) == (trend, response, remission)


def test_without_a_baseline_there_is_no_response_and_no_remission():  # I1
    found = score(PHQ9, [0] * 9, None)
    assert (found.response, found.remission, found.change_abs, found.trend) == (None, None, None, None)


def test_a_baseline_of_nine_items_also_measures_eight():
    baseline = Baseline("phq9", (2, 2, 2, 2, 2, 2, 2, 2, 3), None)
    assert score(PHQ8, [1] * 8, baseline).baseline_total == 16
    assert score(PHQ8, [1] * 8, Baseline("phq9", None, 19)).baseline_total is None
    assert score(MOOD, [5], baseline).baseline_total is None


@pytest.mark.parametrize(
    ("value", "previous", "low"),
    [(2, None, True), (2.5, None, False), (5, 8, True), (5.5, 8, False), (0, 0, True), (9, 3, False)],
)
def test_a_low_mood_and_a_steep_fall(value, previous, low):  # I7
    assert is_low_mood(value, previous) is low


@pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=lambda one: one.name)
def test_bands_cover_the_scale_without_gap_or_overlap(instrument):
    assert CURRENT[instrument.name] is instrument
    covered = [total for band in instrument.bands for total in range(band.low, band.high + 1)]
    if covered:
        assert covered == list(range(instrument.items * instrument.high + 1))


@given(st.sampled_from([PHQ9, PHQ8, PHQ2, GAD2]), st.data())
def test_a_score_is_the_same_each_time_and_stays_on_the_scale(instrument, data):  # I10
    items = data.draw(st.lists(st.none() | st.integers(0, 3), min_size=instrument.items, max_size=instrument.items))
    baseline = data.draw(st.none() | st.integers(0, 27).map(lambda total: Baseline(instrument.name, None, total)))
    found = score(instrument, items, baseline)
    assert score(instrument, tuple(items), baseline) == found
    if found.total is None:
        assert None in items
        assert (found.band, found.response, found.remission) == (None, None, None)
    else:
        assert 0 <= found.total <= instrument.items * 3
        assert found.band is not None
        assert found.prorated is (None in items)
