"""The demo's clock as a visitor turns it: to the next message, by an hour, by a day; in between it runs by itself."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cli.stage import Entry, Stage
from shared.kernel.local_time import after

STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_MOST_STEPS = 100
"""So many due things may lie between two messages: expiries, questions that nobody answered."""
_REACHES_SOMEBODY = {"accepted", "call_accepted", "mail_accepted"}


class NothingDueError(Exception):
    """Nothing is planned any more: there is nowhere to go."""


@dataclass(slots=True)
class Clockwork:
    """Turns the clock of a stage, one turn at a time."""

    stage: Stage
    zone: ZoneInfo
    busy: bool = False
    messages: int = 0
    """What left for a phone or a mailbox since the turn began, test pages aside."""
    _stopped: bool = False
    _seen_at: float = field(default_factory=time.monotonic)

    def note(self, entry: Entry) -> None:
        """Take notice of an entry of the sandbox's ledger."""
        if entry["kind"] in _REACHES_SOMEBODY and not self.stage.is_test_page(entry):
            self.messages += 1

    async def turn(self, by: str) -> None:
        """Turn the clock by a step of ``STEPS``, or to the ``next`` message.

        Raises:
            NothingDueError: there is no next message.
            UnfinishedError: something is under way and does not end.
        """
        if by == "next":
            await self._to_next_message()
        else:
            await self.to(after(self.stage.time.now, STEPS[by], self.zone))

    async def to(self, target: datetime) -> None:
        """Turn the clock to a moment, unless it is past it.

        Raises:
            UnfinishedError: something is under way and does not end.
        """
        await self._begin()
        await self.stage.walk(max(target, self.stage.time.now), stop=lambda: self._stopped)

    def stop(self) -> None:
        """Let a turn end with the step that it is at."""
        self._stopped = True

    async def run_on(self) -> None:
        """Let the time pass that has passed since it was last looked at."""
        await self.stage.time.run_on(self.stage.time.now + self._since())
        await self.stage.read_along()

    def look(self) -> None:
        """Begin to count the time that passes by itself."""
        self._since()

    async def _to_next_message(self) -> None:
        await self._begin()
        for step in range(_MOST_STEPS):
            due = await self.stage.time.next_due()
            if due is None and step == 0:
                raise NothingDueError
            if due is None:
                return
            await self.stage.walk(due)
            if self.messages or self._stopped:
                return

    async def _begin(self) -> None:
        await self.stage.settle()
        self.messages = 0
        self._stopped = False

    def _since(self) -> timedelta:
        before, self._seen_at = self._seen_at, time.monotonic()
        return timedelta(seconds=self._seen_at - before)
