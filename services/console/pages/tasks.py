"""What the services ask people to do."""

from aiohttp import web

from services.console import queries
from services.console.context import Context
from services.console.domain.access import Visitor
from services.console.handlers.finish_task import How, finish_task
from services.console.pages.door import Door
from shared.kernel.errors import PermanentError
from shared.postgres.unit_of_work import unit_of_work

_MOST = 200
_LAST_FINISHED = 20


class Tasks:
    """Tasks, the most urgent first."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

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
            done="done" in request.query,
        )

    async def finish(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Note that one is done."""
        form = await request.post()
        how = str(form.get("how", ""))
        if how not in set(How):
            raise PermanentError("how: choose how it ended")
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            task = await queries.find_task(unit.connection, str(form.get("task_id", "")))
            if task is None:
                raise web.HTTPNotFound(reason="There is no such task.")
            await finish_task(unit, visitor, task, How(how))
        return web.Response(status=303, headers={"Location": "/tasks?done"})
