"""A real system to be unkind to: every service a process of its own, on a private broker and database, with a clock."""

import asyncio
import contextlib
import json
import logging
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from cli.private_servers import ROOT
from cli.stack import Stack, start_stack
from cli.verify import INVARIANTS
from shared.broker.publisher import Publication, Publisher, UnroutableError
from shared.broker.topology import BOOKING_EVENTS
from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.demo_clock import set_demo_clock
from shared.runtime.local_servers import ServersUnavailableError, _free_ports
from tests.chaos.oracle import Text, Violation
from tests.waiting import until

SOURCE = "chaos"
MUTANTS = ROOT / "tests" / "chaos" / "mutants"
_IN_FLIGHT_S = 1.0
"""What had begun when news arrived may still leave for this long (RELIABILITY.md I12)."""
_PORTS = (
    "AFTERCARE_BOOKING_EVENTS_PORT",
    "AFTERCARE_NOTIFIER_PORT",
    "AFTERCARE_FOLLOWUP_PORT",
    "AFTERCARE_CONSOLE_PORT",
    "SANDBOX_PORT",
)
_QUICK = {
    "SANDBOX_STEP_MS": "10",
    "AFTERCARE_CONFIG": str(ROOT / "tests" / "chaos" / "clinics.toml"),
    "AFTERCARE_UNKNOWN_GRACE_S": "0.8",
    "AFTERCARE_UNKNOWN_LOOK_GAP_S": "0.3",
    "AFTERCARE_SEND_LEASE_S": "1",
    "AFTERCARE_PAUSE_S": "0.5",
    "AFTERCARE_LOG_LEVEL": "WARNING",
}

# What was published and has not taken effect yet, at the planner or at the notifier.
_NOT_TAKEN_IN = """
SELECT (SELECT count(*) FROM unnest(%(ids)s::text[]) AS p(id)
         WHERE NOT EXISTS (SELECT 1 FROM booking_events.inbox i WHERE i.source = 'chaos' AND i.id = p.id))
     + (SELECT count(*) FROM booking_events.outbox)
     + (SELECT count(*) FROM booking_events.patients p LEFT JOIN notifier.plans n
            ON n.subject = 'reminders:' || p.patient_ref
         WHERE p.plan_revision > coalesce(n.revision, 0) AND p.patient_ref <> ALL (%(lost)s::text[])) AS waiting
"""
# What is due and has not been decided yet, and what the planner has not heard of yet.
_UNDECIDED = """
SELECT (SELECT count(*) FROM notifier.outbox)
     + (SELECT count(*) FROM notifier.messages
         WHERE id > %(message)s AND state IN ('sending', 'unknown') AND outcome IS NULL)
     + (SELECT count(*) FROM notifier.messages
         WHERE id > %(message)s AND state IN ('planned', 'held') AND due_at <= %(now)s)
     + greatest(0, (SELECT count(*) FROM notifier.history WHERE id > %(history)s AND what = 'sent')
                 - (SELECT count(*) FROM booking_events.inbox
                     WHERE source = 'aftercare/notifier' AND handled_at > %(handled)s)) AS waiting
"""
# What a run with a bug in it has left under way for ever is not a later run's to wait for.
_SLATE = """
SELECT (SELECT coalesce(max(id), 0) FROM notifier.messages) AS message,
       (SELECT coalesce(max(id), 0) FROM notifier.history) AS history, clock_timestamp() AS handled,
       (SELECT coalesce(array_agg(p.patient_ref), '{}') FROM booking_events.patients p LEFT JOIN notifier.plans n
            ON n.subject = 'reminders:' || p.patient_ref WHERE p.plan_revision > coalesce(n.revision, 0)) AS lost
"""
_DUE = """
SELECT subject, key, state, wanted, reason, due_at::text, retry_at::text FROM notifier.messages
 WHERE outcome IS NULL AND (state IN ('sending', 'unknown') OR due_at <= %(now)s) LIMIT 5
"""


