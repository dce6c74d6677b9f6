"""Everything here that is about one patient: to be shown to them, or to be forgotten."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notifier.store.rows import body_place, contact_place
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

_NOBODY: dict[str, Any] = {"phone": None, "email": None, "language": "en", "time_zone": "UTC", "consent": {}}


async def messages_of_patient(
    connection: Connection, sealer: Sealer, clinic_id: str, patient_ref: str
) -> list[dict[str, Any]]:
    """Return every message to a patient with what it said, where that is still kept."""
    cursor = await connection.execute(
        """SELECT m.id, m.subject, m.key, m.channel, m.purpose, m.state, m.outcome, m.reason, m.receipt, m.send_at,
                  m.ended_at, m.provider_reference, b.template, b.template_values
             FROM messages m LEFT JOIN message_bodies b ON b.message_id = m.id
            WHERE m.clinic_id = %s AND m.patient_ref = %s ORDER BY m.id""",
        (clinic_id, patient_ref),
    )
    found = []
    for row in await cursor.fetchall():
        message = dict(row)
        sealed = message.pop("template_values")
        message["values"] = json.loads(sealer.open(sealed, place=body_place(row["id"]))) if sealed else None
        found.append(message)
    return found


async def texts_of_numbers(connection: Connection, sealer: Sealer, numbers: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return every text that came from a number."""
    cursor = await connection.execute(
        """SELECT provider_reference, received_at, handled_as, media, content FROM inbound
            WHERE number = ANY(%s) ORDER BY received_at""",
        (list(numbers),),
    )
    found = []
    for row in await cursor.fetchall():
        text = dict(row)
        content = json.loads(sealer.open(text.pop("content"), place=_inbound_place(row["provider_reference"])))
        found.append({**text, "text": content["text"]})
    return found


async def closings_of_numbers(connection: Connection, numbers: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return what was closed for a number."""
    cursor = await connection.execute(
        "SELECT kind, since, how FROM suppressions WHERE number = ANY(%s) ORDER BY since", (list(numbers),)
    )
    return [dict(row) for row in await cursor.fetchall()]


async def open_messages_of(connection: Connection, clinic_id: str, patient_ref: str) -> tuple[list[int], int]:
    """Lock a patient's messages that have no outcome; return those that wait, and how many are under way."""
    cursor = await connection.execute(
        """SELECT id, state FROM messages WHERE clinic_id = %s AND patient_ref = %s AND outcome IS NULL
            ORDER BY id FOR UPDATE""",
        (clinic_id, patient_ref),
    )
    rows = await cursor.fetchall()
    waiting = [row["id"] for row in rows if row["state"] in ("planned", "held")]
    return waiting, len(rows) - len(waiting)


async def forget_messages(connection: Connection, clinic_id: str, patient_ref: str) -> int:
    """Forget what messages to a patient said and where they went; keys and outcomes stay."""
    cursor = await connection.execute(
        """DELETE FROM message_bodies USING messages m
            WHERE m.id = message_bodies.message_id AND m.clinic_id = %s AND m.patient_ref = %s""",
        (clinic_id, patient_ref),
    )
    await connection.execute(
        "UPDATE messages SET number = NULL WHERE clinic_id = %s AND patient_ref = %s", (clinic_id, patient_ref)
    )
    return cursor.rowcount


async def forget_recipients(
    connection: Connection, sealer: Sealer, recipient_ids: Sequence[str], *, now: datetime
) -> None:
    """Forget how recipients are reached; an older snapshot cannot bring it back."""
    for recipient_id in recipient_ids:
        await connection.execute(
            "UPDATE recipients SET contact = %s, number = NULL, as_of = %s WHERE recipient_id = %s",
            (sealer.seal(json.dumps(_NOBODY), place=contact_place(recipient_id)), now, recipient_id),
        )


async def forget_texts(connection: Connection, sealer: Sealer, numbers: Sequence[bytes]) -> int:
    """Forget what came from a number; that something came stays, so that no sweep takes it in again."""
    cursor = await connection.execute(
        "SELECT provider_reference FROM inbound WHERE number = ANY(%s) FOR UPDATE", (list(numbers),)
    )
    references = [row["provider_reference"] for row in await cursor.fetchall()]
    for reference in references:
        nothing = sealer.seal(json.dumps({"from": None, "text": ""}), place=_inbound_place(reference))
        await connection.execute(
            "UPDATE inbound SET content = %s, number = '' WHERE provider_reference = %s", (nothing, reference)
        )
    return len(references)


def _inbound_place(provider_reference: str) -> str:
    return f"inbound.content:{provider_reference}"
