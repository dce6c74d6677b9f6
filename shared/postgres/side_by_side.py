"""One transaction that several tasks share: what they ask at the same time travels together."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncCursor
from psycopg.rows import DictRow

from shared.postgres.database import Connection, Link, Values

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Statement:
    query: Any
    params: Values | None
    answered: asyncio.Future[AsyncCursor[DictRow]]


@dataclass(frozen=True, slots=True)
class _Question:
    rows: Sequence[Row]
    answered: asyncio.Future[list[DictRow]]


async def ask(connection: Connection, question: str, rows: Sequence[Row]) -> list[DictRow]:
    """Execute a statement for some rows; where several tasks share the connection, once for all who ask the same.

    ``question`` takes one array for each column of ``rows``, and says with each row that it returns, in ``place``, to
    which of them it belongs, counted from one. A statement that only writes returns nothing.
    """
    if not rows:
        return []
    if isinstance(connection, SideBySide):
        return await connection.ask(question, rows)
    return await _rows_of(await connection.execute(question, columns_of(rows)))


async def _rows_of(cursor: AsyncCursor[DictRow]) -> list[DictRow]:
    return await cursor.fetchall() if cursor.description else []


def columns_of(rows: Iterable[Row]) -> list[list[Any]]:
    """Return rows as one array for each column, as statements for several rows take them."""
    return [list(column) for column in zip(*rows, strict=True)]


class SideBySide:
    """A connection for tasks that run side by side, each of them one statement after the other.

    Statements that wait at the same moment make one journey to the database, and what is asked in the same words is
    asked once. That costs a fraction each: most of what a small statement costs is waking up, here and there.
    Whichever fails, the transaction has failed, and every task of that journey hears of it.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: list[_Statement] = []
        self._asked: dict[str, list[_Question]] = defaultdict(list)
        self._journey: asyncio.Task[None] | None = None

    async def execute(self, query: Any, params: Values | None = None, /) -> AsyncCursor[DictRow]:
        """Execute one statement, together with those of the other tasks, and return what it gave."""
        answered: asyncio.Future[AsyncCursor[DictRow]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Statement(query, params, answered))
        self._set_out()
        return await answered

    async def ask(self, question: str, rows: Sequence[Row]) -> list[DictRow]:
        """Ask for some rows, together with the other tasks that ask the same, and return what belongs to these."""
        answered: asyncio.Future[list[DictRow]] = asyncio.get_running_loop().create_future()
        self._asked[question].append(_Question(rows, answered))
        self._set_out()
        return await answered

    def _set_out(self) -> None:
        if self._journey is None:
            # It begins when the tasks that were woken together have all had their turn.
            self._journey = asyncio.create_task(self._travel())

    async def settled(self) -> None:
        """Wait until nothing is under way any more: only then may the transaction end."""
        if self._journey is not None:
            await asyncio.wait([self._journey])

    async def _travel(self) -> None:
        try:
            while self._waiting or self._asked:
                statements, self._waiting = self._waiting, []
                asked, self._asked = self._asked, defaultdict(list)
                await self._carry(statements, asked)
        finally:
            self._journey = None

    async def _carry(self, statements: list[_Statement], asked: dict[str, list[_Question]]) -> None:
        waiting: list[asyncio.Future[Any]] = [one.answered for one in statements]
        waiting += [one.answered for questions in asked.values() for one in questions]
        try:
            async with contextlib.nullcontext() if len(statements) + len(asked) == 1 else self._link.pipeline():
                cursors = [await self._link.execute(one.query, one.params) for one in statements]
                answers = [
                    await self._link.execute(question, columns_of(row for one in questions for row in one.rows))
                    for question, questions in asked.items()
                ]
            answered = [await _rows_of(cursor) for cursor in answers]
        except Exception as error:  # noqa: BLE001 - whoever asked decides what it means
            for waits in waiting:
                if not waits.done():
                    waits.set_exception(error)
        else:
            for statement, cursor in zip(statements, cursors, strict=True):
                if not statement.answered.done():
                    statement.answered.set_result(cursor)
            for questions, rows in zip(asked.values(), answered, strict=True):
                _hand_out(questions, rows)


def _hand_out(questions: Sequence[_Question], rows: Sequence[DictRow]) -> None:
    """Give everybody who asked the rows that belong to their own, counted as if they had asked alone."""
    asker = [(number, place) for number, one in enumerate(questions) for place in range(1, len(one.rows) + 1)]
    answers: list[list[DictRow]] = [[] for _ in questions]
    for row in rows:
        number, row["place"] = asker[row["place"] - 1]
        answers[number].append(row)
    for one, answer in zip(questions, answers, strict=True):
        if not one.answered.done():
            one.answered.set_result(answer)


async def run_side_by_side(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run pieces of work as tasks until all are done; the first that fails ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for piece in work:
                group.create_task(piece)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
