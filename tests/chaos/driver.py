"""A seeded stretch of days in which everything happens at once: bookings, faults, kills; and the clock goes on."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from shared.messages import booking as events
from tests.chaos.cast import Cast, Event, StuckError, local
from tests.chaos.journal import Patient, Status
from tests.chaos.oracle import Violation
from tests.chaos.world import World

HOURS = (15, 19, 23, 27)
"""Times of a day, in hours of UTC: at the last one it is night in New York and Phoenix, and evening in Honolulu."""
QUIET_HOURS = (19, 23, 27)
"""In every zone one of these lies inside the window before a reminder becomes useless, even if it is held for a while."""
AHEAD = 4
"""Visits lie at most so many days ahead."""
CLINICS = ("harbor", "harbor", "mesa", "kona")
ZONES = (None, None, None, "America/New_York", "Pacific/Honolulu")
KINDS = ("infusion", "infusion", "consultation", "follow_up")
PROVIDER = (
    {"kind": "429", "probability": 0.3, "seconds": 1},
    {"kind": "500_before", "probability": 0.2},
    {"kind": "500_after", "probability": 0.3},
    {"kind": "502_html", "probability": 0.2},
    {"kind": "broken_json", "probability": 0.3},
    {"kind": "accept_then_drop", "probability": 0.3},
    {"kind": "drop_before", "probability": 0.2},
    {"kind": "slow_accept", "probability": 0.4, "seconds": 0.3},
    {"kind": "slow", "probability": 0.4, "seconds": 0.3},
    {"kind": "401", "count": 2},
)
REPORTS = (
    {"kind": "list_lag", "probability": 0.5, "seconds": 0.4},
    {"kind": "callbacks_dropped", "probability": 0.5},
    {"kind": "callbacks_doubled", "probability": 0.5},
    {"kind": "callbacks_reordered", "probability": 0.5},
    {"kind": "callback_early", "probability": 0.5},
)


@dataclass
class Chaos:
    """One run. The same seed plays the same story, though never at quite the same moments."""

    world: World
    seed: int
    patients: int = 24
    days: int = 2
    broken: Counter = field(default_factory=Counter)
    """How often each thing was broken."""

    def __post_init__(self) -> None:
        self._dice = Random(self.seed)
        self.cast = Cast(self.world, tag=self._dice.randrange(50))
        self._down: list[asyncio.Task] = []
        # Each serious fault at least once a run, and then at random.
        self._mishaps = [self._kill_notifier, self._kill_booking_events, self._kill_database, self._kill_broker]
        self._mishaps += [self._mute, self._deafen]

    async def run(self) -> list[Violation]:
        """Let it happen, let it become quiet, and return the rules that were broken."""
        self._meet()
        begin = self.world.now
        turns = [
            begin + timedelta(days=day, hours=hour - HOURS[0], minutes=self._dice.randrange(8))
            for day in range(self.days)
            for hour in HOURS
        ]
        with suppress(StuckError):
            mishaps = self._when(turns)
            for turn, moment in enumerate(turns):
                await self._turn(moment, mishaps.get(turn))
            await self.world.heal()
            for day in range(self.days, self.days + AHEAD + 1):
                for hour in QUIET_HOURS:
                    await self.cast.step(begin + timedelta(days=day, hours=hour - HOURS[0]))
        return [*await self.cast.verdict(), *await self.world.accounts()]

    def _meet(self) -> None:
        for number in range(self.patients):
            clinic = self._dice.choice(CLINICS)
            self.cast.patient(number, clinic=clinic, time_zone=self._dice.choice(ZONES))

    def _when(self, turns: Sequence[datetime]) -> dict:
        """Spread the serious faults over the turns, but for the first one."""
        free = list(range(1, len(turns)))
        self._dice.shuffle(free)
        chosen = [*self._mishaps, *self._dice.choices(self._mishaps[:3], k=len(turns) // 12)]
        return dict(zip(free, chosen, strict=False))

    async def _turn(self, moment: datetime, mishap) -> None:
        await self._disturb_provider()
        before = self.world.now
        if mishap is None:
            await self._say_and_wait(moment)
        else:
            self.broken[mishap.__name__.removeprefix("_")] += 1
            await mishap(moment)
            if mishap in (self._mute, self._deafen):
                self.cast.excuse(before)
        await self.world.heal()

    async def _say_and_wait(self, moment: datetime) -> None:
        """Step to a time, say things, let them take effect, and let the notices settle that follow from them."""
        await self.cast.step(moment)
        await self._say()
        await self.cast.settle()
        await self.cast.step(moment + timedelta(minutes=2))

    async def _disturb_provider(self) -> None:
        for faults, odds in ((PROVIDER, 0.35), (REPORTS, 0.5)):
            if self._dice.random() < odds:
                wish = self._dice.choice(faults)
                self.broken[wish["kind"]] += 1
                await self.world.fault(**wish, seed=self._dice.randrange(10**6), on="messages")

    # What is said.

    async def _say(self) -> None:
        said: list[Event] = []
        for patient in self.cast.patients.values():
            if self._dice.random() < 0.3:
                said += self._events(patient)
        self._dice.shuffle(said)
        await asyncio.gather(*(self.cast.publish([event], again=self._dice.choice((1, 1, 1, 2, 3))) for event in said))
        if self._dice.random() < 0.3:
            await self._repeat_old_news()
        if self._dice.random() < 0.05:
            await self.cast.stop(self._dice.choice(list(self.cast.patients.values())))

    def _events(self, patient: Patient) -> list[Event]:
        """Return what a booking system says of one patient in one go: usually one thing, sometimes a storm."""
        now, dice = self.world.now, self._dice
        number = dice.randrange(3)
        name, kind = f"v{number}-", KINDS[number]
        visit = patient.visits.get(f"{name}{patient.phone}")
        last = visit.stages[-1].state if visit and visit.stages else None
        if last is not None and last.starts_at <= now:
            over = last.status is Status.BOOKED and visit is not None
            return [self.cast.event(events.COMPLETED, patient, name, last.starts_at, kind=kind)] if over else []
        storm = [self._start(patient, number) for _ in range(dice.choice((1, 1, 1, 2, 5)))]
        if last is None:
            created = self.cast.event(events.CREATED, patient, name, storm[0], kind=kind)
            return [created, *(self._moved(patient, name, start, kind) for start in storm[1:])]
        if dice.random() < 0.35:
            return [self.cast.event(events.CANCELLED, patient, name, last.starts_at, kind=kind)]
        return [self._moved(patient, name, start, kind) for start in storm]

    def _moved(self, patient: Patient, name: str, start: datetime, kind: str) -> Event:
        return self.cast.event(events.RESCHEDULED, patient, name, start, kind=kind)

    def _start(self, patient: Patient, number: int) -> datetime:
        """Return a start on one of the coming days; no two visits of a patient share a minute."""
        day = self.world.now + timedelta(days=self._dice.randint(0, AHEAD))
        return local(patient.clinic, day, f"{self._dice.randint(7, 17):02d}:{number * 10:02d}")

    async def _repeat_old_news(self) -> None:
        """Say again, once it has taken effect, what was said: the same, under a new id, or something else under its id."""
        await self.cast.settle()
        for event in self._dice.sample(self.cast.spoken, min(3, len(self.cast.spoken))):
            await self.world.publish(event.type, event.id, event.data)
        event = self._dice.choice(self.cast.spoken)
        await self.cast.tamper(event, self.world.now + timedelta(days=3))
        stale = self._dice.choice(self.cast.spoken)
        if stale.data["revision"] < self.cast.revisions[stale.data["booking_id"]]:
            self.broken["stale"] += 1
            await self.world.publish(stale.type, f"stale {stale.id}", stale.data)

    # What is broken.

    async def _kill_notifier(self, moment: datetime) -> None:
        await self.world.set_clock(moment)
        await asyncio.sleep(self._dice.random() * 0.2)  # no event tells the worst moment
        await asyncio.to_thread(self.world.restart, "notifier")
        await self._say_and_wait(moment)

    async def _kill_booking_events(self, moment: datetime) -> None:
        await self.cast.step(moment)
        saying = asyncio.create_task(self._say())
        await asyncio.sleep(self._dice.random() * 0.1)  # no event tells the worst moment
        await asyncio.to_thread(self.world.restart, "booking_events")
        await saying
        await self.cast.settle()
        await self.cast.step(moment + timedelta(minutes=2))

    async def _kill_database(self, moment: datetime) -> None:
        await self._kill_server("database", moment)

    async def _kill_broker(self, moment: datetime) -> None:
        await self._kill_server("broker", moment)

    async def _kill_server(self, name: str, moment: datetime) -> None:
        await self.world.set_clock(moment)
        restart = asyncio.create_task(self.world.restart_server(name))
        await asyncio.sleep(self._dice.random() * 0.1)  # no event tells the worst moment
        await self._say()
        await restart
        await self.cast.settle()
        await self.cast.step(moment + timedelta(minutes=2))

    async def _mute(self, moment: datetime) -> None:
        """The notifier is away until the next turn: what was due meanwhile is late, and maybe useless."""
        await asyncio.to_thread(self.world.kill, "notifier")
        await self.world.set_clock(moment)
        await self._publish_only()
        self.world.start("notifier")
        await self.cast.settle()
        await self.cast.step(moment + timedelta(minutes=2))

    async def _deafen(self, moment: datetime) -> None:
        """The planner is away until the next turn: what was said meanwhile takes effect late."""
        await self.cast.step(moment)
        await asyncio.to_thread(self.world.kill, "booking_events")
        await self._publish_only()
        await self.world.set_clock(moment + timedelta(hours=3))
        self.world.start("booking_events")
        await self.cast.settle()
        await self.cast.step(moment + timedelta(hours=3, minutes=2))

    async def _publish_only(self) -> None:
        said = [
            event
            for patient in self.cast.patients.values()
            if self._dice.random() < 0.2
            for event in self._events(patient)
        ]
        await self.cast.publish(said)
