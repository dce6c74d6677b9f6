"""The system as processes: killed, stopped and started again, it loses nothing and repeats nothing."""

import asyncio
import signal
from collections import Counter

import pytest

from cli.stack import SERVICES
from cli.verify import verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_a_booking_becomes_a_text(running):
    phone = await running.publish(number=1)
    ((_to, body),) = await running.texts_to([phone])
    assert body.startswith("Harbor Clinic: ")


async def test_each_service_may_be_killed_at_any_moment(running):  # F1 to F6
    phones = []
    for turn, name in enumerate(SERVICES):
        phones += [await running.publish(number=100 + 10 * turn + number) for number in range(4)]
        await running.kill(name)
        phones.append(await running.publish(number=100 + 10 * turn + 5))
    texts = await running.texts_to(phones)
    assert Counter(to for to, _body in texts) == dict.fromkeys(phones, 1)
    for name in SERVICES:
        await running.ready(name)


async def test_a_service_that_is_told_to_stop_finishes_and_loses_nothing(running):  # F7
    phones = [await running.publish(number=200 + number) for number in range(6)]
    for name in SERVICES:
        process = running.stack.processes[name]
        await running.ready(name)
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.child.wait, 20) == 0, f"{name} did not end cleanly"
        phones.append(await running.publish(number=210 + SERVICES.index(name)))
        process.start()
    texts = await running.texts_to(phones)
    assert Counter(to for to, _body in texts) == dict.fromkeys(phones, 1)


async def test_the_invariants_hold_after_all_this(running, monkeypatch, capsys):
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", running.stack.environment["AFTERCARE_DATABASE_URL"])
    monkeypatch.setenv("AFTERCARE_HOME", str(running.stack.home))
    assert await verify() == 0, capsys.readouterr().out