@dataclass
class World:
    """A running system, its clock, and everything it was told."""

    stack: Stack
    now: datetime
    publisher: Publisher
    published: list[str] = field(default_factory=list)
    tampered: int = 0
    slate: dict[str, object] = field(
        default_factory=lambda: {"message": 0, "history": 0, "handled": datetime.min.replace(tzinfo=UTC), "lost": []}
    )
    """Where the present run begins in the product's records."""
    _bug: tuple[str, str] | None = None
    _entries: list[dict] = field(default_factory=list)
    _reader: psycopg.AsyncConnection | None = None

    # Time.

    async def set_clock(self, now: datetime) -> None:
        """Move every process to a clinical time. The ledger gets a mark before and after."""
        self.now = max(self.now, now).astimezone(UTC)
        await self._mark()
        await self._persist("UPDATE demo.clock SET now = %(now)s", now=self.now)
        await asyncio.sleep(0.05)  # every process hears of it within milliseconds
        await self._mark()
        await self._persist("SELECT pg_notify('notifier_due', '')")

    async def _mark(self) -> None:
        await self.call("POST", "/sandbox/clock", {"now": self.now.isoformat()})

    # What goes in.

    async def publish(
        self, event_type: str, event_id: str, data: dict, *, again: int = 1, tampered: bool = False
    ) -> None:
        """Publish an event until the broker has confirmed it, ``again`` times over."""
        body = json.dumps(
            {
                "specversion": "1.0",
                "id": event_id,
                "source": SOURCE,
                "type": event_type,
                "time": self.now.isoformat(),
                "data": data,
            }
        ).encode()
        publication = Publication(routing_key=event_type, body=body, message_id=event_id, type=event_type)
        if tampered:
            self.tampered += again
        else:
            self.published.append(event_id)
        for _ in range(again):
            while True:
                try:
                    await self.publisher.publish(publication)
                    break
                except (DependencyUnavailableError, UnroutableError):
                    await self._until_broker_listens()

    async def _until_broker_listens(self) -> None:
        parts = urlsplit(self.stack.environment["AFTERCARE_AMQP_URL"])
        while True:
            await asyncio.sleep(0.2)
            with contextlib.suppress(OSError):
                _reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.close()
                return

    async def text_in(self, phone: str, body: str) -> None:
        """Let a patient text the clinic, and wait until that is kept."""
        sid = (await self.call("POST", "/sandbox/inbound", {"from": phone, "to": "+15005550006", "body": body}))["sid"]
        await self._until_none(
            "SELECT 1 - count(*) AS waiting FROM notifier.inbound WHERE provider_reference = %(sid)s", sid=sid
        )

    async def fault(self, kind: str, **wish: object) -> None:
        """Let something go wrong at the provider."""
        await self.call("POST", "/sandbox/faults", {"kind": kind, **wish})

    async def heal(self) -> None:
        """Let the provider work again."""
        await self.call("DELETE", "/sandbox/faults")

    # What is broken.

    def kill(self, name: str) -> None:
        """Kill a service with kill -9."""
        self.stack.processes[name].kill()

    def start(self, name: str) -> None:
        """Start a killed service, with the bug that is planted in it."""
        process = self.stack.processes[name]
        process.environment = dict(self.stack.environment)
        if self._bug is not None and self._bug[1] == name:
            process.environment |= {"AFTERCARE_MUTANT": self._bug[0], "PYTHONPATH": f"{MUTANTS}{os.pathsep}{ROOT}"}
        process.start()

    def restart(self, name: str) -> None:
        """Kill a service with kill -9 and start it again as it was."""
        self.kill(name)
        self.start(name)

    async def plant(self, bug: tuple[str, str] | None) -> None:
        """Plant a bug, named with its service, in place of the one that is there; begin with a clean slate."""
        before, self._bug = self._bug, bug
        for service in {planted[1] for planted in (before, bug) if planted and before != bug}:
            await asyncio.to_thread(self.restart, service)
            await until(partial(asyncio.to_thread, self.stack.processes[service].is_ready), what=f"{service} ready")
        await self.heal()
        self.published.clear()
        await self.quiet(within=2)
        self.slate = (await self.rows(_SLATE))[0]

    async def restart_server(self, name: str) -> None:
        """Kill the broker or the database with kill -9, and bring it back."""
        assert self.stack.servers is not None
        server = getattr(self.stack.servers, name)
        await asyncio.to_thread(server.kill)
        for attempt in range(10):
            try:
                await asyncio.to_thread(server.start)
                break
            except ServersUnavailableError:
                # The database's own children outlive it for a moment, and it does not start beside them.
                if attempt == 9:
                    raise
                await asyncio.sleep(0.2)

    @asynccontextmanager
    async def held_up(self, table: str) -> AsyncIterator[None]:
        """Let nobody write to a table until the block ends."""
        url = self.stack.environment["AFTERCARE_DATABASE_URL"]
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            yield

    # What can be seen.

    async def taken_in(self, *, within: float = 40.0) -> Violation | None:
        """Wait until all that was published has taken effect."""
        return await self._until_none(_NOT_TAKEN_IN, within=within, ids=self.published)

    async def certain_from(self) -> float:
        """Return the moment from which on nothing may leave that does not know what was taken in."""
        calls = await self.rows("SELECT 1 FROM notifier.messages WHERE state = 'sending' AND outcome IS NULL")
        return time.time() + (_IN_FLIGHT_S if calls else 0.0)

    async def quiet(self, *, within: float = 40.0) -> Violation | None:
        """Wait until nothing is under way and everything due was decided, twice in a row."""
        for _ in range(2):
            stuck = await self.taken_in(within=within) or await self._until_none(
                _UNDECIDED, within=within, now=self.now
            )
            if stuck:
                return stuck
            await asyncio.sleep(0.05)
        return None

    async def until_accepted(self, phones: Iterable[str], number: int) -> None:
        """Wait until the provider has accepted that many texts to some phones."""

        async def enough() -> bool:
            return len([text for text in await self.texts() if text.to in phones]) >= number

        await until(enough, what=f"{number} accepted texts")

    async def texts(self) -> list[Text]:
        """Return every text that the provider accepted, and when it was asked for."""
        self._entries += (await self.call("GET", f"/sandbox/ledger?after={len(self._entries)}"))["entries"]
        return _texts_of(self._entries)

    async def accounts(self) -> list[Violation]:
        """Compare the product's records with the ledger: every message has one outcome, every text one record."""
        rows = await self.rows("SELECT subject, key, outcome, provider_reference, expires_at FROM notifier.messages")
        found = [
            Violation("no outcome", f"{row['subject']} {row['key']}")
            for row in rows
            if row["outcome"] is None and row["expires_at"] <= self.now
        ]
        accepted = [entry["sid"] for entry in self._entries if entry["kind"] == "accepted"]
        recorded = [row["provider_reference"] for row in rows if row["outcome"] in ("sent", "unknown")]
        found += [Violation("not recorded", sid) for sid in set(accepted) - set(recorded)]
        found += [Violation("never sent", sid) for sid in set(recorded) - set(accepted) - {None}]
        found += await self._verified()
        letters = await self.rows("SELECT queue, reason FROM console.dead_letters ORDER BY id")
        if [row["queue"] for row in letters] != [BOOKING_EVENTS] * self.tampered:
            found.append(Violation("dead letters", f"{self.tampered} expected, {letters}"))
        return found

    async def _verified(self) -> list[Violation]:
        """Check what ``aftercare verify`` checks, once every loop has had its turn since the clock's last leap."""
        deadline = time.monotonic() + 15
        broken: list[Violation] = []
        for invariant in INVARIANTS:
            while rows := await self.rows(invariant.violations, now=self.now):
                if time.monotonic() > deadline:
                    broken += [Violation("verify", f"not so: {invariant.sentence}: {row}") for row in rows[:2]]
                    break
                await asyncio.sleep(0.2)
        return broken

    async def rows(self, query: str, **values: object) -> list[dict]:
        """Read from the product's database, across its restarts."""
        while True:
            try:
                if self._reader is None:
                    url = self.stack.environment["AFTERCARE_DATABASE_URL"]
                    self._reader = await psycopg.AsyncConnection.connect(
                        url, autocommit=True, row_factory=dict_row, connect_timeout=3
                    )
                cursor = await self._reader.execute(query.encode(), values or None)
                return await cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                await self.close_reader()
                await asyncio.sleep(0.1)

    async def _persist(self, query: str, **values: object) -> None:
        await self.rows(query, **values)

    async def _until_none(self, query: str, *, within: float = 40.0, **values: object) -> Violation | None:
        deadline = time.monotonic() + within
        while True:
            waiting = (await self.rows(query, **self.slate, **values))[0]["waiting"]
            if not waiting:
                return None
            if time.monotonic() > deadline:
                due = await self.rows(_DUE, now=self.now)
                return Violation("stuck", f"{waiting} still under way after {within:.0f} s; due: {due}")
            await asyncio.sleep(0.03)

    async def call(self, method: str, path: str, body: object = None) -> dict:
        """Ask the sandbox's routes for people."""
        request = urllib.request.Request(
            self.stack.addresses["sandbox"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        text = await asyncio.to_thread(_answer, request)
        return json.loads(text) if text else {}

    async def close_reader(self) -> None:
        """Close the connection that reads."""
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(psycopg.Error):
                await reader.close()


def _answer(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=10) as answer:
        content: bytes = answer.read()
        return content


def _texts_of(entries: list[dict]) -> list[Text]:
    """Read the ledger: between the two marks of a step of the clock, a text may belong to either time."""
    texts = []
    asked: dict[str, tuple[float, datetime, datetime]] = {}
    earliest = latest = datetime.min.replace(tzinfo=UTC)
    for entry in entries:
        if entry["kind"] == "clock":
            told = datetime.fromisoformat(entry["at"])
            earliest, latest = latest if told != latest else told, told
        elif entry["kind"] == "create":
            asked[entry["to"]] = (datetime.fromisoformat(entry["wall"]).timestamp(), earliest, latest)
        elif entry["kind"] == "accepted":
            moment, low, high = asked[entry["to"]]
            texts.append(Text(entry["to"], entry["body"], moment, low, high))
    return texts


@asynccontextmanager
async def open_world(home: Path, begin: datetime) -> AsyncIterator[World]:
    """Start everything, with servers of its own, and stop it again."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AFTERCARE_AMQP_URL", "AFTERCARE_DATABASE_URL"):
            patch.delenv(name, raising=False)
        for name, port in zip(_PORTS, _free_ports(len(_PORTS)), strict=True):
            patch.setenv(name, str(port))
        stack = await asyncio.to_thread(
            start_stack,
            home,
            sandbox=True,
            clock="demo",
            throwaway=True,
            before_services=lambda url: asyncio.run(_prepare(url, begin)),
            extra=_QUICK,
        )
    library = logging.getLogger("aiormq")
    before = library.level
    library.setLevel(logging.CRITICAL)  # that the broker is away is no news here
    publisher = Publisher(stack.environment["AFTERCARE_AMQP_URL"], name=SOURCE)
    world = World(stack, begin, publisher)
    try:
        await world.set_clock(begin)
        yield world
    finally:
        await world.close_reader()
        await publisher.close()
        await asyncio.to_thread(stack.stop)
        library.setLevel(before)


async def _prepare(url: str, begin: datetime) -> None:
    await set_demo_clock(url, begin)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        # A throwaway server forgets its last commits when it is killed, which no production server may.
        await connection.execute("ALTER DATABASE postgres SET synchronous_commit = on")


def morning_after(now: datetime, *, weekday: int = 0) -> datetime:
    """Return the next such weekday, 15:00 UTC: morning in New York and Phoenix, before the window in Honolulu."""
    day = now + timedelta(days=(weekday - now.weekday()) % 7 or 7)
    return day.replace(hour=15, minute=0, second=0, microsecond=0)
