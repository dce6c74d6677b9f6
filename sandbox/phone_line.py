"""One call on the line: it rings, somebody answers or not, hears what the instructions say, and presses keys."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sandbox.calls import FINAL, Call
from sandbox.ground import Ground
from sandbox.twiml import SPOKEN, Document, TwimlError, Verb, read_twiml

_MOST_DOCUMENTS = 50
_USUAL_STEP_S = 0.05
_SILENCE = ""
_APPLICATION_ERROR = "We are sorry, an application error has occurred. Goodbye."


class LineError(Exception):
    """The call is not in a state in which this can be done."""


class PhoneLine:
    """Runs one call from its first ring to its end; what the person does comes in by ``answer``, ``press``, …."""

    def __init__(self, call: Call, ground: Ground) -> None:
        self.call = call
        self._ground = ground
        self._sequence = 0
        self._picked_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._changed = asyncio.Condition()
        self._talk: asyncio.Task[None] | None = None
        self._redirect: Callable[[], Any] | None = None
        self._hung_up = False

    # What the person does, or the account by the API.

    def answer(self, by: str = "human") -> None:
        """Pick the phone up."""
        self._pick_up(by)

    def reject(self) -> None:
        """Turn the call away: busy."""
        self._pick_up("busy")

    def cancel(self) -> None:
        """Withdraw the call before it is answered."""
        self._pick_up("canceled")

    def _pick_up(self, how: str) -> None:
        if self._picked_up.done() or self.call.status in FINAL:
            raise LineError("the phone does not ring")
        self._picked_up.set_result(how)

    async def press(self, keys: str, *, within_s: float = 2.0) -> None:
        """Press keys, once the call listens; no keys at all means that nobody presses any until the time is over.

        Raises:
            LineError: the call does not listen, and did not begin to within the time.
        """
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: self.call.listening is not None or self.call.status in FINAL)
        except TimeoutError:
            raise LineError("the call does not wait for keys") from None
        if self.call.status in FINAL:
            raise LineError("the call is over")
        for key in keys or [_SILENCE]:
            self._keys.put_nowait(key)

    def hang_up(self) -> None:
        """Put the phone down."""
        if self.call.status != "in-progress":
            raise LineError("the call is not in progress")
        self._hung_up = True
        if self._talk is not None:
            self._talk.cancel()

    def redirect(self, *, url: str | None, twiml: str | None, method: str) -> None:
        """Break off what is being done, and go on with other instructions."""
        if self._talk is None:
            raise LineError("the call is not in progress")
        self._redirect = lambda: self._document(url=url, twiml=twiml, method=method)
        self._talk.cancel()

    # The life of the call.

    async def run(self) -> None:
        """Live the call until it is over."""
        call = self.call
        await self._step("queued", event="initiated", shown="initiated")
        outcome = await self._outcome_on_demand() or await self._ring()
        if outcome not in ("human", "machine"):
            await self._end(outcome)
            return
        call.answered_at = datetime.now(UTC)
        if call.detects_machines:
            call.answered_by = "human" if outcome == "human" else "machine_start"
        if outcome == "machine":
            self._hear("note", "answering machine")
        await self._step("in-progress", event="answered")
        upcoming: Callable[[], Any] | None = lambda: self._document(  # noqa: E731 - the first of several
            url=call.url, twiml=call.twiml, method=call.method
        )
        while upcoming is not None and not self._hung_up:
            self._redirect = None
            self._talk = asyncio.ensure_future(self._follow(upcoming))
            await asyncio.wait({self._talk})
            upcoming = self._redirect
        self._talk = None
        await self._end("completed")

    async def _outcome_on_demand(self) -> str | None:
        fault = self._ground.faults.strike("busy", "no_answer", "call_failed", "machine", to=self.call.to, on="calls")
        if fault is None:
            return None
        if fault.kind in ("no_answer", "machine"):
            await self._step("ringing", event="ringing")
        return {"no_answer": "no-answer", "call_failed": "failed"}.get(fault.kind, fault.kind)

    async def _ring(self) -> str:
        await self._step("ringing", event="ringing")
        try:
            async with asyncio.timeout(self.call.timeout_s):
                return await self._picked_up
        except TimeoutError:
            return "no-answer"

    async def _end(self, status: str) -> None:
        self.call.ended_at = datetime.now(UTC)
        self.call.listening = None
        await self._step(status, event="completed")
        async with self._changed:
            self._changed.notify_all()

    async def _step(self, status: str, *, event: str, shown: str | None = None) -> None:
        """Take on a status, write it down and report it to whoever asked for this event."""
        call = self.call
        call.status, call.updated_at = status, datetime.now(UTC)
        call.started_at = call.started_at or call.updated_at
        self._ground.ledger.add("call_status", sid=call.sid, to=call.to, status=shown or status)
        if call.status_callback and event in call.events:
            form = call.form() | {
                "CallStatus": shown or status,
                "CallbackSource": "call-progress-events",
                "SequenceNumber": str(self._sequence),
                "Timestamp": format_datetime(call.updated_at),
            }
            if call.ended_at is not None:
                form |= {"CallDuration": str(call.duration_s), "Duration": str(-(-call.duration_s // 60))}
            self._report(call.status_callback, form)
        self._sequence += 1
        await asyncio.sleep(self._ground.settings.step_s)

    def _report(self, url: str, form: dict[str, str]) -> None:
        ground, call = self._ground, self.call
        facts = {"sid": call.sid, "status": form["CallStatus"]}
        if ground.faults.strike("callbacks_dropped", to=call.to, on="calls"):
            ground.ledger.add("call_callback", **facts, answer="dropped")
            return
        times = 2 if ground.faults.strike("callbacks_doubled", to=call.to, on="calls") else 1
        for _ in range(times):
            method = call.status_callback_method
            ground.spawn(ground.webhooks.send("call_callback", url, form, method=method, **facts))

    # Following the instructions.

    async def _follow(self, first: Callable[[], Any]) -> None:
        """Follow the instructions; where they fail, those of the fallback address; where these fail too, say so."""
        try:
            await self._follow_all(first)
        except TwimlError as error:
            self._note_error(error)
            call = self.call
            if call.fallback_url is None:
                self._hear("say", _APPLICATION_ERROR)
                return
            why = {"ErrorCode": str(error.code), "ErrorUrl": call.url or ""}
            try:
                await self._follow_all(
                    lambda: self._document(url=call.fallback_url, method=call.fallback_method, **why)
                )
            except TwimlError as second:
                self._note_error(second)
                self._hear("say", _APPLICATION_ERROR)

    async def _follow_all(self, first: Callable[[], Any]) -> None:
        document: Document | None = await first()
        documents = 1
        while document is not None and documents <= _MOST_DOCUMENTS:
            document = await self._perform(document)
            documents += 1
        if document is not None:
            raise TwimlError(11200, "documents that refer to each other without end")

    def _note_error(self, error: TwimlError) -> None:
        self._ground.ledger.add("call_error", sid=self.call.sid, code=error.code, message=str(error))

    async def _document(
        self, *, url: str | None, twiml: str | None = None, method: str = "POST", **answer: str
    ) -> Document:
        """Get a document, from the call itself or from an address."""
        if url is None:
            document = read_twiml(twiml or "", None)
        else:
            form = self.call.form() | answer
            text = await self._ground.webhooks.send("call_request", url, form, method=method, sid=self.call.sid)
            if text is None:
                raise TwimlError(11200, "the address of the instructions did not answer")
            document = read_twiml(text, url)
        for name in document.warnings:
            self._ground.ledger.add("call_error", sid=self.call.sid, code=12200, message=f"{name} is passed over")
        return document

    async def _perform(self, document: Document) -> Document | None:
        """Do what a document says; return the document that takes over, None at the end."""
        for verb in document.verbs:
            match verb.name:
                case "Hangup" | "Reject":
                    return None
                case "Redirect":
                    return await self._document(
                        url=self._address(document, verb.text), method=verb.attributes.get("method", "POST")
                    )
                case "Gather":
                    following = await self._gather(document, verb)
                    if following is not None:
                        return following
                case _:
                    await self._speak(verb)
        return None

    async def _speak(self, verb: Verb) -> None:
        if verb.name != "Pause":
            self._hear("say" if verb.name == "Say" else "play", verb.text, language=verb.attributes.get("language"))
        await asyncio.sleep(verb.seconds() * self._ground.settings.step_s / _USUAL_STEP_S)

    async def _gather(self, document: Document, gather: Verb) -> Document | None:
        """Say what stands inside, and collect keys; return the action's answer, None when nobody pressed any."""
        most = gather.number("numDigits", 0) or None
        finish_on = gather.attributes.get("finishOnKey", "#")
        await self._listen({"digits": most, "finish_on": finish_on})
        try:
            digits = await self._collect(gather, most, finish_on)
        finally:
            self.call.listening = None
        if not digits and gather.attributes.get("actionOnEmptyResult") != "true":
            return None
        self._hear("press", digits)
        return await self._document(
            url=self._address(document, gather.attributes.get("action", "")),
            method=gather.attributes.get("method", "POST"),
            Digits=digits,
            msg="Gather End",
        )

    async def _collect(self, gather: Verb, most: int | None, finish_on: str) -> str:
        prompts = asyncio.ensure_future(self._speak_all(gather.inside))
        digits = ""
        try:
            key = await self._next_key(gather.number("timeout", 5), prompts)
            while key not in (None, _SILENCE) and key != finish_on:
                prompts.cancel()
                digits += key or ""
                if len(digits) == most:
                    break
                key = await self._next_key(gather.number("timeout", 5))
        finally:
            prompts.cancel()
        return digits

    async def _next_key(self, timeout_s: float, prompts: asyncio.Task[None] | None = None) -> str | None:
        """Return the next key; None when none came in time, which runs from the end of the prompts."""
        key = asyncio.ensure_future(self._keys.get())
        try:
            if prompts is not None:
                await asyncio.wait({key, prompts}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({key}, timeout=timeout_s)
            return key.result() if key.done() else None
        finally:
            key.cancel()

    async def _speak_all(self, verbs: tuple[Verb, ...]) -> None:
        for verb in verbs:
            assert verb.name in SPOKEN
            await self._speak(verb)

    async def _listen(self, what: dict[str, Any]) -> None:
        while not self._keys.empty():
            self._keys.get_nowait()
        self.call.listening = what
        self._ground.ledger.add("call_listens", sid=self.call.sid, **what)
        async with self._changed:
            self._changed.notify_all()

    def _hear(self, kind: str, text: str, **more: str | None) -> None:
        heard = {"kind": kind, "text": text, **{name: value for name, value in more.items() if value}}
        self.call.heard.append(heard)
        self._ground.ledger.add("call_heard", sid=self.call.sid, to=self.call.to, heard=heard)

    def _address(self, document: Document, target: str) -> str:
        address = document.resolve(target)
        if address is None:
            raise TwimlError(11100, "a relative address in a document that came with the call")
        return address
