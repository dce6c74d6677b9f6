"""What a service says about itself, and loops that outlive their mistakes."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from datetime import timedelta

import aiohttp
import pytest

from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import Database
from shared.runtime.loop import Loop
from shared.runtime.service import ClockSkew
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application, serving
from tests.builders import ROOT
from tests.waiting import until


@pytest.fixture
async def database(database_url, sealer):
    async with Database(database_url, schema="followup", sealer=sealer, size=2) as database:
        yield database


class Ahead(Database):
    """A database whose machine has another time than ours."""

    ahead = timedelta(seconds=3)

    async def now(self):
        return await super().now() + self.ahead


@pytest.mark.parametrize(("ahead", "complains"), [(0, False), (1.5, False), (3, True), (-3, True), (7200, True)])
async def test_clocks_that_differ_by_more_than_two_seconds_are_said(database_url, sealer, ahead, complains):  # F38
    async with Ahead(database_url, schema="followup", sealer=sealer, size=1) as database:
        database.ahead = timedelta(seconds=ahead)
        skew = ClockSkew(database)
        await skew.run_once()
        assert (skew.complaint() is not None) is complains


async def test_readiness_says_what_is_wrong_and_liveness_stays():
    health, metrics = Health(), Metrics()
    wrong = {"sentence": None}
    health.add("clock", lambda: wrong["sentence"])
    application = build_application([], health=health, metrics=metrics)
    async with (
        serving(application, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as web,
    ):
        assert await asked(web, "/readyz") == (200, {"status": "ready", "complaints": {}})
        wrong["sentence"] = "differs"
        assert await asked(web, "/readyz") == (503, {"status": "not ready", "complaints": {"clock": "differs"}})
        assert (await asked(web, "/livez"))[0] == 200
        wrong["sentence"] = None
        health.drain()
        assert await asked(web, "/readyz") == (503, {"status": "not ready", "complaints": {"process": "is stopping"}})
        async with web.get("/metrics") as answer:
            assert "aftercare_outbox_pending" in await answer.text()


async def asked(web, path):
    async with web.get(path) as answer:
        return answer.status, await answer.json()


async def test_a_loop_outlives_its_mistakes_and_says_so_while_they_last():
    failing, done = True, 0

    async def work():
        nonlocal done
        if failing:
            raise KeyError
        done += 1
        return 0

    loop, stopping = Loop("test", work, every_s=0.01), asyncio.Event()
    task = asyncio.create_task(loop.run(stopping))
    await until(lambda: loop.complaint() == "fails with KeyError", what="a complaint")
    failing = False
    await until(lambda: done and loop.complaint() is None, what="recovery")
    stopping.set()
    await task


async def test_a_loop_is_woken_and_stops_at_once():
    turns = 0

    async def work():
        nonlocal turns
        turns += 1
        return 0

    loop, stopping = Loop("test", work, every_s=60), asyncio.Event()
    task = asyncio.create_task(loop.run(stopping))
    await until(lambda: turns == 1, what="the first turn")
    loop.wake.set()
    await until(lambda: turns == 2, what="the second turn")
    stopping.set()
    await asyncio.wait_for(task, 1)


async def test_a_transaction_that_waits_for_a_lock_too_long_is_our_fault_and_not_an_outage(database):
    async with database.transaction() as holder:
        await holder.execute("SELECT pg_advisory_xact_lock(1)")
        async with database.transaction() as waiter:
            await waiter.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(Exception, match="lock timeout") as error:
                await waiter.execute("SELECT pg_advisory_xact_lock(1)")
    assert not isinstance(error.value, DependencyUnavailableError)


BLOCKED = """
import asyncio, re, threading
from shared.runtime.watchdog import watchdog
from shared.telemetry.metrics import Metrics

def by_waiting():
    threading.Event().wait()

def by_holding_the_interpreter():
    re.fullmatch("(a+)+", "a" * 64 + "b")

async def main():
    async with watchdog(Metrics(), patience_s=0.4, every_s=0.05):
        for _ in range(4):
            await asyncio.sleep(0.2)
        print("still here", flush=True)
        {blocked}()

asyncio.run(main())
"""


@pytest.mark.parametrize("blocked", ["by_waiting", "by_holding_the_interpreter"])
async def test_a_process_whose_loop_stands_still_ends_and_says_where(blocked):  # F12
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BLOCKED.format(blocked=blocked), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert (process.returncode, out, blocked in err.decode()) == (1, b"still here\n", True)
