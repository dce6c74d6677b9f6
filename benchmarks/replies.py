"""How fast a reply counts, and how fast a cry for help reaches a person: ``python -m benchmarks.replies``.

Every service runs as it does in production, a process each, on private servers that wait for the disk, with the sandbox
as the provider. Two parts:

1. Patients with an open question about their mood answer it, 100 a second, by signed webhooks from a process of their
   own; measured from when each text was due to leave until ``checkin.answered.v1`` is delivered to a queue of the
   measurement's own. Beside it, on the same servers, *the bare minimum*: a handler, one insert, one message.
2. While 10,000 reminders leave, patients write that they want to die; measured from the webhook until the provider has
   accepted the page to whoever is on call.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from benchmarks.crowd import Report, Wish, form_of_text
from benchmarks.measuring import ProcessorTime, in_words
from benchmarks.patients import ask_moods, patient_of, phone_of, plan_reminders
from cli.private_servers import ROOT
from cli.stack import Stack, start_stack
from sandbox.signature import sign
from shared.clinics.file import load_clinics
from shared.messages.checkin import ANSWERED
from shared.postgres.database import Database, connect_as_owner
from shared.postgres.sealing import Sealer, parse_sealing_keys
from shared.runtime.local_servers import LocalServers, start_local_servers

_WARM_UP = 100
_BARE_S = 8
_CRIES = 24
_CRIES_WITHIN_S = 40.0
_PAGED_WITHIN_S = 60.0
_SETTLED_WITHIN_S = 180.0
_CRY = "I want to kill myself tonight"


def main() -> int:
    """Measure both parts and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-second", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--reminders", type=int, default=10_000)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, start_local_servers(Path(folder), say=_say) as servers:
        os.environ["AFTERCARE_AMQP_URL"] = servers.addresses.amqp_url
        os.environ["AFTERCARE_DATABASE_URL"] = servers.addresses.database_url
        stack = start_stack(Path(folder) / "home", sandbox=True, say=_say)
        try:
            asyncio.run(Run(stack, servers, arguments.per_second, arguments.seconds, arguments.reminders).measure())
        finally:
            stack.stop()
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


