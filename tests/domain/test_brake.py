"""The brake: many changes at once, and a large share of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.booking_events.domain.brake import Upheaval, is_unusual
from shared.clinics.model import Brake

BRAKE = Brake(share=0.5, at_least=10)


@pytest.mark.parametrize(
    ("changed", "untouched", "unusual"),
    [(9, 0, False), (10, 0, True), (10, 10, True), (10, 11, False), (500, 400, True), (400, 500, False)],
)
def test_only_many_changes_and_a_large_share_are_unusual(changed, untouched, unusual):
    assert is_unusual(Upheaval(changed, untouched), BRAKE) is unusual


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_one_change_more_never_releases_the_brake(changed, untouched):
    if is_unusual(Upheaval(changed, untouched), BRAKE):
        assert is_unusual(Upheaval(changed + 1, max(0, untouched - 1)), BRAKE)
