"""Small commands on a running system: migrate, publish, pause, resume."""

import asyncio
import getpass
import json
import sys
from pathlib import Path

from cli.environment import needed, running_system
from cli.stack import MIGRATIONS
from services.notifier.store import pauses
from shared.broker.connection import declare_on
from shared.broker.publisher import Publication, Publisher
from shared.clinics.file import load_clinics
from shared.kernel.errors import ConfigurationError
from shared.kernel.ids import digest
from shared.messages.booking import BOOKING_TYPES
from shared.postgres.database import connect
from shared.postgres.migrate import migrate


async def migrate_all() -> int:
    """Bring every schema up to date and declare the queues."""
    system = running_system()
    applied = await migrate(needed(system, "AFTERCARE_DATABASE_URL"), MIGRATIONS, say=print)
    await declare_on(needed(system, "AFTERCARE_AMQP_URL"))
    sys.stdout.write(f"{applied} migrations applied; queues declared\n")
    return 0


async def publish(event: str, file: Path, *, as_http: bool) -> int:
    """Publish a booking as a client of any language would: exchange, routing key and body."""
    event = event if event.endswith(".v1") else f"{event}.v1"
    if event not in BOOKING_TYPES:
        raise ConfigurationError(f"type: one of {', '.join(BOOKING_TYPES)}")
    try:
        body = json.dumps(json.loads(await asyncio.to_thread(file.read_text, encoding="utf-8"))).encode()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: not readable as JSON ({type(error).__name__})") from None
    if as_http:
        message = {"properties": {}, "routing_key": event, "payload": body.decode(), "payload_encoding": "string"}
        sys.stdout.write(json.dumps(message) + "\n")
        return 0
    publisher = Publisher(needed(running_system(), "AFTERCARE_AMQP_URL"), name="publish")
    try:
        await publisher.publish(
            Publication(routing_key=event, body=body, message_id=digest(event, body)[:32], type=event)
        )
    finally:
        await publisher.close()
    sys.stdout.write("published; the broker has it\n")
    return 0


async def pause(clinic_id: str) -> int:
    """Hold everything of a clinic but urgent texts."""
    system = running_system()
    _require_clinic(clinic_id, needed(system, "AFTERCARE_CONFIG"))
    connection = await connect(needed(system, "AFTERCARE_DATABASE_URL"), schema="notifier")
    async with connection:
        await pauses.pause_clinic(connection, clinic_id, cause="operator", who=getpass.getuser())
    sys.stdout.write(f"{clinic_id} is paused: its texts are held until `./aftercare resume {clinic_id}`\n")
    return 0


async def resume(clinic_id: str) -> int:
    """Let a paused clinic's texts go again, each judged anew."""
    system = running_system()
    _require_clinic(clinic_id, needed(system, "AFTERCARE_CONFIG"))
    connection = await connect(needed(system, "AFTERCARE_DATABASE_URL"), schema="notifier")
    async with connection:
        held = await pauses.resume_clinic(connection, clinic_id)
    sys.stdout.write(
        f"{clinic_id} sends again; {held} held {'message is' if held == 1 else 'messages are'} judged anew\n"
    )
    return 0


def _require_clinic(clinic_id: str, path: str) -> None:
    clinics = load_clinics(Path(path))
    if clinics.get(clinic_id) is None:
        raise ConfigurationError(f"no clinic {clinic_id!r} in {path}: one of {', '.join(sorted(clinics.clinics))}")
