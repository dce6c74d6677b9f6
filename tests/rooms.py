"""A notifier and a booking_events without processes: real database, real sandbox, a clock that steps."""

import asyncio
import functools
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from sandbox.server import Sandbox, running_sandbox
from sandbox.settings import SandboxSettings
from services.booking_events import consumers as booking_consumers
from services.booking_events.handlers.assume_completed import AssumeCompleted
from services.notifier import consumers as notifier_consumers
from services.notifier.context import Context, Timing
from services.notifier.domain.lane import EMAILS, ROUTINE, URGENT
from services.notifier.handlers.send_due import SendDue, drain
from services.notifier.handlers.settle_unknown import SettleUnknown
from services.notifier.handlers.take_inbound import InboundText, take_inbound
from services.notifier.providers.sendgrid_email import SendGridEmail
from services.notifier.providers.twilio_http import TwilioHttp
from services.notifier.providers.twilio_sms import Sender, TwilioSms, build_client
from services.notifier.templates import TemplateCatalogue
from shared.broker.handler import Job, handle_once
from shared.kernel.clock import SteppedClock
from shared.kernel.contact import PhoneNumber
from shared.kernel.ids import new_id
from shared.messages.booking import CREATED
from shared.messages.catalogue import read_payload
from shared.messages.envelope import Envelope, wrap
from shared.postgres.database import Database
from shared.telemetry.metrics import Metrics
from tests.builders import booking_json, example_clinics, ny
from tests.outboxes import empty_outbox

MAIL_KEY = "SG.key-of-the-tests"
ACCOUNT, TOKEN, OURS = "AC" + "0" * 32, "token-of-the-tests", "+15005550006"
QUICK = Timing(
    lease=timedelta(seconds=5),
    grace=timedelta(milliseconds=200),
    look_gap=timedelta(milliseconds=50),
    pause=timedelta(milliseconds=200),
    email_grace=timedelta(milliseconds=200),
)


our_texts = functools.cache(TemplateCatalogue)
"""Compiled once for all rooms: they never change."""


@dataclass
class Rooms:
    """Both services' handlers, joined by carrying messages from outbox to handler by hand."""

    bookings: Database
    notifier: Database
    sandbox: Sandbox
    context: Context
    clock: SteppedClock
    sender: SendDue
    urgent: SendDue
    emails: SendDue
    settler: SettleUnknown
    assumer: AssumeCompleted
    reader: AsyncConnection

    async def book(self, event=CREATED, *, source="ehr", time=None, event_id=None, **changes):
        """Let a booking event take effect."""
        data = booking_json(**changes)
        envelope = Envelope(
            id=event_id or new_id(), source=source, type=event, time=time or self.clock.now(), data=data
        )
        await self.deliver(envelope)
        await self.carry()
        return envelope

    async def carry(self):
        """Carry messages between the services until none is left; return their types."""
        carried = []
        while True:
            envelopes = [*await empty_outbox(self.bookings), *await empty_outbox(self.notifier)]
            if not envelopes:
                return carried
            for envelope in envelopes:
                carried.append(envelope)
                await self.deliver(envelope)

    async def deliver(self, envelope):
        """Let every service that handles a message's type handle it."""
        for database, table in ((self.bookings, self._booking_handlers()), (self.notifier, self._notifier_handlers())):
            handler = table.get(envelope.type)
            if handler is not None:
                await handle_once(database, Job(envelope, read_payload(envelope), handler), now=self.clock.now())

    async def say(self, message_type, data, *, source="aftercare/followup"):
        """Let a message of a service that is not in these rooms take effect."""
        envelope = wrap(message_type, data, source=source, now=self.clock.now())
        await self.deliver(envelope)
        return await self.carry()

    async def send(self):
        """Send what is due, settle what is unknown, and carry the news."""
        lanes = (self.sender, self.urgent, self.emails)
        carried = []
        while True:
            while any([await lane.run_once() for lane in lanes]):
                await drain(lanes)
            await drain(lanes)
            news = await self.carry()
            if not news:  # the news of a text may change the plan, and with it what is due
                return carried
            carried += news

    async def until(self, moment):
        """Move the clock from one due message to the next, up to a moment, sending on the way."""
        while True:
            row = await self.row(
                "SELECT min(due_at) AS due FROM notifier.messages WHERE state IN ('planned', 'held') AND due_at > %s",
                self.clock.now(),
            )
            due = row["due"]
            self.clock.set(min(due, moment) if due else moment)
            await self.assumer.run_once()
            await self.send()
            if self.clock.now() >= moment:
                return

    async def receive(self, text, *, phone="+12125550123", sid=None, media=0):
        """Let a patient's text come in."""
        inbound = InboundText(sid or f"SM{new_id()}", PhoneNumber(phone), OURS, text, media)
        await take_inbound(self.notifier, [inbound], now=self.clock.now(), context=self.context)
        return await self.carry()

    def texts(self):
        """Return what the provider has accepted, oldest first."""
        return [entry["body"] for entry in self.sandbox.accepted()]

    def mails(self):
        """Return the e-mails that the provider has accepted, oldest first."""
        return self.sandbox.accepted(kind="mail_accepted")

    async def row(self, query, *parameters):
        return (await self.rows(query, *parameters))[0]

    async def run(self, statement, *parameters):
        await self.reader.execute(statement, parameters)

    async def rows(self, query, *parameters):
        cursor = await self.reader.execute(query, parameters)
        return await cursor.fetchall()

    def _booking_handlers(self):
        return {handler.type: handler for handler in booking_consumers.handlers(self.context.clinics)}

    def _notifier_handlers(self):
        return {handler.type: handler for handler in notifier_consumers.handlers(self.context)}


@asynccontextmanager
async def open_rooms(
    database_url, sealer, *, now="2026-11-20 12:00", clinics=None, only_to=None, mail_events_url=None, email=True
):
    """Open both rooms on a fresh database and a fresh sandbox."""
    clock = SteppedClock(ny(now))
    settings = SandboxSettings(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        port=0,
        step_s=0.0,
        sendgrid_api_key=MAIL_KEY,
        mail_events_url=mail_events_url,
    )
    async with (
        Database(database_url, schema="booking_events", sealer=sealer, size=4) as bookings,
        Database(database_url, schema="notifier", sealer=sealer, size=6) as notifier,
        running_sandbox(settings) as sandbox,
        aiohttp.ClientSession() as session,
        await AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row) as reader,
    ):
        http = TwilioHttp(session, timeout_s=1.0, base_url=sandbox.base_url)
        client = build_client(http, account_sid=ACCOUNT, username=ACCOUNT, password=TOKEN)
        context = Context(
            clinics=clinics or example_clinics(),
            catalogue=our_texts(),
            provider=TwilioSms(client, public_url="http://127.0.0.1:1"),
            default_sender=Sender(from_number=OURS),
            metrics=Metrics(),
            timing=QUICK,
            email=SendGridEmail(session, api_key=MAIL_KEY, base_url=sandbox.base_url) if email else None,
            email_from="visits@clinic.example",
            public_url="http://127.0.0.1:1",
            only_to=only_to,
        )
        lanes = [
            SendDue(notifier, clock, context, lane, slots=8, wake=asyncio.Event()) for lane in (ROUTINE, URGENT, EMAILS)
        ]
        settler = SettleUnknown(notifier, clock, context)
        assumer = AssumeCompleted(bookings, clock, context.clinics)
        yield Rooms(bookings, notifier, sandbox, context, clock, *lanes, settler, assumer, reader)
