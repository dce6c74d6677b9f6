"""A loop that does work while there is some, then sleeps until it is woken or its turn comes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from shared.kernel.backoff import exponential
from shared.kernel.errors import DependencyUnavailableError
from shared.telemetry.log import log


@dataclass(slots=True)
class Loop:
    """Calls ``work`` again at once while there is more, else after ``every_s`` or when woken.

    There is more while ``work`` returns a number above zero, unless ``is_more`` knows better: after a batch that was
    not full there is nothing left.
    ``rest_after`` says for how many seconds to rest after so many of work, whatever wakes it.
    A failure never ends a loop: it is logged, shown by ``complaint``, and tried again with growing pauses.
    """

    name: str
    work: Callable[[], Awaitable[int]]
    every_s: float
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_more: Callable[[int], bool] = lambda done: done > 0
    rest_after: Callable[[float], float] = lambda _worked_s: 0.0
    _failures: int = 0
    _complaint: str | None = None

    def complaint(self) -> str | None:
        """Return what keeps the loop from working, for health."""
        return self._complaint

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until ``stopping`` is set."""
        while not stopping.is_set():
            began = time.monotonic()
            busy = await self._turn()
            rest_s = self.rest_after(time.monotonic() - began)
            if rest_s > 0:
                await self._wait(rest_s, stopping.wait())
            if not busy:
                await self._sleep(stopping)

    async def _turn(self) -> bool:
        self.wake.clear()
        try:
            done = await self.work()
        except DependencyUnavailableError as error:
            self._failed(str(error))
            log.warning("a loop waits for a dependency", check=self.name, attempt=self._failures, reason=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a loop outlives its mistakes; they are logged and shown by health
            self._failed(f"fails with {type(error).__name__}")
            log.error("a loop failed", check=self.name, attempt=self._failures, exc_info=error)
            return False
        self._failures, self._complaint = 0, None
        return self.is_more(done)

    def _failed(self, complaint: str) -> None:
        self._failures += 1
        # The first failure is a hiccup; a service that cannot work for longer says so.
        self._complaint = complaint if self._failures > 1 else None

    async def _sleep(self, stopping: asyncio.Event) -> None:
        if self._failures:
            await self._wait(exponential(self._failures, first=0.2, cap=2.0), stopping.wait())
        else:
            await self._wait(self.every_s, stopping.wait(), self.wake.wait())

    @staticmethod
    async def _wait(seconds: float, *signals: Coroutine[Any, Any, object]) -> None:
        waits = [asyncio.ensure_future(signal) for signal in signals]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
