"""Ways in over HTTP: every page and act, and the right that it asks for."""

from aiohttp import web

from services.console.context import Context
from services.console.domain.access import Permission
from services.console.oidc import IdentityProvider
from services.console.pages.audit import Audit
from services.console.pages.checkins import CheckIns
from services.console.pages.dead_letters import DeadLetters
from services.console.pages.door import Door
from services.console.pages.now import Now
from services.console.pages.runbook import Runbook
from services.console.pages.safety import Safety
from services.console.pages.sending import Sending
from services.console.pages.sign_in import SignIn
from services.console.pages.tasks import Tasks
from services.console.pages.upcoming import Upcoming
from services.console.pages.why import Why
from services.console.static import Assets
from services.console.written_words import WrittenWords
from shared.web.server import Route

_A_YEAR = "public, max-age=31536000, immutable"


def routes(
    context: Context, assets: Assets, words: WrittenWords, provider: IdentityProvider | None = None
) -> list[Route]:
    """Return the table of routes."""
    door = Door(context)
    sign_in, now, why = SignIn(context, door, provider), Now(context, door), Why(context, door)
    letters, audit, runbook = DeadLetters(context, door), Audit(context, door), Runbook(door)

    upcoming, tasks = Upcoming(context, door), Tasks(context, door, words)
    safety, checkins, sending = Safety(context, door, words), CheckIns(context, door), Sending(context, door)

    async def static(request: web.Request) -> web.StreamResponse:
        found = assets.find(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(reason="There is no such file.")
        data, kind = found
        return web.Response(body=data, content_type=kind, charset="utf-8", headers={"Cache-Control": _A_YEAR})

    return [
        Route("GET", "/sign-in", door.open(sign_in.form)),
        Route("POST", "/sign-in", door.open(sign_in.password)),
        Route("GET", "/sign-in/with", door.open(sign_in.begin)),
        Route("GET", "/sign-in/back", door.open(sign_in.back)),
        Route("GET", "/sign-in/{token}", door.open(sign_in.link)),
        Route("POST", "/sign-in/{token}", door.open(sign_in.use_link)),
        Route("POST", "/sign-out", door.guarded(Permission.LOOK, sign_in.out)),
        Route("POST", "/theme", door.guarded(Permission.LOOK, sign_in.theme)),
        Route("GET", "/static/{version}/{name:.+}", door.open(static)),
        Route("GET", "/", door.guarded(Permission.LOOK, now.page)),
        Route("GET", "/live", door.guarded(Permission.LOOK, now.live, keeps_awake=False), streams=True),
        Route("GET", "/clinics/{clinic}/pause", door.guarded(Permission.OPERATE, sending.ask)),
        Route("POST", "/clinics/{clinic}/pause", door.guarded(Permission.OPERATE, sending.pause)),
        Route("POST", "/clinics/{clinic}/resume", door.guarded(Permission.OPERATE, sending.resume)),
        Route("POST", "/providers/{scope:provider|email}/try", door.guarded(Permission.OPERATE, sending.try_provider)),
        Route("POST", "/feeds/end", door.guarded(Permission.OPERATE, sending.end_feed)),
        Route("GET", "/why", door.guarded(Permission.LOOK, why.form)),
        Route("POST", "/why", door.guarded(Permission.LOOK, why.search)),
        Route("GET", "/dead-letters", door.guarded(Permission.LOOK, letters.groups)),
        Route("GET", "/dead-letters/group", door.guarded(Permission.LOOK, letters.group)),
        Route("GET", r"/dead-letters/{id:\d{1,18}}", door.guarded(Permission.LOOK, letters.letter)),
        Route("POST", r"/dead-letters/{id:\d{1,18}}", door.guarded(Permission.SEE_VALUES, letters.reveal)),
        Route("POST", "/dead-letters/replay", door.guarded(Permission.OPERATE, letters.replay)),
        Route("POST", "/dead-letters/discard", door.guarded(Permission.OPERATE, letters.discard)),
        Route("GET", "/upcoming", door.guarded(Permission.LOOK, upcoming.page)),
        Route("GET", "/upcoming/work-list.csv", door.guarded(Permission.LOOK, upcoming.work_list)),
        Route("GET", "/tasks", door.guarded(Permission.LOOK, tasks.page)),
        Route("POST", "/tasks", door.guarded(Permission.FINISH_TASKS, tasks.finish)),
        Route("GET", "/tasks/{id}", door.guarded(Permission.LOOK, tasks.task)),
        Route("POST", "/tasks/{id}", door.guarded(Permission.READ_WORDS, tasks.words)),
        Route("GET", "/safety", door.guarded(Permission.LOOK, safety.page)),
        Route("GET", "/safety/{id}", door.guarded(Permission.LOOK, safety.case)),
        Route("POST", "/safety/{id}", door.guarded(Permission.READ_WORDS, safety.words)),
        Route("POST", "/safety/{id}/acknowledge", door.guarded(Permission.ANSWER_ALERTS, safety.acknowledge)),
        Route("POST", "/safety/{id}/close", door.guarded(Permission.ANSWER_ALERTS, safety.close)),
        Route("GET", "/checkins", door.guarded(Permission.LOOK, checkins.page)),
        Route("GET", "/checkins/{ref}", door.guarded(Permission.SEE_SCORES, checkins.patient)),
        Route("GET", "/runbook", door.guarded(Permission.LOOK, runbook.page)),
        Route("GET", "/audit", door.guarded(Permission.SEE_AUDIT, audit.page)),
    ]
