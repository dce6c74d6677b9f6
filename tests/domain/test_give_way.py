"""What can wait gives way while much comes in that cannot, and never stands still."""

import pytest

from shared.runtime.give_way import GiveWay


class Watch:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def after(per_second, seconds):
    """Return what stands after so many texts a second for so many seconds, and the watch that it goes by."""
    watch = Watch()
    give_way = GiveWay(watch)
    for _ in range(int(per_second * seconds)):
        watch.now += 1 / per_second
        give_way.urgent()
    return give_way, watch


@pytest.mark.parametrize(("per_second", "is_busy"), [(1, False), (5, False), (10, False), (30, True), (100, True)])
def test_a_few_texts_a_second_disturb_nobody(per_second, is_busy):
    give_way, _watch = after(per_second, 10)
    assert give_way.is_busy is is_busy


def test_a_single_text_asks_for_no_rest():
    give_way, _watch = after(1, 1)
    assert (give_way.rest_after(5.0), give_way.breath_after(5.0)) == (0.0, 0.0)


def test_what_can_wait_rests_longer_than_it_worked_but_goes_on():
    give_way, _watch = after(100, 10)
    assert give_way.rest_after(0.01) == pytest.approx(0.09)
    assert give_way.rest_after(60.0) == 1.0
    assert 0 < give_way.breath_after(0.01) < 0.05


def test_calm_comes_back_within_seconds():
    give_way, watch = after(100, 10)
    watch.now += 3.0
    assert not give_way.is_busy
    assert give_way.rest_after(0.01) == 0.0


def test_what_can_wait_is_done_in_small_pieces_meanwhile():
    give_way, watch = after(100, 10)
    assert (give_way.at_once(200), give_way.at_once(3)) == (20, 1)
    watch.now += 3.0
    assert give_way.at_once(200) == 200
