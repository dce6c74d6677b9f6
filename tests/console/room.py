"""A console as its own composition root builds it, on real servers, in this process."""

import asyncio
import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic import SecretStr

from services.console.__main__ import build
from services.console.domain.access import Role, Visitor
from services.console.handlers.sign_in import make_link
from services.console.settings import ConsoleSettings
from shared.broker.publisher import Publication, Publisher
from shared.broker.topology import QUEUES, dead_letter_queue
from shared.kernel.clock import SteppedClock
from shared.postgres.database import Database
from shared.postgres.listener import Listener
from shared.runtime.service import Kit
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application, serving
from tests.builders import ROOT, example_clinics, ny

_LASTS = timedelta(minutes=5)


@dataclass
class ConsoleRoom:
    """A running console, and hands to reach what is behind it."""

    url: str
    database: Database
    clock: SteppedClock
    reader: AsyncConnection
    publisher: Publisher

    async def link(self, role=Role.ADMIN, person="ada"):
        """Return a link that lets one person in, once."""
        async with self.database.transaction() as connection:
            token = await make_link(connection, Visitor(person, role), lasts=_LASTS)
        return f"{self.url}/sign-in/{token}"

    @asynccontextmanager
    async def visitor(self, role=Role.ADMIN, person="ada"):
        """Return a browser without a screen that is signed in."""
        async with aiohttp.ClientSession(base_url=self.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            client = Client(session, self.url)
            answer = await session.post(await self.link(role, person), headers=OWN, allow_redirects=False)
            assert answer.status == 303
            yield client

    async def dead_letter(self, body=b'{"booking_id": "bk_9", "patient": {"given_name": "Zoe"}}', **changes):
        """Let a service give a message up."""
        values = {"queue": "booking_events", "cause": "refused", "reason": "data.consent: Field required"} | changes
        await self.publisher.publish(
            Publication(
                routing_key=dead_letter_queue(values["queue"]),
                exchange=QUEUES,
                body=body,
                message_id=values.get("message_id") or secrets.token_hex(8),
                type="booking.created.v1",
                headers={
                    "x-aftercare-attempt": 1,
                    "x-aftercare-reason": values["reason"],
                    "x-aftercare-cause": values["cause"],
                    "x-aftercare-queue": values["queue"],
                    "x-aftercare-routing-key": "booking.created.v1",
                },
            )
        )

    async def rows(self, query, *parameters):
        """Ask the database as its owner."""
        cursor = await self.reader.execute(query, parameters)
        return await cursor.fetchall()


OWN = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Client:
    """A signed-in visitor."""

    session: aiohttp.ClientSession
    url: str

    async def get(self, path):
        """Return a page's status and text."""
        async with self.session.get(path, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def csrf(self):
        """Return what the visitor's own forms carry."""
        _status, text = await self.get("/runbook")
        return re.search(r'name="csrf" value="([0-9a-f]+)"', text)[1]

    async def post(self, path, *, headers=OWN, csrf=None, **fields):
        """Send one of the visitor's forms; return the status and the text, or where it leads."""
        data = {"csrf": csrf if csrf is not None else await self.csrf(), **fields}
        async with self.session.post(path, data=data, headers=headers, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()


@asynccontextmanager
async def open_console(database_url, amqp_url, sealer, *, management_url=None, now="2026-11-20 12:00", **settings):
    """Open a console whose loops run."""
    clock = SteppedClock(ny(now))
    loaded = ConsoleSettings(
        amqp_url=SecretStr(amqp_url),
        database_url=SecretStr(database_url),
        config=ROOT / "config" / "clinic.example.toml",
        sealing_keys=SecretStr("unused"),
        console_url="http://127.0.0.1:1",
        console_port=0,
        management_url=SecretStr(management_url) if management_url else None,
        **settings,
    )
    async with (
        Database(database_url, schema="console", sealer=sealer, size=6) as database,
        await AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row) as reader,
    ):
        kit = Kit("console", example_clinics(), database, clock, Metrics(), Health(), Listener(database_url, "console"))
        parts = await build(kit, loaded)
        stopping = asyncio.Event()
        publisher = Publisher(amqp_url, name="tests")
        tasks = [asyncio.create_task(loop.run(stopping)) for loop in parts.loops]
        application = build_application(parts.routes, health=kit.health, metrics=kit.metrics)
        try:
            async with serving(application, host="127.0.0.1", port=0) as port:
                yield ConsoleRoom(f"http://127.0.0.1:{port}", database, clock, reader, publisher)
        finally:
            stopping.set()
            await asyncio.gather(*tasks)
            for close in (publisher.close, *parts.closing):
                await close()
