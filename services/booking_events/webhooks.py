"""Ways in over HTTP: bookings that a feed posts, signed. A 2xx means that the booking is kept."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from services.booking_events import store
from services.booking_events.domain import calcom
from services.booking_events.domain.signature import is_signed
from services.booking_events.handlers.take_calcom import TYPE, TakeCalCom
from shared.broker.handler import Handler, Job, handle_once, handling, report_refusal
from shared.clinics.model import Clinics
from shared.kernel.clock import Clock
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.kernel.ids import digest
from shared.messages.base import WireModel
from shared.messages.booking import BOOKING_TYPES, Booking
from shared.messages.catalogue import read_payload
from shared.messages.envelope import Envelope, read_envelope, read_json
from shared.postgres import inbox
from shared.postgres.database import Database
from shared.web.server import Route


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The feeds' webhooks."""

    database: Database
    clock: Clock
    clinics: Clinics
    handlers: Mapping[str, Handler]
    secrets: Mapping[str, str]
    """By feed. A feed without a secret is not listened to."""

    def routes(self) -> list[Route]:
        """Return the table of routes; the clinic may be left out where there is only one."""
        return [
            Route("POST", "/bookings/native", self.native),
            Route("POST", "/bookings/native/{clinic_id}", self.native),
            Route("POST", "/bookings/calcom", self.calcom),
            Route("POST", "/bookings/calcom/{clinic_id}", self.calcom),
        ]

    async def native(self, request: web.Request) -> web.Response:
        """Take in one CloudEvent with a booking, signed with the feed's secret."""
        body = await request.read()
        secrets = [self.secrets["native"]] if "native" in self.secrets else []
        # The age of a signature is measured on this machine's clock, never on the clinical one.
        if not is_signed(secrets, request.headers.get("X-Aftercare-Signature"), body, now=time.time()):
            raise await self._stranger("native", "the signature is missing, wrong or too old")
        try:
            envelope, booking = self._read(body, request.match_info.get("clinic_id"))
            arrival = await self._keep(envelope, booking, self.handlers[envelope.type])
        except PermanentError as error:
            return await self._refuse("native", error)
        return web.json_response({"id": envelope.id, "status": arrival.value}, status=202)

    async def calcom(self, request: web.Request) -> web.Response:
        """Take in one delivery from Cal.com. What is no matter of visits is acknowledged and left alone."""
        body = await request.read()
        if not calcom.is_signed(self.secrets.get(calcom.SOURCE), request.headers.get("X-Cal-Signature-256"), body):
            raise await self._stranger(calcom.SOURCE, "the signature is missing or wrong, or no secret is set")
        try:
            content = read_json(body)
            delivery = calcom.open_delivery(content)
            taker = TakeCalCom(self.clinics, self._clinic_of(request))
            # Cal.com gives deliveries no id; the same body is the same delivery.
            envelope = Envelope(
                id=digest(body), source=calcom.SOURCE, type=TYPE, time=delivery.created_at, data=content
            )
            if not taker.concerns_visits(delivery):
                return web.json_response({"status": "ignored"})
            arrival = await self._keep(envelope, delivery, taker.handler())
        except PermanentError as error:
            return await self._refuse(calcom.SOURCE, error)
        return web.json_response({"id": envelope.id, "status": arrival.value}, status=202)

    async def _stranger(self, feed: str, reason: str) -> web.HTTPUnauthorized:
        await self._note(feed, reason)
        return web.HTTPUnauthorized(reason=reason)

    async def _refuse(self, feed: str, error: PermanentError) -> web.Response:
        await self._note(feed, error.reason)
        return web.json_response({"error": error.reason}, status=422)

    async def _note(self, feed: str, reason: str) -> None:
        """Remember for the window that a caller was turned away; the answer does not depend on it."""
        with contextlib.suppress(DependencyUnavailableError):
            async with self.database.transaction() as connection:
                await store.note_turned_away(connection, feed, reason, now=self.clock.now())

    def _clinic_of(self, request: web.Request) -> str:
        named = request.match_info.get("clinic_id")
        if named is None and len(self.clinics.clinics) == 1:
            return next(iter(self.clinics.clinics))
        if named is None:
            raise PermanentError("address: has to name the clinic, since there are several")
        if self.clinics.get(named) is None:
            raise PermanentError("address: no clinic of that id stands in the clinic file")
        return named

    def _read(self, body: bytes, clinic_id: str | None) -> tuple[Envelope, Booking]:
        envelope = read_envelope(body, routing_key="")
        if envelope.type not in BOOKING_TYPES:
            raise PermanentError("type: not a booking event")
        booking = read_payload(envelope)
        assert isinstance(booking, Booking)
        if clinic_id is not None and booking.clinic_id != clinic_id:
            raise PermanentError("data.clinic_id: not the clinic that the address names")
        return envelope, booking

    async def _keep(self, envelope: Envelope, payload: WireModel, handler: Handler) -> inbox.Arrival:
        now = self.clock.now()
        job = Job(envelope, payload, handler)
        with handling(job):
            try:
                return await handle_once(self.database, job, now=now)
            except PermanentError as error:
                await report_refusal(self.database, job, error, now=now)
                raise