class Run:
    """One run of both parts against one running system."""

    def __init__(self, stack: Stack, servers: LocalServers, per_second: float, seconds: float, reminders: int) -> None:
        self._stack = stack
        self._servers = servers
        self._per_second = per_second
        self._replies = int(per_second * seconds)
        self._reminders = reminders
        self._environment = stack.environment
        self._sealer = Sealer(parse_sealing_keys(self._environment["AFTERCARE_SEALING_KEYS"]))
        self._url = f"{self._environment['AFTERCARE_PUBLIC_URL']}/twilio/inbound"

    async def measure(self) -> None:
        """Measure the replies, the bare minimum, then the cries."""
        async with self._database("followup") as followup, self._database("notifier") as notifier:
            _say(f"making up {_WARM_UP + self._replies + _CRIES} patients with an open question")
            clinics = load_clinics(Path(self._environment["AFTERCARE_CONFIG"]))
            await ask_moods(followup, notifier, clinics, range(_WARM_UP + self._replies + _CRIES))
            await self._analyse()
            await self._idle()
            await self._reply(notifier)
            await self._bare()
            await self._cry(notifier, followup)

    def _database(self, schema: str) -> Database:
        return Database(self._environment["AFTERCARE_DATABASE_URL"], schema=schema, sealer=self._sealer, size=2)

    async def _analyse(self) -> None:
        """Let the database know what is in its tables, as one that runs for a while does by itself."""
        async with await connect_as_owner(self._environment["AFTERCARE_DATABASE_URL"]) as connection:
            await connection.execute("ANALYZE")

    async def _idle(self) -> None:
        await asyncio.sleep(5)  # for what starting has left to do
        before = self._processor({})
        await asyncio.sleep(5)
        _say(f"\nidle, processor time: {_shares(self._processor({}).since(before), 5)}")

    async def _reply(self, notifier: Database) -> None:
        await self._crowd(self._wish(range(_WARM_UP)))
        before = await _sent(notifier, "answer_reply")
        report, used, wall_s = await self._crowd(self._wish(range(_WARM_UP, _WARM_UP + self._replies)))
        sent = await _sent(notifier, "answer_reply")
        _say(f"\n{len(report.told)} of {self._replies} replies, {self._replies / report.sending_s:.0f} a second")
        _tell(report)
        _say(f"  processor time, of {os.cpu_count()} processors: {_shares(used, wall_s)}")
        _say(f"  milliseconds of a processor per reply: {_per_reply(used, self._replies)}")
        _say(f"  texts of thanks that had left by then: {sent - before}")
        late_s = await _until_sent(notifier, "answer_reply", _WARM_UP + self._replies)
        _say(f"  the last of them left {late_s:.1f} s later")

    async def _bare(self) -> None:
        command = [sys.executable, "-m", "benchmarks.bare_reply"]
        addresses = [self._environment["AFTERCARE_DATABASE_URL"], self._environment["AFTERCARE_AMQP_URL"]]
        server = await asyncio.create_subprocess_exec(*command, *addresses, stdout=subprocess.PIPE, cwd=ROOT)
        try:
            assert server.stdout is not None
            url = f"{(await server.stdout.readline()).decode().strip()}/twilio/inbound"
            count = int(self._per_second * _BARE_S)
            wish = replace(self._wish(()), url=url, phones={phone_of(n): phone_of(n) for n in range(count)})
            report, used, wall_s = await self._crowd(wish, {"bare minimum": server.pid})
        finally:
            server.terminate()
            await server.wait()
        _say(f"\nthe bare minimum: {len(report.told)} replies, {count / report.sending_s:.0f} a second")
        _tell(report)
        _say(f"  processor time: {_shares(used, wall_s)}")
        _say(f"  milliseconds of a processor per reply: {_per_reply(used, count)}")

    def _wish(self, numbers: Any) -> Wish:
        return Wish(
            url=self._url,
            account_sid=self._environment["TWILIO_ACCOUNT_SID"],
            auth_token=self._environment["TWILIO_AUTH_TOKEN"],
            amqp_url=self._environment["AFTERCARE_AMQP_URL"],
            event=ANSWERED,
            phones={patient_of(number): phone_of(number) for number in numbers},
            per_second=self._per_second,
        )

    async def _crowd(
        self, wish: Wish, beside: Mapping[str, int] | None = None
    ) -> tuple[Report, dict[str, float], float]:
        """Let a crowd text; return its report, and the processor's time and the time that passed meanwhile."""
        crowd = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.crowd",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            limit=2**26,
        )
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        pids = {"crowd": crowd.pid, **(beside or {})}
        before, started = self._processor(pids), time.monotonic()
        crowd.stdin.write(json.dumps(asdict(wish)).encode() + b"\n")
        # The report comes while the crowd still runs, so that its own time is not lost with it.
        line = await crowd.stdout.readline()
        used, wall_s = self._processor(pids).since(before), time.monotonic() - started
        crowd.stdin.close()
        await crowd.wait()
        return Report(**json.loads(line)), used, wall_s

    def _processor(self, beside: Mapping[str, int]) -> ProcessorTime:
        services = {name: process.child.pid for name, process in self._stack.processes.items() if process.child}
        assert self._servers.broker is not None
        assert self._servers.database is not None
        servers = {"RabbitMQ": self._servers.broker.pid, "PostgreSQL": self._servers.database.pid}
        return ProcessorTime.of({**services, **servers, **beside})

    async def _cry(self, notifier: Database, followup: Database) -> None:
        _say(f"\nplanning {self._reminders} reminders")
        first = 100_000
        await plan_reminders(notifier, range(first, first + self._reminders))
        await self._analyse()
        await _until_sent(notifier, "reminder_far", 200)
        before, started = await _sent(notifier, "reminder_far"), time.monotonic()
        chance = random.Random(7)  # noqa: S311 - moments, not secrets
        moments = sorted(chance.uniform(0, _CRIES_WITHIN_S) for _ in range(_CRIES))
        cried: dict[str, float] = {}
        usage = self._processor({})
        async with aiohttp.ClientSession() as session:
            texts = []
            for number, moment in zip(
                range(_WARM_UP + self._replies, _WARM_UP + self._replies + _CRIES), moments, strict=True
            ):
                await asyncio.sleep(max(0.0, started + moment - time.monotonic()))
                cried[patient_of(number)] = time.time()
                texts.append(asyncio.create_task(self._text(session, number)))
            await asyncio.gather(*texts)
        waits = await self._paged(followup, cried)
        took = time.monotonic() - started
        sent = await _sent(notifier, "reminder_far") - before
        _say(f"{len(waits)} of {_CRIES} cries for help were paged about, while {sent} reminders left in {took:.0f} s")
        _say(f"  from the webhook to the page at the provider: {in_words(waits)}")
        _say(f"  processor time: {_shares(self._processor({}).since(usage), took)}")
        _say(f"  reminders that were still due at the end: {self._reminders - before - sent}")

    async def _text(self, session: aiohttp.ClientSession, number: int) -> None:
        wish = replace(self._wish((number,)), text=_CRY)
        form = form_of_text(wish, patient_of(number), phone_of(number))
        headers = {"X-Twilio-Signature": sign(wish.auth_token, wish.url, form)}
        async with session.post(wish.url, data=form, headers=headers) as answer:
            assert answer.status == 200, answer.status

    async def _paged(self, followup: Database, cried: Mapping[str, float]) -> list[float]:
        """Return how long each patient's page took, by the sandbox's own ledger."""
        deadline = time.monotonic() + _PAGED_WITHIN_S
        while True:
            async with followup.connection() as connection:
                cursor = await connection.execute("SELECT case_id, patient_ref FROM cases WHERE NOT is_drill")
                patients = {row["case_id"]: row["patient_ref"] for row in await cursor.fetchall()}
            pages = self._pages(patients)
            if len(pages) >= len(cried) or time.monotonic() > deadline:
                return [at - cried[patient] for patient, at in pages.items()]
            await asyncio.sleep(0.5)

    def _pages(self, patients: Mapping[str, str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in Path(self._environment["SANDBOX_LEDGER"]).read_text(encoding="utf-8").splitlines():
            if '"accepted"' in line and "case-" in line:
                entry = json.loads(line)
                case = next((case for case in patients if f" {case} " in entry["body"]), None)
                if case is not None:
                    found.setdefault(patients[case], datetime.fromisoformat(entry["wall"]).timestamp())
        return found


async def _sent(notifier: Database, purpose: str) -> int:
    async with notifier.connection() as connection:
        cursor = await connection.execute(
            "SELECT count(*) AS n FROM messages WHERE purpose = %s AND outcome = 'sent'", (purpose,)
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row["n"])


async def _until_sent(notifier: Database, purpose: str, wanted: int) -> float:
    """Wait until so many texts of a purpose have left; return how long that took."""
    started = time.monotonic()
    async with asyncio.timeout(_SETTLED_WITHIN_S):
        while await _sent(notifier, purpose) < wanted:  # noqa: ASYNC110 - what is counted is rows of a database
            await asyncio.sleep(0.2)
    return time.monotonic() - started


def _tell(report: Report) -> None:
    _say(f"  from the webhook to the event on a queue: {in_words(report.told)}")
    if report.kept:
        _say(f"  until its transaction began:              {in_words(report.kept)}")
    _say(f"  until the webhook was answered:           {in_words(report.taken)}")
    if report.read:
        _say(f"  until the transaction that read it began: {in_words(report.read)}")
    _say(f"  late start of the texts themselves:       {in_words(report.left)}, {report.refused} refused")


def _shares(used: Mapping[str, float], seconds: float) -> str:
    ranked = sorted(used.items(), key=lambda item: -item[1])
    parts = [f"{name} {100 * value / seconds:.0f} %" for name, value in ranked if value / seconds >= 0.005]
    return f"{100 * sum(used.values()) / seconds:.0f} % = " + ", ".join(parts)


def _per_reply(used: Mapping[str, float], count: int) -> str:
    ranked = sorted(used.items(), key=lambda item: -item[1])
    parts = [f"{name} {1000 * value / count:.1f}" for name, value in ranked if value / count >= 0.00005]
    return f"{1000 * sum(used.values()) / count:.1f} = " + ", ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
