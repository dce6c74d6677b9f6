"""What the services ask people to do, and the reply that a task asks a person to read."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from services.console import queries
from services.console.context import Context
from services.console.domain.access import Permission, Visitor
from services.console.handlers.finish_task import How, finish_task
from services.console.handlers.read_words import read_words
from services.console.pages.door import Door
from services.console.written_words import Behind, Words, WrittenWords
from shared.kernel.errors import PermanentError
from shared.postgres.database import Connection
from shared.postgres.unit_of_work import unit_of_work

_MOST = 200
_LAST_FINISHED = 20


class Tasks:
    """Tasks, the most urgent first, and each on a page of its own."""

    def __init__(self, context: Context, door: Door, words: WrittenWords) -> None:
        self._context = context
        self._door = door
        self._words = words

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show what is to be done, and what was done last."""
        async with self._context.database.connection() as connection:
            tasks = await queries.open_tasks(connection, limit=_MOST + 1)
            finished = await queries.finished_tasks(connection, limit=_LAST_FINISHED)
        return self._door.show(
            request,
            visitor,
            "tasks.html",
            tasks=tasks[:_MOST],
            more=len(tasks) > _MOST,
            finished=finished,
            ways=list(How),
            zone_of=self._context.zone_of,
            is_noted="done" in request.query,
        )

    async def task(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one task without the words behind it."""
        return await self._show(request, visitor, words=None)

    async def words(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one task with the words and the number, and keep that somebody looked."""
        async with self._context.database.connection() as connection:
            task = await _find(connection, request.match_info["id"])
        if not task["has_words"]:
            raise web.HTTPNotFound(reason="There are no words behind this task.")
        found = await read_words(
            self._context.database, self._words, visitor, Behind.REPLY, task["refs"]["provider_reference"]
        )
        return await self._show(request, visitor, words=found)

    async def finish(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Note that one is done."""
        form = await request.post()
        how = str(form.get("how", ""))
        if how not in set(How):
            raise PermanentError("how: choose how it ended")
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            task = await _find(unit.connection, str(form.get("task_id", "")))
            await finish_task(unit, visitor, task, How(how))
        return web.Response(status=303, headers={"Location": "/tasks?done"})

    async def _show(
        self, request: web.Request, visitor: Visitor, *, words: Sequence[Words] | None
    ) -> web.StreamResponse:
        async with self._context.database.connection() as connection:
            task = await _find(connection, request.match_info["id"])
            reply = (
                await queries.find_reply(connection, task["refs"]["provider_reference"]) if task["has_words"] else None
            )
        return self._door.show(
            request,
            visitor,
            "task.html",
            task=task,
            is_finished=bool(task["done_at"] or task["finished_at"]),
            reply=reply,
            words=words,
            ways=list(How),
            zone=self._context.zone_of(task["clinic_id"]),
            may_read=visitor.may(Permission.READ_WORDS),
        )


async def _find(connection: Connection, task_id: str) -> dict[str, Any]:
    task = await queries.find_task(connection, task_id)
    if task is None:
        raise web.HTTPNotFound(reason="There is no such task.")
    return task
