"""A harness that has never caught a bug proves nothing: bugs are planted, and each has to be noticed."""

import os
from contextlib import suppress
from itertools import count

import pytest

from tests.chaos import scenes
from tests.chaos.cast import Cast, StuckError
from tests.chaos.world import morning_after

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(120)]

LONG = "AFTERCARE_CHAOS_MINUTES" in os.environ

# The bug, the service it is planted in, the scene, and the rules of which at least one has to be broken.
QUICK = [
    ("repeats_without_evidence", "notifier", scenes.answers_that_get_lost, {"tells nothing", "not recorded"}),
    ("sends_the_unwanted", "notifier", scenes.a_cancelled_visit, {"ghost"}),
    ("believes_old_news", "booking_events", scenes.old_news, {"ghost", "lost"}),
    ("acks_before_commit", "booking_events", scenes.a_burst_and_a_kill, {"stuck", "lost"}),
]
FULL = [
    ("looks_once_and_at_once", "notifier", scenes.answers_that_get_lost, {"tells nothing", "not recorded"}),
    ("takes_the_abandoned_for_unsent", "notifier", scenes.a_kill_in_the_middle_of_a_call, {"tells nothing"}),
    ("ignores_the_inbox", "booking_events", scenes.old_news, {"ghost", "lost"}),
    ("sends_at_night", "notifier", scenes.a_night, {"at night"}),
    ("sends_the_useless", "notifier", scenes.an_outage_past_the_deadline, {"past its use"}),
    ("forgets_the_unconfirmed", "booking_events", scenes.a_broker_that_goes_away, {"stuck", "lost"}),
]
_tags = count(50)


@pytest.mark.parametrize(
    ("bug", "service", "scene", "rules"),
    [pytest.param(*row, id=row[0]) for row in (QUICK + FULL if LONG else QUICK)],
)
async def test_a_planted_bug_is_noticed(world, bug, service, scene, rules):
    broken = await play(world, scene, bug=(bug, service))
    assert {violation.rule for violation in broken} & rules, f"{bug} went unnoticed; broken: {broken}"


@pytest.mark.skipif(not LONG, reason="the quick form plays every scene with a bug, and chaos without one")
@pytest.mark.parametrize("scene", dict.fromkeys(row[2] for row in QUICK + FULL), ids=lambda scene: scene.__name__)
async def test_without_a_bug_the_scene_is_clean(world, scene):
    assert await play(world, scene) == []


async def play(world, scene, *, bug=None):
    """Play a scene on a Monday morning, and return the rules that were broken."""
    await world.plant(bug)
    await world.set_clock(morning_after(world.now))
    cast = Cast(world, tag=next(_tags), within=5 if bug else 30)
    with suppress(StuckError):
        await scene(cast)
    return await cast.verdict()
