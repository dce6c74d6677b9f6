"""The system as processes: killed, stopped and started again, it loses nothing and repeats nothing."""

import asyncio
import signal
from collections import Counter

import pytest

from cli.stack import SERVICES
from cli.verify import verify
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


_UNSETTLED = "SELECT count(*) FROM notifier.messages WHERE state IN ('sending', 'unknown')"


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


async def test_a_notifier_that_freezes_and_wakes_repeats_nothing_that_another_has_settled(running):  # F11
    phones = [running.phone(300 + number) for number in range(6)]
    for phone in phones:  # theirs alone: what other tests left behind must not use a fault up
        await running.fault("slow", count=1, seconds=4, to=phone)
        await running.fault("callbacks_dropped", count=3, to=phone)  # all that tell of one text
    for number in range(6):
        await running.publish(number=300 + number)
    await running.texts_to(phones)
    frozen = running.stack.processes["notifier"]
    frozen.signal(signal.SIGSTOP)  # in the middle of six calls that the provider has accepted
    try:
        assert await running.count(_UNSETTLED) == 6
        async with running.another("notifier"):

            async def settled():
                return await running.count(_UNSETTLED) == 0

            await until(settled, within=30, what="the other notifier settling what the frozen one had in hand")
            frozen.signal(signal.SIGCONT)
            # Both take part in what comes now; each row is claimed by one of them.
            phones += [await running.publish(number=310 + number) for number in range(20)]  # F10
            texts = await running.texts_to(phones)
    finally:
        frozen.signal(signal.SIGCONT)
    assert Counter(to for to, _body in texts) == dict.fromkeys(phones, 1)


async def test_the_invariants_hold_after_all_this(running, monkeypatch, capsys):
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", running.stack.environment["AFTERCARE_DATABASE_URL"])
    monkeypatch.setenv("AFTERCARE_HOME", str(running.stack.home))
    assert await verify() == 0, capsys.readouterr().out
