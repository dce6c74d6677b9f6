"""Texts that came in, and whose they may be."""

import json
from collections.abc import Sequence
from datetime import datetime

from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer


async def save_inbound(
    connection: Connection,
    sealer: Sealer,
    *,
    provider_reference: str,
    clinic_id: str,
    phone: str,
    sender: str,
    text: str,
    media: int,
    handled_as: str,
    now: datetime,
) -> bool:
    """Keep an inbound text; return False if it was kept before."""
    content = sealer.seal(json.dumps({"from": phone, "text": text}), place=f"inbound.content:{provider_reference}")
    cursor = await connection.execute(
        """INSERT INTO inbound (provider_reference, clinic_id, number, sender, content, media, handled_as, received_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (provider_reference, clinic_id, sealer.lookup(phone), sender, content, media, handled_as, now),
    )
    return cursor.rowcount > 0


async def patients_with_number(connection: Connection, numbers: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return the patients, as clinic and reference, who have one of these numbers; the last heard of first."""
    cursor = await connection.execute(
        """SELECT clinic_id, patient_ref FROM recipients WHERE number = ANY(%s) AND patient_ref IS NOT NULL
            ORDER BY as_of DESC, recipient_id""",
        (list(numbers),),
    )
    return [(row["clinic_id"], row["patient_ref"]) for row in await cursor.fetchall()]
