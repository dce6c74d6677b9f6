"""``aftercare patient export|erase|set REF``: ask every service about one patient, and wait for what they did."""

import asyncio
import getpass
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from pydantic import ValidationError

from cli.environment import needed, running_system
from shared.broker.publisher import Publication, Publisher
from shared.kernel.errors import ConfigurationError, DependencyUnavailableError
from shared.kernel.ids import new_id
from shared.messages.base import WireModel
from shared.messages.catalogue import CATALOGUE
from shared.messages.envelope import describe, wrap
from shared.messages.patient import CORRECT, ERASE, EXPORT
from shared.postgres import patient_requests
from shared.postgres.database import connect
from shared.postgres.sealing import Sealer, parse_sealing_keys

_EVERY_SERVICE = ("booking_events", "notifier", "followup")
_PARTS = {EXPORT: _EVERY_SERVICE, ERASE: _EVERY_SERVICE, CORRECT: ("booking_events",)}
_WITHIN_S = 30.0
_DETAILS = ("phone", "email", "given_name", "language", "time_zone")
_CONSENTS = ("reminders", "checkins", "email")
_FIND = """SELECT DISTINCT a.patient_ref, a.clinic_id FROM booking_events.appointments_v1 a
            WHERE a.patient_ref = %(ref)s OR a.booking_id = %(ref)s"""

_OPEN_CASES = "SELECT case_id FROM followup.cases_v1 WHERE patient_ref = %s AND status <> 'closed'"


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("action", choices=("export", "erase", "set"))
    parser.add_argument("ref", help="a patient's reference, or the id of one of their bookings")
    parser.add_argument("--by", default=getpass.getuser(), help="who asks; kept with the request")
    parser.add_argument("--to", type=Path, help="where an export is written; by default it is printed")
    parser.add_argument("--yes", action="store_true", help="erase without asking again")
    for name in _DETAILS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name)
    parser.add_argument(
        "--consent", action="append", default=[], metavar="KIND=yes|no", help=f"KIND: {', '.join(_CONSENTS)}"
    )


async def patient(arguments: Namespace) -> int:
    """Publish the request, wait until every service has recorded that it did its part, and say what that was."""
    system = running_system()
    patient_ref, clinic_id = await _find(system, arguments.ref)
    kind = {"export": EXPORT, "erase": ERASE, "set": CORRECT}[arguments.action]
    request_id = new_id()
    about = {"clinic_id": clinic_id, "patient_ref": patient_ref, "request_id": request_id, "who": arguments.by}
    request = _request(kind, about | (_corrections(arguments) if kind == CORRECT else {}))
    if kind == ERASE:
        await _refuse_with_open_case(system, patient_ref)
    if kind == ERASE and not arguments.yes:
        await _ask_again(patient_ref)
    await _publish(system, kind, request, patient_ref)
    done = await _wait(system, _PARTS[kind], request_id)
    if kind == EXPORT:
        await write_export(arguments.to, await _collect(system, _PARTS[kind], request_id))
    for service, counts in done.items():
        said = ", ".join(f"{count} {name}" for name, count in counts.items()) or "done"
        sys.stderr.write(f"{service}: {said}\n")
    sys.stderr.write(f"recorded as request {request_id}\n")
    return 0


async def _find(system: Mapping[str, str], ref: str) -> tuple[str, str]:
    url = needed(system, "AFTERCARE_DATABASE_URL")
    async with await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        rows = await (await connection.execute(_FIND, {"ref": ref})).fetchall()
    if len(rows) != 1:
        raise ConfigurationError(f"{ref}: {'leads to several patients' if rows else 'nobody is known under that'}")
    return rows[0]["patient_ref"], rows[0]["clinic_id"]


async def _refuse_with_open_case(system: Mapping[str, str], patient_ref: str) -> None:
    url = needed(system, "AFTERCARE_DATABASE_URL")
    async with await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        rows = await (await connection.execute(_OPEN_CASES, (patient_ref,))).fetchall()
    if rows:
        raise ConfigurationError(f"{rows[0]['case_id']}: this safety case is open; close it first")


def _corrections(arguments: Namespace) -> dict[str, Any]:
    consent = {}
    for text in arguments.consent:
        kind, _, answer = text.partition("=")
        if kind not in _CONSENTS or answer not in ("yes", "no"):
            raise ConfigurationError(f"--consent: KIND=yes or KIND=no, where KIND is one of {', '.join(_CONSENTS)}")
        consent[kind] = answer == "yes"
    return {name: getattr(arguments, name) for name in _DETAILS if getattr(arguments, name)} | {"consent": consent}


def _request(kind: str, content: dict[str, Any]) -> WireModel:
    try:
        return CATALOGUE[kind].payload.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(describe(error.errors(include_input=False, include_url=False))) from None


async def _ask_again(patient_ref: str) -> None:
    sys.stderr.write(f"Everything that {patient_ref} said, and how they are reached, will be gone. Type erase: ")
    if (await asyncio.to_thread(sys.stdin.readline)).strip() != "erase":
        raise ConfigurationError("nothing was erased")


async def _publish(system: Mapping[str, str], kind: str, request: WireModel, subject: str) -> None:
    envelope = wrap(kind, request, source="aftercare/cli", now=datetime.now(UTC), subject=subject)
    publisher = Publisher(needed(system, "AFTERCARE_AMQP_URL"), name="patient")
    try:
        await publisher.publish(
            Publication(routing_key=kind, body=envelope.to_bytes(), message_id=envelope.id, type=kind)
        )
    finally:
        await publisher.close()


async def _wait(system: Mapping[str, str], services: tuple[str, ...], request_id: str) -> dict[str, dict[str, int]]:
    deadline = time.monotonic() + _WITHIN_S
    done: dict[str, dict[str, int]] = {}
    while len(done) < len(services):
        for service in services:
            async with await connect(needed(system, "AFTERCARE_DATABASE_URL"), schema=service) as connection:
                counts = await patient_requests.is_done(connection, request_id)
            if counts is not None:
                done[service] = counts
        if len(done) < len(services) and time.monotonic() > deadline:
            late = ", ".join(service for service in services if service not in done)
            waited = f"not done after {_WITHIN_S:.0f} s"
            raise DependencyUnavailableError(f"{late}: {waited}. Request {request_id}; see `aftercare dlq list`")
        await asyncio.sleep(0.1)
    return {service: done[service] for service in services}


async def _collect(system: Mapping[str, str], services: tuple[str, ...], request_id: str) -> dict[str, Any]:
    sealer = Sealer(parse_sealing_keys(needed(system, "AFTERCARE_SEALING_KEYS")))
    content = {}
    for service in services:
        async with await connect(needed(system, "AFTERCARE_DATABASE_URL"), schema=service) as connection:
            content[service] = await patient_requests.fetch_export(connection, sealer, request_id)
    return content


async def write_export(to: Path | None, content: dict[str, Any]) -> None:
    """Print an export, or write it where only its owner reads it."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if to is None:
        sys.stdout.write(text)
        return

    def write() -> None:
        to.touch(mode=0o600)
        to.chmod(0o600)  # one that was there already may have been open to everybody
        to.write_text(text, encoding="utf-8")

    await asyncio.to_thread(write)
