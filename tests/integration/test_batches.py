"""Things that come while others are being done are done together, and none spoils another."""

import asyncio

import pytest

from shared.kernel.errors import DependencyUnavailableError
from shared.runtime.batches import Batches
from shared.telemetry import tracing


class Work:
    """Notes its batches, waits until it is let go on, and fails with whatever is named."""

    def __init__(self, **failures):
        self.batches = []
        self.failures = failures
        self.go_on = asyncio.Event()

    async def __call__(self, things):
        self.batches.append("".join(things))
        await self.go_on.wait()
        for thing in things:
            if thing in self.failures:
                raise self.failures[thing]


async def all_of(batches, work, things):
    tasks = [asyncio.create_task(batches.do(thing)) for thing in things]
    await asyncio.sleep(0)
    work.go_on.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_alone_is_done_at_once_and_what_comes_meanwhile_is_done_together():
    work = Work()
    batches = Batches(work)
    first = asyncio.create_task(batches.do("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.batches == ["a"]
    assert await all_of(batches, work, "bcd") == [None] * 3
    await first
    assert work.batches == ["a", "bcd"]


async def test_a_batch_has_a_limit_and_keeps_the_order():
    work = Work()
    await all_of(Batches(work, most=2), work, "abcde")
    assert work.batches == ["ab", "cd", "e"]


async def test_one_that_fails_fails_alone():
    refusal = ValueError("b")
    work = Work(b=refusal)
    assert await all_of(Batches(work), work, "abc") == [None, refusal, None]
    assert work.batches == ["abc", "a", "b", "c"]


async def test_when_a_dependency_is_away_nothing_is_tried_one_by_one():
    away = DependencyUnavailableError("the database is away")
    work = Work(a=away)
    assert await all_of(Batches(work), work, "abc") == [away] * 3
    assert work.batches == ["abc"]


async def test_what_is_done_together_belongs_to_nobodys_trace():
    traces = []

    async def work(_things):
        traces.append(tracing.current())

    with tracing.following(f"00-{'a' * 32}-{'b' * 16}-01"):
        await Batches(work).do("a")
    assert traces == [None]


async def test_whoever_stops_waiting_does_not_stop_the_others():
    work = Work()
    batches = Batches(work)
    tasks = [asyncio.create_task(batches.do(thing)) for thing in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    work.go_on.set()
    assert await tasks[0] is None
    assert await tasks[2] is None
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
