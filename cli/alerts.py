"""``aftercare alerts``: the safety cases that wait for a person; take one on, or close it."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from cli.environment import needed, running_system
from shared.broker.publisher import Publication, Publisher
from shared.kernel.errors import ConfigurationError
from shared.messages.base import WireModel
from shared.messages.envelope import wrap
from shared.messages.safety import ACKNOWLEDGE, CLOSE, AcknowledgeCase, CloseCase, Disposition

_OPEN = """SELECT case_id, clinic_id, patient_ref, tier, rules, status, opened_at, acknowledge_by, acknowledged_by,
                  automatic_text, paged
             FROM followup.cases_v1
            WHERE status <> 'closed' AND NOT is_drill
            ORDER BY status = 'acknowledged', array_position(ARRAY['S1', 'M', 'S2', 'S3'], tier), opened_at"""
_ONE = """SELECT clinic_id, status, acknowledged_by, closed_by, disposition
            FROM followup.cases_v1 WHERE case_id = %s"""
_TAKES_EFFECT_WITHIN_S = 10.0


async def list_alerts() -> int:
    """Print every case that is not closed, the gravest first; return 1 while one waits for a person."""
    async with await _connect() as connection:
        cases = await (await connection.execute(_OPEN)).fetchall()
    for case in cases:
        sys.stdout.write(f"{_line(case)}\n")
    if not cases:
        sys.stdout.write("no open case\n")
    return 1 if any(case["status"] == "open" for case in cases) else 0


async def acknowledge_alert(case_id: str, who: str | None) -> int:
    """Take a case on in a person's name, and wait until it has taken effect."""
    who = _named(who)
    clinic_id = await _clinic_of(case_id)
    await _command(ACKNOWLEDGE, AcknowledgeCase(clinic_id=clinic_id, case=case_id, who=who))
    case = await _wait(case_id, ("acknowledged", "closed"))
    if case is None:
        return 1
    if case["acknowledged_by"] != who:
        sys.stdout.write(f"{case['acknowledged_by']} has {case_id} already\n")
        return 1
    sys.stdout.write(f"{case_id} is {who}'s now; nobody else is paged\n")
    return 0


async def close_alert(case_id: str, who: str | None, disposition: str | None) -> int:
    """Close a case in a person's name, with what became of it."""
    who = _named(who)
    if disposition not in list(Disposition):
        raise ConfigurationError(f"--disposition: one of {', '.join(Disposition)}")
    clinic_id = await _clinic_of(case_id)
    command = CloseCase(clinic_id=clinic_id, case=case_id, who=who, disposition=Disposition(disposition))
    await _command(CLOSE, command)
    case = await _wait(case_id, ("closed",))
    if case is None:
        return 1
    sys.stdout.write(f"{case_id} is closed: {case['disposition']}, by {case['closed_by']}\n")
    return 0


def _named(who: str | None) -> str:
    if not who or not who.strip():
        raise ConfigurationError('--as: a case is taken on and closed by a named person, for example --as "Dr. Osei"')
    return who.strip()


async def _connect() -> AsyncConnection[DictRow]:
    url = needed(running_system(), "AFTERCARE_DATABASE_URL")
    return await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row)


async def _clinic_of(case_id: str) -> str:
    async with await _connect() as connection:
        row = await (await connection.execute(_ONE, (case_id,))).fetchone()
    if row is None:
        raise ConfigurationError(f"there is no case {case_id}: `./aftercare alerts list` shows the open ones")
    clinic_id: str = row["clinic_id"]
    return clinic_id


async def _command(message_type: str, data: WireModel) -> None:
    envelope = wrap(message_type, data, source="aftercare/cli", now=datetime.now(UTC))
    publisher = Publisher(needed(running_system(), "AFTERCARE_AMQP_URL"), name="alerts")
    try:
        await publisher.publish(
            Publication(routing_key=message_type, body=envelope.to_bytes(), message_id=envelope.id, type=message_type)
        )
    finally:
        await publisher.close()


async def _wait(case_id: str, wanted: tuple[str, ...]) -> DictRow | None:
    """Return the case once followup has done it: a command that only lies in a queue has not reached anybody."""
    deadline = time.monotonic() + _TAKES_EFFECT_WITHIN_S
    async with await _connect() as connection:
        while time.monotonic() < deadline:
            row = await (await connection.execute(_ONE, (case_id,))).fetchone()
            if row is not None and row["status"] in wanted:
                return row
            await asyncio.sleep(0.1)
    sys.stderr.write("the command is on the queue, but followup has not taken it yet: is it running?\n")
    return None


def _line(case: dict[str, Any]) -> str:
    by = case["acknowledged_by"]
    standing = f"{by} has it" if by else f"waits, paged: {', '.join(case['paged']) or 'nobody yet'}"
    until = f", by {case['acknowledge_by']:%a %b %d %H:%M} UTC" if case["acknowledge_by"] and not by else ""
    return (
        f"{case['case_id']}  {case['tier']}  {case['clinic_id']}  {case['patient_ref'] or 'unknown number'}  "
        f"since {case['opened_at']:%a %b %d %H:%M} UTC  {', '.join(case['rules'])}  {standing}{until}"
    )
