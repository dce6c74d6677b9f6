"""Ways in over HTTP: verify, keep, answer. Nothing else happens before the provider has its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web
from multidict import MultiMapping

from services.notifier.context import Context
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipts
from services.notifier.handlers.take_inbound import InboundText, take_inbound
from services.notifier.handlers.take_key import KeyPress, take_key
from services.notifier.handlers.take_receipt import ReceiptReport
from services.notifier.providers.twilio_signature import SignatureCheck
from services.notifier.providers.twilio_sms import RECEIPT_OF
from services.notifier.providers.twilio_voice import CALL_RECEIPT_OF, NOT_PICKED_UP
from shared.kernel.clock import Clock
from shared.kernel.contact import parse_phone
from shared.postgres.database import Database
from shared.postgres.unit_of_work import unit_of_work
from shared.runtime.batches import Batches
from shared.runtime.give_way import GiveWay
from shared.telemetry import tracing
from shared.web.server import Route

_MOST_BYTES = 16 * 1024
_FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Webhooks:
    """The provider's webhooks."""

    database: Database
    clock: Clock
    context: Context
    signatures: SignatureCheck
    account_sid: str
    give_way: GiveWay = field(default_factory=GiveWay)
    receipts: Batches[ReceiptReport] = field(init=False)
    texts: Batches[InboundText] = field(init=False)

    def __post_init__(self) -> None:
        """What comes together is kept together: a text brings several receipts within seconds."""
        self.receipts = Batches(self._keep, rest_after=self.give_way.rest_after)
        self.texts = Batches(self._keep_texts, rest_after=self.give_way.breath_after)

    def routes(self) -> list[Route]:
        """Return the table of routes."""
        return [
            Route("POST", "/twilio/status", self.status),
            Route("POST", "/twilio/inbound", self.inbound),
            Route("POST", "/twilio/voice/status", self.call_status),
            Route("POST", "/twilio/voice/keys", self.call_keys),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """Take in a status callback."""
        form = await self._verified_form(request)
        status = RECEIPT_OF.get(form.get("MessageStatus") or form.get("SmsStatus") or "")
        if status is not None:
            report = ReceiptReport(
                provider_reference=_needed(form, "MessageSid"),
                status=status,
                error_code=form.get("ErrorCode") or None,
                token=request.query.get("a"),
                traceparent=tracing.current(),
            )
            await self.receipts.do(report)
        return web.Response(status=204)

    async def inbound(self, request: web.Request) -> web.Response:
        """Take in a text that somebody sent to one of our numbers; the answer means that it is kept."""
        form = await self._verified_form(request)
        phone = parse_phone(_needed(form, "From"))
        if phone is None:
            # A short code or a name: nobody who could be answered or asked to stop.
            return _empty_answer()
        inbound = InboundText(
            provider_reference=_needed(form, "MessageSid"),
            phone=phone,
            sender=_needed(form, "To"),
            text=form.get("Body") or "",
            media=_whole_number(form.get("NumMedia")) or 0,
            traceparent=tracing.current(),
        )
        self.give_way.urgent()
        await self.texts.do(inbound)
        return _empty_answer()

    async def call_status(self, request: web.Request) -> web.Response:
        """Take in how a call went."""
        form = await self._verified_form(request)
        word = form.get("CallStatus") or ""
        status = CALL_RECEIPT_OF.get(word)
        if status is not None:
            report = ReceiptReport(
                provider_reference=_needed(form, "CallSid"),
                status=status,
                error_code=word if word in NOT_PICKED_UP else None,
                token=request.query.get("a"),
                traceparent=tracing.current(),
            )
            await self.receipts.do(report)
        return web.Response(status=204)

    async def call_keys(self, request: web.Request) -> web.Response:
        """Take in a key that was pressed during a call, and say what comes next."""
        form = await self._verified_form(request)
        token = request.query.get("a") or ""
        press = KeyPress(_needed(form, "CallSid"), token, form.get("Digits") or "")
        async with unit_of_work(self.database, now=self.clock.now()) as unit:
            reaction = await take_key(unit, press, context=self.context)
        if reaction is None or self.context.voice is None:
            return _empty_answer()
        document = self.context.voice.after_key(reaction.said, language=reaction.language, token=token)
        return web.Response(text=document, content_type="text/xml")

    async def _keep(self, reports: Sequence[ReceiptReport]) -> None:
        async with unit_of_work(self.database, now=self.clock.now()) as unit:
            await adopt_by_receipts(unit, reports, context=self.context)

    async def _keep_texts(self, texts: Sequence[InboundText]) -> None:
        await take_inbound(self.database, texts, now=self.clock.now(), context=self.context)

    async def _verified_form(self, request: web.Request) -> MultiMapping[str]:
        """Return the form of a request that the provider signed for our address and account.

        Raises:
            HTTPForbidden: anybody else's, with one and the same answer whatever was wrong.
        """
        if (request.content_length or 0) > _MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=_MOST_BYTES, actual_size=request.content_length or 0)
        if request.content_type != _FORM:
            raise web.HTTPForbidden(reason="not signed")
        try:
            form: MultiMapping[str] = await request.post()  # type: ignore[assignment] # without files it holds only text
        except UnicodeDecodeError:
            raise web.HTTPForbidden(reason="not signed") from None
        signed = self.signatures.accepts(request.raw_path, form, request.headers)
        # The signature runs names and values together, so twins and another account's requests are refused (F46).
        if not signed or len(set(form)) != len(form) or form.get("AccountSid") != self.account_sid:
            raise web.HTTPForbidden(reason="not signed")
        return form


def _needed(form: MultiMapping[str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise web.HTTPBadRequest(reason=f"{name} is missing")
    return value


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else None


def _empty_answer() -> web.Response:
    return web.Response(text="<Response/>", content_type="text/xml")
