"""What people ask about a patient, and what each service did about it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.types.json import Jsonb

from shared.messages.patient import PatientRequest
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

_KEPT_FOR = timedelta(days=1)
Kind = Literal["export", "erase", "correct"]


async def record(
    connection: Connection,
    request: PatientRequest,
    kind: Kind,
    *,
    now: datetime,
    counts: Mapping[str, int] | None = None,
    content: bytes | None = None,
) -> None:
    """Write down that a request was done; ``counts`` says how many rows of what it touched."""
    await connection.execute(
        """INSERT INTO patient_requests (request_id, kind, clinic_id, patient_ref, who, done_at, counts, content)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (request_id) DO NOTHING""",
        (
            request.request_id,
            kind,
            request.clinic_id,
            request.patient_ref,
            request.who,
            now,
            Jsonb(dict(counts or {})),
            content,
        ),
    )


async def record_export(
    connection: Connection, sealer: Sealer, request: PatientRequest, content: Mapping[str, Any], *, now: datetime
) -> None:
    """Keep what a service knows of a patient, sealed, until it is fetched."""
    counts = {name: len(rows) for name, rows in content.items() if isinstance(rows, list)}
    sealed = sealer.seal(json.dumps(content, default=str, ensure_ascii=False), place=_place(request.request_id))
    await record(connection, request, "export", now=now, counts=counts, content=sealed)


async def is_done(connection: Connection, request_id: str) -> dict[str, int] | None:
    """Return what a service counted when it did its part; None while it has not."""
    cursor = await connection.execute("SELECT counts FROM patient_requests WHERE request_id = %s", (request_id,))
    row = await cursor.fetchone()
    return dict(row["counts"]) if row else None


async def fetch_export(connection: Connection, sealer: Sealer, request_id: str) -> dict[str, Any]:
    """Return an export, once: afterwards only the record of it stays."""
    cursor = await connection.execute(
        "SELECT content FROM patient_requests WHERE request_id = %s AND content IS NOT NULL", (request_id,)
    )
    row = await cursor.fetchone()
    if row is None:
        return {}
    content: dict[str, Any] = json.loads(sealer.open(row["content"], place=_place(request_id)))
    await connection.execute("UPDATE patient_requests SET content = NULL WHERE request_id = %s", (request_id,))
    return content


async def forget_exports(connection: Connection, *, now: datetime) -> int:
    """Drop exports that nobody has fetched within a day; the records of them stay. Return how many that were."""
    cursor = await connection.execute(
        "UPDATE patient_requests SET content = NULL WHERE content IS NOT NULL AND done_at < %s", (now - _KEPT_FOR,)
    )
    return cursor.rowcount


def _place(request_id: str) -> str:
    return f"patient_requests.content:{request_id}"
