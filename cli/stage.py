"""The running demo as those who play on it have it: events go out, phones text in, and the clock waits for both."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from cli.demo_time import DemoTime
from cli.sandbox_line import SandboxLine
from cli.stack import Stack
from cli.visits import event_of
from shared.broker.publisher import Publisher

SOURCE = "demo"
_SETTLED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.015
_TEST_PAGE = "test page"

Entry = dict[str, Any]
Hear = Callable[[Entry], Awaitable[None]]


class UnfinishedError(Exception):
    """Something is still under way, so that the clock may not step; ``left`` names what."""

    def __init__(self, left: Collection[str]) -> None:
        super().__init__(f"still under way after {_SETTLED_WITHIN_S:.0f} s: {', '.join(left)}")
        self.left = list(left)


@dataclass(slots=True)
class Stage:
    """A clock to move, bookings to publish, phones to text from, a ledger to read along.

    Those of the ``staff`` numbers answer every test page with 1, as people on call do at the beginning of a shift.
    """

    time: DemoTime
    line: SandboxLine
    publisher: Publisher
    our_number: str
    staff: Collection[str]
    hear: Hear
    heard: int = 0
    _published: list[str] = field(default_factory=list)
    _texted: list[str] = field(default_factory=list)

    async def publish(self, event: str, data: Mapping[str, Any], *, to_bookings: bool = True) -> None:
        """Publish an event at the present time; the clock will wait for it."""
        message = event_of(event, data, source=SOURCE, at=self.time.now)
        await self.publisher.publish(message)
        if to_bookings:
            self._published.append(message.message_id)

    async def text_in(self, number: str, text: str) -> None:
        """Let the holder of a phone text the clinic."""
        await self.line.post("/sandbox/inbound", {"from": number, "to": self.our_number, "body": text})

    async def walk(self, target: datetime, *, stop: Callable[[], bool] = lambda: False) -> None:
        """Step the clock from one due thing to the next, up to ``target``, or until ``stop`` says so.

        Raises:
            UnfinishedError: the clock waited in vain.
        """
        while True:
            due = await self.time.next_due()
            if not await self._left():  # asked after the look: what came up since may be due before that
                await self.time.move(min(due, target) if due else target)
            await self.settle()
            if self.time.now >= target or stop():
                return

    async def settle(self) -> None:
        """Wait until nothing is under way at the present time, hearing of everything as it comes.

        Raises:
            UnfinishedError: it does not end.
        """
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        while True:
            await self.read_along()
            left = await self._left()
            if not left and not await self.read_along():
                self._published.clear()
                self._texted.clear()
                return
            if time.monotonic() > deadline:
                raise UnfinishedError(left)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _left(self) -> list[str]:
        return await self.time.under_way(published=self._published, replies=self._texted)

    async def read_along(self) -> int:
        """Hear what the ledger has more of; return how many entries."""
        entries = await self.line.entries(self.heard)
        for entry in entries:
            self.heard = entry["n"]
            await self._take(entry)
            await self.hear(entry)
        return len(entries)

    async def _take(self, entry: Entry) -> None:
        """Follow texts into the clinic until they are read, those that get lost on the way excepted."""
        if entry["kind"] == "inbound":
            self._texted.append(entry["sid"])
        elif entry["kind"] == "inbound_webhook" and entry["answer"] == "lost" and entry["sid"] in self._texted:
            self._texted.remove(entry["sid"])
        elif self.is_test_page(entry):
            await self.text_in(entry["to"], "1")

    def is_test_page(self, entry: Entry) -> bool:
        """Return whether an entry is a test page to somebody on call."""
        return entry["kind"] == "accepted" and entry["to"] in self.staff and _TEST_PAGE in entry["body"]


@asynccontextmanager
async def open_stage(
    stack: Stack, zone: ZoneInfo, now: datetime, *, staff: Collection[str], hear: Hear, heard: int = 0
) -> AsyncIterator[Stage]:
    """Open what playing needs; the ledger is heard from its entry after ``heard``."""
    url = stack.environment["AFTERCARE_DATABASE_URL"]
    publisher = Publisher(stack.environment["AFTERCARE_AMQP_URL"], name=SOURCE)
    line = SandboxLine(stack.addresses["sandbox"])
    async with await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        try:
            course = DemoTime(connection, line, zone, now)
            yield Stage(course, line, publisher, stack.environment["TWILIO_FROM_NUMBER"], staff, hear, heard)
        finally:
            await publisher.close()
