"""What lets messages go and what holds them: pause and resume a clinic, try a provider, end a feed."""

from datetime import timedelta

from aiohttp import web

from services.console import queries
from services.console.context import Context
from services.console.domain.access import Visitor
from services.console.handlers.end_feed import end_feed
from services.console.handlers.steer_sending import PauseCause, pause_clinic, resume_clinic, try_provider
from services.console.pages.door import Door
from shared.clinics.model import Clinic
from shared.kernel.errors import PermanentError
from shared.messages.pause import ProviderScope
from shared.postgres.unit_of_work import unit_of_work

_AHEAD = timedelta(hours=24)
_PROVIDERS: dict[str, ProviderScope] = {"provider": "provider", "email": "email"}


class Sending:
    """Acts on sending as a whole. Each leads back to the first page, which shows what came of it."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def ask(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Ask why a clinic is to be paused, and say what that will do."""
        clinic = self._clinic(request)
        async with self._context.database.connection() as connection:
            waiting = await queries.waiting_of_clinic(
                connection, request.match_info["clinic"], until=self._context.clock.now() + _AHEAD
            )
        return self._door.show(
            request,
            visitor,
            "pause.html",
            clinic_id=request.match_info["clinic"],
            clinic=clinic,
            waiting=waiting,
            causes=list(PauseCause),
        )

    async def pause(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Pause a clinic."""
        self._clinic(request)
        cause = str((await request.post()).get("cause", ""))
        if cause not in set(PauseCause):
            raise PermanentError("cause: choose why")
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            await pause_clinic(unit, visitor, request.match_info["clinic"], PauseCause(cause))
        return _back("pause")

    async def resume(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Resume a clinic; one that has left the clinic file may still be resumed."""
        clinic_id = request.match_info["clinic"]
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            if clinic_id not in {pause.scope for pause in await queries.paused_clinics(unit.connection)}:
                raise web.HTTPNotFound(reason="That clinic is not paused: somebody else was quicker.")
            await resume_clinic(unit, visitor, clinic_id)
        return _back("resume")

    async def try_provider(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Try a provider at once."""
        scope = _PROVIDERS[request.match_info["scope"]]
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            await try_provider(unit, visitor, scope)
        return _back("try")

    async def end_feed(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Note that a feed has ended."""
        form = await request.post()
        clinic_id, source = str(form.get("clinic_id", "")), str(form.get("source", ""))
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            known = {(row["clinic_id"], row["source"]) for row in await queries.feeds(unit.connection)}
            if (clinic_id, source) not in known:
                raise web.HTTPNotFound(reason="There is no such feed.")
            await end_feed(unit, visitor, clinic_id, source)
        return _back("end")

    def _clinic(self, request: web.Request) -> Clinic:
        clinic = self._context.clinics.get(request.match_info["clinic"])
        if clinic is None:
            raise web.HTTPNotFound(reason="No clinic of that name stands in the clinic file.")
        return clinic


def _back(asked: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/?asked={asked}"})
