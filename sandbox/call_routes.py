"""The Calls resource: placing, listing and changing calls, and what the person with the phone does."""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox import mishaps
from sandbox.calls import FINAL, PARAMETERS, Call, check_instructions, events_of, validate_call
from sandbox.faults import CREATE_FAULTS, Fault
from sandbox.ground import Ground
from sandbox.phone_line import LineError, PhoneLine
from sandbox.twilio_account import (
    API,
    Refusal,
    authorised,
    form_of,
    in_days,
    new_sid,
    not_found,
    page_of,
    words,
)

_MACHINE_DETECTION = frozenset({"Enable", "DetectMessageEnd"})


class Calls:
    """Every call that was accepted, and the line of each that is not over."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.all: dict[str, Call] = {}
        self._lines: dict[str, PhoneLine] = {}
        self._numbers = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        """Return the table of routes."""
        resource = f"{API}/Accounts/{{account}}/Calls"
        settings = self._ground.settings
        return [
            web.post(f"{resource}.json", authorised(settings, self.create)),
            web.get(f"{resource}.json", authorised(settings, self.list)),
            web.get(f"{resource}/{{sid}}.json", authorised(settings, self.fetch)),
            web.post(f"{resource}/{{sid}}.json", authorised(settings, self.update)),
            web.delete(f"{resource}/{{sid}}.json", authorised(settings, self.delete)),
        ]

    def line(self, sid: str) -> PhoneLine:
        """Return the line of a call.

        Raises:
            LineError: there is no such call, or it is over.
        """
        line = self._lines.get(sid)
        if line is None:
            raise LineError("the call is over" if sid in self.all else "there is no such call")
        return line

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Place a call, or let the fault happen whose turn it is."""
        ground = self._ground
        form = await form_of(request)
        to = form.get("To", "")
        fault = ground.faults.strike(*CREATE_FAULTS, to=to, on="calls")
        ground.ledger.add("call_create", to=to, fault=fault and fault.kind, unknown=sorted(form.keys() - PARAMETERS))
        refused = await mishaps.before(request, fault, words)
        if refused is not None:
            return refused
        refusal = validate_call(form, ground.settings)
        if refusal is not None:
            ground.ledger.add("call_refused", to=to, code=refusal.code)
            await ground.ledger.sync()
            return refusal.answer()
        events, unknown = events_of([str(value) for value in (await request.post()).getall("StatusCallbackEvent", [])])
        call = await self._accept(form, events, fault)
        if unknown:
            ground.ledger.add("call_error", sid=call.sid, code=21626, message=f"no such events: {', '.join(unknown)}")
        created = web.json_response(call.as_json(), status=201)
        line = self._lines[call.sid] = PhoneLine(call, ground)
        ground.spawn(self._run(line))
        return await mishaps.after(request, fault, created, words)

    async def _accept(self, form: Mapping[str, str], events: frozenset[str], fault: Fault | None) -> Call:
        ground = self._ground
        now = datetime.now(UTC)
        call = Call(
            sid=new_sid("CA"),
            account_sid=ground.settings.account_sid,
            to=form["To"],
            from_=form["From"],
            created_at=now,
            updated_at=now,
            number=next(self._numbers),
            url=form.get("Url"),
            method=form.get("Method", "POST").upper(),
            twiml=form.get("Twiml"),
            fallback_url=form.get("FallbackUrl"),
            fallback_method=form.get("FallbackMethod", "POST").upper(),
            status_callback=form.get("StatusCallback"),
            status_callback_method=form.get("StatusCallbackMethod", "POST").upper(),
            events=events,
            timeout_s=int(form.get("Timeout", "60")),
            detects_machines=form.get("MachineDetection") in _MACHINE_DETECTION,
            at=ground.ledger.at,
        )
        self.all[call.sid] = call
        ground.ledger.add(
            "call_accepted",
            sid=call.sid,
            to=call.to,
            from_=call.from_,
            url=call.url,
            twiml=call.twiml,
            callback=call.status_callback,
            events=sorted(call.events),
            timeout=call.timeout_s,
            fault=fault.kind if fault else None,
        )
        await ground.ledger.sync()
        return call

    async def _run(self, line: PhoneLine) -> None:
        try:
            await line.run()
        finally:
            del self._lines[line.call.sid]

    async def list(self, request: web.Request) -> web.StreamResponse:
        """List calls, newest first, filtered and paged."""
        matching = [call for call in self.all.values() if _matches(call, request.query)]
        return page_of(request, "calls", sorted(matching, key=lambda call: -call.number))

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Show one call."""
        call = self.all.get(request.match_info["sid"])
        return web.json_response(call.as_json()) if call else not_found(request)

    async def update(self, request: web.Request) -> web.StreamResponse:
        """End a call, or give it other instructions."""
        call = self.all.get(request.match_info["sid"])
        if call is None:
            return not_found(request)
        form = await form_of(request)
        refusal = check_instructions(form, needed=False)
        if refusal is not None:
            return refusal.answer()
        try:
            self._change(call, form)
        except LineError:
            return Refusal(21220, "Call is not in-progress. Cannot redirect.").answer()
        return web.json_response(call.as_json())

    def _change(self, call: Call, form: Mapping[str, str]) -> None:
        status, ringing = form.get("Status"), call.answered_at is None
        if status == "canceled" or (status == "completed" and ringing):
            self.line(call.sid).cancel()
        elif status == "completed":
            self.line(call.sid).hang_up()
        elif form.get("Url") or form.get("Twiml"):
            method = form.get("Method", "POST").upper()
            self.line(call.sid).redirect(url=form.get("Url"), twiml=form.get("Twiml"), method=method)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Forget a call that is over."""
        call = self.all.get(request.match_info["sid"])
        if call is None:
            return not_found(request)
        if call.status not in FINAL:
            return Refusal(20009, "Cannot delete this resource before it completes.", 409).answer()
        del self.all[call.sid]
        self._ground.ledger.add("deleted", sid=call.sid)
        return web.Response(status=204)

    def restore(self) -> None:
        """Remember, after a restart, what the ledger says; what was on the line then has failed."""
        for entry in self._ground.ledger.entries:
            if entry["kind"] == "call_accepted":
                self.all[entry["sid"]] = self._restored(entry)
            call = self.all.get(entry.get("sid", ""))
            if call is None:
                continue
            match entry["kind"]:
                case "call_status":
                    _take_on(call, entry["status"], datetime.fromisoformat(entry["wall"]))
                case "call_heard":
                    call.heard.append(entry["heard"])
                case "deleted":
                    del self.all[call.sid]
        for call in self.all.values():
            if call.status not in FINAL:
                _take_on(call, "failed", datetime.now(UTC))
                self._ground.ledger.add("call_status", sid=call.sid, to=call.to, status="failed")

    def _restored(self, entry: Mapping[str, Any]) -> Call:
        made_at = datetime.fromisoformat(entry["wall"])
        return Call(
            sid=entry["sid"],
            account_sid=self._ground.settings.account_sid,
            to=entry["to"],
            from_=entry["from_"],
            created_at=made_at,
            updated_at=made_at,
            number=next(self._numbers),
            at=entry["at"],
        )


def _take_on(call: Call, status: str, at: datetime) -> None:
    call.status, call.updated_at = ("queued" if status == "initiated" else status), at
    call.started_at = call.started_at or at
    if status == "in-progress":
        call.answered_at = at
    if status in FINAL:
        call.ended_at = at


def _matches(call: Call, query: Mapping[str, str]) -> bool:
    return (
        query.get("To", call.to) == call.to
        and query.get("From", call.from_) == call.from_
        and query.get("Status", call.status) == call.status
        and "ParentCallSid" not in query
        and in_days(query, "StartTime", call.started_at)
        and in_days(query, "EndTime", call.ended_at)
    )
