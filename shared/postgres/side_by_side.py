"""One transaction that several tasks share: what they ask at the same time travels together."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncCursor
from psycopg.rows import DictRow

from shared.postgres.database import Link, Values


@dataclass(frozen=True, slots=True)
class _Statement:
    query: Any
    params: Values | None
    answered: asyncio.Future[AsyncCursor[DictRow]]


class SideBySide:
    """A connection for tasks that run side by side, each of them one statement after the other.

    Statements that wait at the same moment make one journey to the database. That costs a fraction of a journey each:
    most of what a small statement costs is waking up, here and there. Whichever fails, the transaction has failed, and
    every task of that journey hears of it.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: list[_Statement] = []
        self._journey: asyncio.Task[None] | None = None

    async def execute(self, query: Any, params: Values | None = None, /) -> AsyncCursor[DictRow]:
        """Execute one statement, together with those of the other tasks, and return what it gave."""
        answered: asyncio.Future[AsyncCursor[DictRow]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Statement(query, params, answered))
        if self._journey is None:
            # It begins when the tasks that were woken together have all had their turn.
            self._journey = asyncio.create_task(self._travel())
        return await answered

    async def settled(self) -> None:
        """Wait until nothing is under way any more: only then may the transaction end."""
        if self._journey is not None:
            await asyncio.wait([self._journey])

    async def _travel(self) -> None:
        try:
            while self._waiting:
                statements, self._waiting = self._waiting, []
                await self._ask(statements)
        finally:
            self._journey = None

    async def _ask(self, statements: list[_Statement]) -> None:
        try:
            async with contextlib.nullcontext() if len(statements) == 1 else self._link.pipeline():
                cursors = [await self._link.execute(one.query, one.params) for one in statements]
        except Exception as error:  # noqa: BLE001 - whoever asked decides what it means
            for one in statements:
                if not one.answered.done():
                    one.answered.set_exception(error)
        else:
            for one, cursor in zip(statements, cursors, strict=True):
                if not one.answered.done():
                    one.answered.set_result(cursor)


async def run_side_by_side(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run pieces of work as tasks until all are done; the first that fails ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for piece in work:
                group.create_task(piece)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
