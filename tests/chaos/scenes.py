"""Short scenes, each unkind in one way. The product passes them all; a planted bug fails one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared.messages import booking as events
from tests.chaos.cast import Cast, local

Scene = Callable[[Cast], Awaitable[None]]
_SOON = timedelta(minutes=2)


async def a_burst_and_a_kill(cast: Cast) -> None:
    """Sixty bookings at once; the planner is killed while it has them in hand."""
    async with cast.world.held_up("booking_events.inbox"):
        await cast.publish(_created(cast, number, days=2) for number in range(60))
        await asyncio.sleep(0.2)  # until the deliveries are in hand
        await asyncio.to_thread(cast.world.kill, "booking_events")
    cast.world.start("booking_events")
    await cast.settle()
    await cast.step(cast.world.now + _SOON)


async def answers_that_get_lost(cast: Cast) -> None:
    """The provider accepts, and says 500, or nothing that can be read, or shows it late in its list."""
    await cast.publish(_created(cast, number, days=2) for number in range(8))
    await cast.settle()
    for kind in ("500_after", "broken_json", "accept_then_drop"):
        await cast.world.fault(kind, count=2)
    await cast.world.fault("list_lag", count=6, seconds=1.3)
    await cast.world.fault("callbacks_dropped")
    await cast.step(cast.world.now + _SOON)
    await cast.world.heal()


async def a_kill_in_the_middle_of_a_call(cast: Cast) -> None:
    """The notifier dies after the provider accepted and before it could write that down."""
    await cast.publish(_created(cast, number, days=2) for number in range(6))
    await cast.settle()
    await cast.world.fault("slow", count=6, seconds=5)
    await cast.world.fault("callbacks_dropped")
    await cast.world.set_clock(cast.world.now + _SOON)
    await cast.world.until_accepted(cast.patients, 6)
    await asyncio.to_thread(cast.world.restart, "notifier")
    await cast.step(cast.world.now + _SOON)
    await cast.world.heal()


async def old_news(cast: Cast) -> None:
    """What was said before comes again: under a new id, out of date, and with another content under its id."""
    patient = cast.patient(1)
    first = await cast.book(patient, "v", local("harbor", _in_days(cast, 2), "11:00"))
    await cast.settle()
    await cast.step(cast.world.now + _SOON)
    await cast.book(patient, "v", local("harbor", _in_days(cast, 3), "12:00"))
    await cast.settle()
    await cast.world.publish(first.type, f"again {first.id}", first.data)
    await cast.settle()
    await cast.step(cast.world.now + _SOON)
    await cast.tamper(first, _in_days(cast, 2))
    await _let_days_pass(cast, 3)


async def a_cancelled_visit(cast: Cast) -> None:
    """A visit is cancelled after its confirmation; its reminders stand ready."""
    patient = cast.patient(1)
    await cast.book(patient, "v", local("harbor", _in_days(cast, 3), "11:00"))
    await cast.settle()
    await cast.step(cast.world.now + _SOON)
    await cast.cancel(patient, "v")
    await cast.settle()
    await _let_days_pass(cast, 4)


async def a_night(cast: Cast) -> None:
    """What is due two minutes before the window closes can leave only after it has closed."""
    await cast.step(local("harbor", cast.world.now, "19:58"))
    await asyncio.to_thread(cast.world.kill, "notifier")
    since = cast.world.now
    await cast.book(cast.patient(1), "v", local("harbor", _in_days(cast, 3), "11:00"))
    await cast.world.set_clock(cast.world.now + timedelta(minutes=10))
    cast.excuse(since)
    cast.world.start("notifier")
    await cast.settle()
    await cast.step(cast.world.now + timedelta(minutes=5))


async def an_outage_past_the_deadline(cast: Cast) -> None:
    """The notifier is away from before a reminder is due until it is useless."""
    await cast.book(cast.patient(1), "v", local("harbor", _in_days(cast, 2), "14:00"))
    await cast.settle()
    await cast.step(cast.world.now + _SOON)
    since = cast.world.now
    await asyncio.to_thread(cast.world.kill, "notifier")
    await cast.world.set_clock(local("harbor", _in_days(cast, 2), "13:00"))
    cast.excuse(since)
    cast.world.start("notifier")
    await cast.step(cast.world.now + timedelta(minutes=1))


async def a_broker_that_goes_away(cast: Cast) -> None:
    """The broker dies while plans are on their way through it."""
    said = [_created(cast, number, days=2) for number in range(40)]
    publishing = asyncio.create_task(cast.publish(said))
    await asyncio.sleep(0.1)
    await cast.world.restart_server("broker")
    await publishing
    await cast.settle()
    await cast.step(cast.world.now + _SOON)
    await _let_days_pass(cast, 3)


def _created(cast: Cast, number: int, *, days: int):
    start = local("harbor", _in_days(cast, days), f"{9 + number % 8:02d}:{number % 6}0")
    return cast.event(events.CREATED, cast.patient(number), "v", start)


def _in_days(cast: Cast, days: int):
    return cast.world.now + timedelta(days=days)


async def _let_days_pass(cast: Cast, days: int) -> None:
    """Step through mornings and afternoons."""
    for half in range(2 * days):
        await cast.step(cast.world.now + timedelta(hours=5 if half % 2 == 0 else 19))
