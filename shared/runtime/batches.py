"""Things done together: what arrives while one batch is under way makes the next."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from shared.kernel.errors import DependencyUnavailableError

T = TypeVar("T")


class Batches(Generic[T]):
    """Hands things to ``work`` in batches, one batch at a time.

    ``rest_after`` says for how many seconds to rest after a batch that took so many.
    A thing that comes alone is done at once: nothing waits to be joined by others. Where a batch fails, each of its
    things is tried alone, so that one cannot spoil the others; unless a dependency is away, which fails them all.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[None]],
        *,
        most: int = 50,
        rest_after: Callable[[float], float] = lambda _worked_s: 0.0,
    ) -> None:
        self._work = work
        self._most = most
        self._rest_after = rest_after
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def do(self, thing: T) -> None:
        """Return once a thing is done.

        Raises:
            Exception: what ``work`` raised for it.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((thing, done))
        if self._worker is None:
            # In a context of its own: what is done together belongs to no trace, least of all to the first one's.
            self._worker = asyncio.create_task(self._work_off(), context=Context())
        await done

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                began = time.monotonic()
                await self._try(batch)
                if (rest_s := self._rest_after(time.monotonic() - began)) > 0:
                    await asyncio.sleep(rest_s)
        finally:
            self._worker = None

    async def _try(self, batch: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._work([thing for thing, _done in batch])
        except Exception as error:  # noqa: BLE001 - whoever waits for the thing decides what its failure means
            if len(batch) == 1 or isinstance(error, DependencyUnavailableError):
                for _thing, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for one in batch:
                    await self._try([one])
        else:
            for _thing, done in batch:
                if not done.done():
                    done.set_result(None)
