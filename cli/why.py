"""``aftercare why REF``: one timeline of all that happened, from every service's published views."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from cli.environment import needed, running_system
from shared.clinics.file import load_clinics
from shared.kernel.contact import parse_phone
from shared.kernel.errors import ConfigurationError
from shared.postgres.sealing import Sealer, parse_sealing_keys

_PATIENTS_OF = """
SELECT DISTINCT patient_ref FROM (
    SELECT patient_ref FROM booking_events.appointments_v1 WHERE booking_id = %(ref)s OR patient_ref = %(ref)s
    UNION ALL SELECT patient_ref FROM notifier.messages_v1 WHERE provider_reference = %(ref)s OR patient_ref = %(ref)s
    UNION ALL SELECT patient_ref FROM notifier.timeline_v1 WHERE provider_reference = %(ref)s
    UNION ALL SELECT patient_ref FROM booking_events.timeline_v1 WHERE booking_id = %(ref)s
) AS found WHERE patient_ref IS NOT NULL"""
_PATIENTS_WITH_NUMBER = """SELECT DISTINCT patient_ref FROM notifier.recipients
                            WHERE number = ANY(%s) AND patient_ref IS NOT NULL"""
_EVENTS = """
SELECT at, 0 AS service, position, clinic_id, 'booking_events' AS who, what, coalesce(booking_id || ': ', '')
       || coalesce(detail, '') AS detail
  FROM booking_events.timeline_v1 WHERE patient_ref = %(ref)s
UNION ALL
SELECT at, 1, position, clinic_id, 'notifier', what, coalesce(key || ' ', '') || coalesce('(' || detail || ')', '')
  FROM notifier.timeline_v1 WHERE patient_ref = %(ref)s
UNION ALL
SELECT at, 2, position, clinic_id, 'followup', what, detail FROM followup.timeline_v1 WHERE patient_ref = %(ref)s
ORDER BY at, service, position"""
_UPCOMING = """
SELECT key, purpose, channel, state, wanted, due_at, send_at, expires_at, reason, clinic_id
  FROM notifier.upcoming_v1 WHERE patient_ref = %s ORDER BY send_at"""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one patient."""

    patient_ref: str
    events: list[DictRow]
    upcoming: list[DictRow]


async def why(ref: str) -> int:
    """Print the timeline of every patient that a reference leads to; return 1 if it leads to none."""
    system = running_system()
    zones = _zones(system)
    async with await AsyncConnection[DictRow].connect(
        needed(system, "AFTERCARE_DATABASE_URL"), autocommit=True, row_factory=dict_row
    ) as connection:
        await connection.execute("SET default_transaction_read_only = on")
        refs = await _patients(connection, ref, system)
        for patient_ref in refs:
            _print(await _story(connection, patient_ref), zones)
    if not refs:
        sys.stdout.write("Nothing is known under that reference: no booking event with it has been taken in.\n")
        sys.stdout.write("If the feed sent one, it may be unreadable: `./aftercare dlq list`.\n")
    return 0 if refs else 1


async def _patients(connection: AsyncConnection[DictRow], ref: str, system: Mapping[str, str]) -> list[str]:
    phone = parse_phone(ref) if ref.startswith("+") else None
    if phone is not None:
        sealer = Sealer(parse_sealing_keys(needed(system, "AFTERCARE_SEALING_KEYS")))
        cursor = await connection.execute(_PATIENTS_WITH_NUMBER, (sealer.lookups(phone.e164),))
    else:
        cursor = await connection.execute(_PATIENTS_OF, {"ref": ref})
    return sorted(row["patient_ref"] for row in await cursor.fetchall())


async def _story(connection: AsyncConnection[DictRow], patient_ref: str) -> Story:
    events = await (await connection.execute(_EVENTS, {"ref": patient_ref})).fetchall()
    upcoming = await (await connection.execute(_UPCOMING, (patient_ref,))).fetchall()
    return Story(patient_ref, events, upcoming)


def _zones(system: Mapping[str, str]) -> dict[str, ZoneInfo]:
    try:
        clinics = load_clinics(Path(needed(system, "AFTERCARE_CONFIG")))
    except ConfigurationError:
        return {}
    return {clinic_id: clinic.zone for clinic_id, clinic in clinics.clinics.items()}


def _print(story: Story, zones: Mapping[str, ZoneInfo]) -> None:
    rows = story.events or story.upcoming
    zone = zones.get(rows[0]["clinic_id"], ZoneInfo("UTC")) if rows else ZoneInfo("UTC")
    sys.stdout.write(f"{story.patient_ref}   (times in {zone})\n")
    for event in story.events:
        sys.stdout.write(
            f"  {_spell(event['at'], zone)}  {event['who']:<15} {event['what']:<24} {event['detail'] or ''}\n"
        )
    if story.upcoming:
        sys.stdout.write("  still to come\n")
    for row in story.upcoming:
        sys.stdout.write(f"  {_spell(row['due_at'], zone)}  {row['key']:<50} {_standing(row)}\n")
    sys.stdout.write("\n")


def _standing(row: Mapping[str, Any]) -> str:
    if not row["wanted"]:
        return "no longer wanted: will not be sent"
    if row["state"] == "held":
        return f"held: {row['reason']}"
    return str(row["state"]) + (f" ({row['reason']})" if row["reason"] else "")


def _spell(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %b %d %H:%M:%S}"
