"""What nobody could handle: grouped by queue and cause, looked at, sent back or let go."""

import json
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from services.console import store
from services.console.context import Context
from services.console.domain.access import Permission, Visitor
from services.console.domain.masking import Line, lines_of
from services.console.handlers.decide_letters import Decision, decide_letters
from services.console.pages.door import Door
from services.console.store import Group
from shared.kernel.errors import PermanentError
from shared.postgres.sealing import UnsealError

_LAST_DECIDED = 20
_SHORTEST_REASON = 5


class DeadLetters:
    """Dead letters and what becomes of them."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def groups(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show what went wrong, most often first."""
        async with self._context.database.connection() as connection:
            groups = await store.letter_groups(connection)
            decided = await store.decided_letters(connection, limit=_LAST_DECIDED)
        return self._door.show(
            request, visitor, "dead_letters.html", groups=groups, decided=decided, done=_done(request.query)
        )

    async def group(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show the letters of one group."""
        group = _group(request.query)
        async with self._context.database.connection() as connection:
            letters = await store.letters_of(connection, group, before=_number(request.query.get("before")))
        more = len(letters) > store.PAGE
        return self._door.show(
            request, visitor, "dead_letter_group.html", group=group, letters=letters[: store.PAGE], more=more
        )

    async def letter(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one letter; its values are hidden."""
        return await self._show(request, visitor, reveal=False)

    async def reveal(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one letter with its values, and keep that somebody looked."""
        async with self._context.database.transaction() as connection:
            await store.audit(connection, visitor, "revealed a dead letter", target=request.match_info["id"])
        return await self._show(request, visitor, reveal=True)

    async def replay(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Send letters back to where they came from."""
        return await self._decide(request, visitor, Decision.REPLAY, why=None)

    async def discard(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Let letters go, with a reason."""
        why = str((await request.post()).get("why", "")).strip()[:300]
        if len(why) < _SHORTEST_REASON:
            raise PermanentError("why: say in a few words why this may be let go")
        return await self._decide(request, visitor, Decision.DISCARD, why=why)

    async def _decide(
        self, request: web.Request, visitor: Visitor, decision: Decision, *, why: str | None
    ) -> web.StreamResponse:
        form = await request.post()
        single = _number(str(form.get("id", "")))
        async with self._context.database.transaction() as connection:
            decided = await decide_letters(
                connection,
                visitor,
                decision,
                ids=[single] if single is not None else None,
                group=None if single is not None else _group(form),  # type: ignore[arg-type] # no files in this form
                up_to=_number(str(form.get("up_to", ""))),
                why=why,
            )
        self._context.replay_wake.set()
        return web.Response(status=303, headers={"Location": f"/dead-letters?done={decision}&letters={decided}"})

    async def _show(self, request: web.Request, visitor: Visitor, *, reveal: bool) -> web.StreamResponse:
        async with self._context.database.connection() as connection:
            row = await store.find_letter(connection, int(request.match_info["id"]))
        if row is None:
            raise web.HTTPNotFound(reason="There is no such dead letter.")
        lines, complaint = self._lines(row, reveal=reveal)
        return self._door.show(
            request,
            visitor,
            "dead_letter.html",
            letter=row,
            lines=lines,
            complaint=complaint,
            revealed=reveal,
            may_reveal=visitor.may(Permission.SEE_VALUES),
        )

    def _lines(self, row: dict[str, Any], *, reveal: bool) -> tuple[list[Line], str | None]:
        """Return a letter's content line by line, or why it cannot be shown."""
        try:
            letter = store.open_letter(self._context.database.sealer, row)
        except UnsealError as error:
            return [], f"The content cannot be opened: {error}."
        if letter is None:
            return [], "The content is past its keeping time."
        try:
            return lines_of(json.loads(letter.body), reveal=reveal), None
        except (ValueError, RecursionError):
            if not reveal:
                return [], f"The content is not JSON ({len(letter.body):,} bytes)."
            text = letter.body[:4000].decode("utf-8", errors="backslashreplace")
            return [Line(0, "", line) for line in text.splitlines()], "The content is not JSON."


def _done(query: MultiMapping[str]) -> str | None:
    """Return what the visitor has just done, in a sentence."""
    letters = _number(query.get("letters"))
    if letters is None or query.get("done") not in set(Decision):
        return None
    if not letters:
        return "Nothing was left to decide on: somebody else was quicker."
    replayed = query["done"] == Decision.REPLAY
    if letters == 1:
        return "1 letter is on its way back." if replayed else "1 letter is discarded."
    return f"{letters:,} letters are on their way back." if replayed else f"{letters:,} letters are discarded."


def _group(fields: MultiMapping[str]) -> Group:
    values = {name: fields.get(name) for name in ("queue", "cause", "reason")}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise PermanentError(f"{', '.join(missing)}: missing")
    return Group(**{name: str(value) for name, value in values.items()})


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
