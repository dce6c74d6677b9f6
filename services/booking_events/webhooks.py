"""Ways in over HTTP: bookings that a feed posts, signed. A 2xx means that the booking is kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from services.booking_events.domain.signature import is_signed
from shared.broker.consumer import Handler, handle_once, report_refusal
from shared.kernel.clock import Clock
from shared.kernel.errors import PermanentError
from shared.messages.booking import BOOKING_TYPES, Booking
from shared.messages.catalogue import read_payload
from shared.messages.envelope import Envelope, read_envelope
from shared.postgres import inbox
from shared.postgres.database import Database
from shared.web.server import Route


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The feeds' webhooks."""

    database: Database
    clock: Clock
    handlers: Mapping[str, Handler]
    secret: str | None

    def routes(self) -> list[Route]:
        """Return the table of routes; the clinic may be left out where there is only one."""
        return [
            Route("POST", "/bookings/native", self.native),
            Route("POST", "/bookings/native/{clinic_id}", self.native),
        ]

    async def native(self, request: web.Request) -> web.Response:
        """Take in one CloudEvent with a booking, signed with the feed's secret."""
        body = await request.read()
        secrets = [self.secret] if self.secret else []
        # The age of a signature is measured on this machine's clock, never on the clinical one.
        if not is_signed(secrets, request.headers.get("X-Aftercare-Signature"), body, now=time.time()):
            raise web.HTTPUnauthorized(reason="the signature is missing, wrong or too old")
        try:
            envelope, booking = self._read(body, request.match_info.get("clinic_id"))
            arrival = await self._keep(envelope, booking)
        except PermanentError as error:
            return web.json_response({"error": error.reason}, status=422)
        return web.json_response({"id": envelope.id, "status": arrival.value}, status=202)

    def _read(self, body: bytes, clinic_id: str | None) -> tuple[Envelope, Booking]:
        envelope = read_envelope(body, routing_key="")
        if envelope.type not in BOOKING_TYPES:
            raise PermanentError("type: not a booking event")
        booking = read_payload(envelope)
        assert isinstance(booking, Booking)
        if clinic_id is not None and booking.clinic_id != clinic_id:
            raise PermanentError("data.clinic_id: not the clinic that the address names")
        return envelope, booking

    async def _keep(self, envelope: Envelope, booking: Booking) -> inbox.Arrival:
        handler, now = self.handlers[envelope.type], self.clock.now()
        try:
            return await handle_once(self.database, envelope, booking, handler, now=now)
        except PermanentError as error:
            await report_refusal(self.database, envelope, booking, handler, error, now=now)
            raise
