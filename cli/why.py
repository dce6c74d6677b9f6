"""``aftercare why REF``: one timeline of all that happened, by the console's own questions."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cli.environment import needed, running_system
from services.console import queries
from services.console.domain import words
from services.console.handlers.look_up import patients_behind
from shared.clinics.file import load_clinics
from shared.kernel.errors import ConfigurationError
from shared.postgres.database import Connection, connect
from shared.postgres.sealing import Sealer, parse_sealing_keys


async def why(ref: str) -> int:
    """Print the timeline of every patient that a reference leads to; return 1 if it leads to none."""
    system = running_system()
    sealer = Sealer(parse_sealing_keys(needed(system, "AFTERCARE_SEALING_KEYS")))
    zones = _zones(system)
    async with await connect(needed(system, "AFTERCARE_DATABASE_URL"), schema="console") as connection:
        refs = await patients_behind(connection, sealer, ref)
        for patient_ref in refs:
            await _tell(connection, patient_ref, zones)
    if not refs:
        sys.stdout.write("Nothing is known under that reference: no booking event with it has been taken in.\n")
        sys.stdout.write("If the feed sent one, it may be unreadable: `./aftercare dlq list`.\n")
    return 0 if refs else 1


async def _tell(connection: Connection, patient_ref: str, zones: Mapping[str, ZoneInfo]) -> None:
    events = await queries.timeline(connection, patient_ref)
    upcoming = await queries.upcoming_of(connection, patient_ref)
    own = await queries.zone_of(connection, patient_ref)
    rows = events or upcoming
    zone = ZoneInfo(own) if own else zones.get(rows[0]["clinic_id"] if rows else "", ZoneInfo("UTC"))
    pauses = await queries.pauses(connection)
    barriers = words.barriers(await queries.bars_of(connection, patient_ref), upcoming, pauses, zone)
    _print(patient_ref, events, upcoming, zone, barriers)
    clinics = {row["clinic_id"] for row in rows}
    for clinic_id in sorted(clinics & pauses.keys()):
        sys.stdout.write(f"{clinic_id} is paused: its texts are held until `./aftercare resume {clinic_id}`\n\n")


def _zones(system: Mapping[str, str]) -> dict[str, ZoneInfo]:
    try:
        clinics = load_clinics(Path(needed(system, "AFTERCARE_CONFIG")))
    except ConfigurationError:
        return {}
    return {clinic_id: clinic.zone for clinic_id, clinic in clinics.clinics.items()}


def _print(
    patient_ref: str,
    events: Sequence[Mapping[str, Any]],
    upcoming: Sequence[Mapping[str, Any]],
    zone: ZoneInfo,
    barriers: Sequence[str],
) -> None:
    sys.stdout.write(f"{patient_ref}   (times in {zone})\n")
    for line in [*barriers, *words.in_short(events, upcoming, zone, is_barred=bool(barriers))]:
        sys.stdout.write(f"  {line}\n")
    sys.stdout.write("\n")
    for event in events:
        parts = (event["booking_id"], event["key"], f"({event['detail']})" if event["detail"] else None)
        detail = " ".join(part for part in parts if part)
        sys.stdout.write(f"  {_spell(event, 'at', zone)}  {event['who']:<15} {event['what']:<24} {detail}\n")
    if upcoming:
        sys.stdout.write("  still to come\n")
    for row in upcoming:
        sys.stdout.write(f"  {_spell(row, 'due_at', zone)}  {row['key']:<50} {_standing(row)}\n")
    sys.stdout.write("\n")


def _standing(row: Mapping[str, Any]) -> str:
    if not row["wanted"]:
        return "no longer wanted: will not be sent"
    if row["state"] == "held":
        return f"held: {row['reason']}"
    return str(row["state"]) + (f" ({row['reason']})" if row["reason"] else "")


def _spell(row: Mapping[str, Any], column: str, zone: ZoneInfo) -> str:
    return f"{row[column].astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
