"""All three services without processes: booking_events, notifier and followup, joined by hand on one stepping clock."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields

from services.followup import consumers as followup_consumers
from services.followup.context import Context as FollowupContext
from services.followup.handlers.page_case import EscalateCases
from services.followup.handlers.run_checkins import RunCheckins
from services.followup.handlers.try_alarm import TryAlarm
from shared.broker.handler import Job, handle_once
from shared.messages.catalogue import read_payload
from shared.postgres.database import Database
from tests.outboxes import empty_outbox
from tests.rooms import Rooms, open_rooms

_NEXT = """
SELECT min(due) AS due FROM (
    SELECT due_at FROM notifier.messages WHERE state IN ('planned', 'held')
    UNION ALL SELECT next_at FROM followup.checkins
    UNION ALL SELECT next_page_at FROM followup.cases
) AS next (due) WHERE due > %s"""


@dataclass
class AllRooms(Rooms):
    """The rooms, with followup as the third; ``waiting`` holds what comes in while followup is down."""

    followup: Database
    is_up: bool = True
    waiting: list = field(default_factory=list)

    async def carry(self):
        """Carry messages between the services until none is left."""
        carried = []
        while True:
            envelopes = [
                envelope
                for database in (self.bookings, self.notifier, self.followup)
                for envelope in await empty_outbox(database)
            ]
            if not envelopes:
                return carried
            for envelope in envelopes:
                carried.append(envelope)
                await self.deliver(envelope)

    async def deliver(self, envelope):
        """Let every service that handles a message's type handle it; followup when it is up again."""
        await super().deliver(envelope)
        handler = self._followup_handlers().get(envelope.type)
        if handler is None:
            return
        if not self.is_up:
            self.waiting.append(envelope)
            return
        now = self.clock.now()
        await handle_once(self.followup, Job(envelope, read_payload(envelope), handler), now=now)

    async def come_up(self):
        """Let followup handle what has waited for it, the texts first as their own queue does."""
        self.is_up = True
        waiting = sorted(self.waiting, key=lambda envelope: envelope.type != "message.received.v1")
        self.waiting = []
        for envelope in waiting:
            handler = self._followup_handlers()[envelope.type]
            now = self.clock.now()
            await handle_once(self.followup, Job(envelope, read_payload(envelope), handler), now=now)
        await self.carry()
        await self.send()

    async def until(self, moment):
        """Move the clock from one thing due to the next, up to a moment."""
        while True:
            due = (await self.row(_NEXT, self.clock.now()))["due"]
            self.clock.set(min(due, moment) if due else moment)
            await self.assumer.run_once()
            await self.carry()
            if self.is_up:
                for ticker in (TryAlarm, RunCheckins, EscalateCases):
                    while await ticker(self.followup, self.clock, self._context()).run_once():
                        pass
            await self.carry()
            await self.send()
            if self.clock.now() >= moment:
                return

    async def reply(self, text, **sender):
        """Let a text come in, take effect and be answered."""
        await self.receive(text, **sender)
        await self.send()

    def heard_by(self, phone):
        """Return the texts that a phone got."""
        return [entry["body"] for entry in self.sandbox.accepted() if entry["to"] == phone]

    def _context(self):
        return FollowupContext(self.context.clinics, self.context.metrics)

    def _followup_handlers(self):
        tables = (followup_consumers.handlers, followup_consumers.urgent_handlers)
        return {handler.type: handler for table in tables for handler in table(self._context())}


@asynccontextmanager
async def open_all_rooms(database_url, sealer, *, now):
    """Open the three rooms on a fresh database and a fresh sandbox."""
    async with (
        open_rooms(database_url, sealer, now=now) as rooms,
        Database(database_url, schema="followup", sealer=sealer, size=4) as followup,
    ):
        yield AllRooms(**{one.name: getattr(rooms, one.name) for one in fields(Rooms)}, followup=followup)
