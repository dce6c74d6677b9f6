"""Everything here that is about one patient: to be shown to them, or to be forgotten."""

from typing import Any

from psycopg import sql

from services.followup.store.written import place_of_text
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

_TABLES = ("infusions", "checkins", "scores", "cases", "staff_tasks", "history")


async def rows_of_patient(connection: Connection, patient_ref: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row about a patient that can be read without a key, and their answers."""
    found = {}
    for table in _TABLES:
        cursor = await connection.execute(
            sql.SQL("SELECT * FROM {} WHERE patient_ref = %s").format(sql.Identifier(table)), (patient_ref,)
        )
        found[table] = [dict(row) for row in await cursor.fetchall()]
    cursor = await connection.execute(
        "SELECT a.* FROM answers a JOIN checkins c USING (checkin_id) WHERE c.patient_ref = %s ORDER BY a.received_at",
        (patient_ref,),
    )
    return {**found, "answers": [dict(row) for row in await cursor.fetchall()]}


async def replies_of_patient(connection: Connection, sealer: Sealer, patient_ref: str) -> list[dict[str, Any]]:
    """Return what a patient wrote and how it was read."""
    cursor = await connection.execute(
        """SELECT provider_reference, received_at, handled_as, reading, belongs_to, content FROM replies
            WHERE patient_ref = %s ORDER BY received_at""",
        (patient_ref,),
    )
    found = []
    for row in await cursor.fetchall():
        reply = dict(row)
        place = place_of_text(row["provider_reference"])
        found.append({**reply, "content": sealer.open_text(row["content"], place=place)})
    return found


async def count_open_cases(connection: Connection, patient_ref: str) -> int:
    """Count the safety cases of a patient that nobody has closed."""
    cursor = await connection.execute(
        "SELECT count(*) AS n FROM cases WHERE patient_ref = %s AND closed_at IS NULL", (patient_ref,)
    )
    row = await cursor.fetchone()
    assert row is not None
    cases: int = row["n"]
    return cases


async def forget_patient(connection: Connection, patient_ref: str) -> int:
    """Forget how a patient is reached, their check-ins, answers and scores; return how many check-ins that were."""
    await connection.execute("UPDATE patients SET contact = NULL WHERE patient_ref = %s", (patient_ref,))
    cursor = await connection.execute("DELETE FROM checkins WHERE patient_ref = %s", (patient_ref,))
    await connection.execute("DELETE FROM scores WHERE patient_ref = %s", (patient_ref,))
    return cursor.rowcount


async def forget_replies(connection: Connection, sealer: Sealer, patient_ref: str) -> int:
    """Forget what a patient wrote; that something came stays, so that nothing is read twice."""
    cursor = await connection.execute(
        "SELECT provider_reference FROM replies WHERE patient_ref = %s FOR UPDATE", (patient_ref,)
    )
    references = [row["provider_reference"] for row in await cursor.fetchall()]
    for reference in references:
        await connection.execute(
            "UPDATE replies SET content = %s, phone = NULL WHERE provider_reference = %s",
            (sealer.seal("", place=place_of_text(reference)), reference),
        )
    return len(references)
