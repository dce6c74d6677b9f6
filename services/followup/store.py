"""The SQL of followup: one function per statement."""

from datetime import datetime

from shared.messages.reply import MessageReceived
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer


async def save_reply(
    connection: Connection, sealer: Sealer, reply: MessageReceived, *, task_id: str | None, now: datetime
) -> bool:
    """Keep a reply; return False if it was kept before."""
    cursor = await connection.execute(
        """INSERT INTO replies (provider_reference, clinic_id, patient_ref, content, handled_as, received_at, kept_at,
                task_id)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (
            reply.provider_reference,
            reply.clinic_id,
            reply.patient_ref,
            sealer.seal(reply.text, place=f"replies.content:{reply.provider_reference}"),
            reply.handled_as,
            reply.received_at,
            now,
            task_id,
        ),
    )
    return cursor.rowcount > 0
