"""Safety cases and their clocks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.followup.domain.case import Case
from shared.postgres.database import Connection

_COLUMNS = """case_id, clinic_id, thread, patient_ref, tier, rules, opened_at, clock_at, step, paged, acknowledged_at,
    acknowledged_by, closed_at, texted_at, texted_tier, automatic_text, is_drill, traceparent"""


async def open_of(connection: Connection, clinic_id: str, thread: str) -> Case | None:
    """Lock and return the open case of a patient or number."""
    cursor = await connection.execute(
        f"""SELECT {_COLUMNS} FROM cases WHERE clinic_id = %s AND thread = %s AND closed_at IS NULL AND NOT is_drill
             FOR UPDATE""",  # noqa: S608 - constant
        (clinic_id, thread),
    )
    row = await cursor.fetchone()
    return _case(row) if row else None


async def find(connection: Connection, case_id: str) -> Case | None:
    """Lock and return a case."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM cases WHERE case_id = %s FOR UPDATE",  # noqa: S608 - constant
        (case_id,),
    )
    row = await cursor.fetchone()
    return _case(row) if row else None


async def waiting_for(connection: Connection, clinic_id: str, person: str) -> list[Case]:
    """Lock and return the cases that a person was paged about and nobody has, the one paged about last at the end."""
    cursor = await connection.execute(
        f"""SELECT {_COLUMNS} FROM cases WHERE clinic_id = %s AND %s = ANY(paged)
               AND closed_at IS NULL AND acknowledged_at IS NULL
             ORDER BY last_paged_at NULLS FIRST, opened_at FOR UPDATE""",  # noqa: S608 - constant
        (clinic_id, person),
    )
    return [_case(row) for row in await cursor.fetchall()]


async def taken_lately(connection: Connection, clinic_id: str, person: str, *, since: datetime) -> Case | None:
    """Return the case that a person was paged about last, if somebody has it."""
    cursor = await connection.execute(
        f"""SELECT {_COLUMNS} FROM cases WHERE clinic_id = %s AND %s = ANY(paged) AND acknowledged_at IS NOT NULL
               AND last_paged_at > %s ORDER BY last_paged_at DESC LIMIT 1""",  # noqa: S608 - constant
        (clinic_id, person, since),
    )
    row = await cursor.fetchone()
    return _case(row) if row else None


async def has_open(connection: Connection, clinic_id: str, thread: str, tiers: Sequence[str]) -> bool:
    """Return whether a patient has an open case of one of the tiers, or may be the one who wrote into one."""
    cursor = await connection.execute(
        """SELECT 1 FROM cases c WHERE clinic_id = %(clinic)s AND closed_at IS NULL AND NOT is_drill
              AND tier = ANY(%(tiers)s)
              AND (thread = %(thread)s OR EXISTS (
                  SELECT FROM case_words w WHERE w.case_id = c.case_id AND %(thread)s = ANY(w.candidates)))""",
        {"clinic": clinic_id, "thread": thread, "tiers": list(tiers)},
    )
    return await cursor.fetchone() is not None


async def insert(
    connection: Connection,
    case: Case,
    *,
    acknowledge_by: datetime | None,
    next_page_at: datetime | None,
    shift_starts_at: datetime | None = None,
) -> bool:
    """Open a case; return False if one stands open already."""
    cursor = await connection.execute(
        """INSERT INTO cases (case_id, clinic_id, thread, patient_ref, tier, rules, opened_at, clock_at, acknowledge_by,
                next_page_at, is_drill, shift_starts_at, traceparent)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (
            case.case_id,
            case.clinic_id,
            case.thread,
            case.patient_ref,
            case.tier,
            list(case.rules),
            case.opened_at,
            case.clock_at,
            acknowledge_by,
            next_page_at,
            case.is_drill,
            shift_starts_at,
            case.traceparent,
        ),
    )
    return cursor.rowcount > 0


async def raise_tier(
    connection: Connection,
    case_id: str,
    *,
    tier: str,
    rules: Sequence[str],
    restarts: bool,
    clock_at: datetime,
    acknowledge_by: datetime | None,
    next_page_at: datetime | None,
    traceparent: str | None,
) -> None:
    """Add what came later to a case. ``restarts``: its clock runs anew, and nobody has it until they say so again."""
    await connection.execute(
        """UPDATE cases SET rules = %(rules)s, tier = %(tier)s,
                  clock_at = CASE WHEN %(restarts)s THEN %(clock)s ELSE clock_at END,
                  acknowledge_by = CASE WHEN %(restarts)s THEN %(by)s ELSE acknowledge_by END,
                  next_page_at = CASE WHEN %(restarts)s THEN %(page)s ELSE next_page_at END,
                  step = CASE WHEN %(restarts)s THEN 0 ELSE step END,
                  traceparent = CASE WHEN %(restarts)s THEN %(traceparent)s ELSE traceparent END,
                  acknowledged_at = CASE WHEN %(restarts)s THEN NULL ELSE acknowledged_at END,
                  acknowledged_by = CASE WHEN %(restarts)s THEN NULL ELSE acknowledged_by END
            WHERE case_id = %(id)s""",
        {
            "rules": list(rules),
            "tier": tier,
            "restarts": restarts,
            "clock": clock_at,
            "by": acknowledge_by,
            "page": next_page_at,
            "traceparent": traceparent,
            "id": case_id,
        },
    )


async def to_page(connection: Connection, *, now: datetime, limit: int) -> list[str]:
    """Return the cases whose next page is due."""
    cursor = await connection.execute(
        """SELECT case_id FROM cases WHERE next_page_at <= %s AND closed_at IS NULL AND acknowledged_at IS NULL
            ORDER BY next_page_at LIMIT %s""",
        (now, limit),
    )
    return [row["case_id"] for row in await cursor.fetchall()]


async def find_to_page(connection: Connection, case_id: str, *, now: datetime) -> Case | None:
    """Lock and return a case if its next page is still due; another process that has it in hand is not waited for."""
    cursor = await connection.execute(
        f"""SELECT {_COLUMNS} FROM cases WHERE case_id = %s AND next_page_at <= %s AND closed_at IS NULL
               AND acknowledged_at IS NULL FOR UPDATE SKIP LOCKED""",  # noqa: S608 - constant
        (case_id, now),
    )
    row = await cursor.fetchone()
    return _case(row) if row else None


async def note_page(
    connection: Connection,
    case_id: str,
    *,
    step: int,
    people: Sequence[str],
    now: datetime,
    next_page_at: datetime | None,
) -> None:
    """Remember who was paged, and when to page again."""
    await connection.execute(
        """UPDATE cases SET step = %s, next_page_at = %s, last_paged_at = %s,
                  paged = (SELECT coalesce(array_agg(DISTINCT name), '{}') FROM unnest(paged || %s::text[]) AS name)
            WHERE case_id = %s""",
        (step, next_page_at, now, list(people), case_id),
    )


async def tell_more_at(connection: Connection, case_id: str, *, now: datetime, every: timedelta) -> datetime | None:
    """Return when the one who has a case is to be told of more, and remember it; None while that is still ahead.

    At once if they have not been told since they took it on, else in a distance to the last time.
    """
    cursor = await connection.execute(
        """UPDATE cases SET last_paged_at = CASE WHEN last_paged_at > acknowledged_at
                                                 THEN greatest(%(now)s, last_paged_at + %(every)s) ELSE %(now)s END
            WHERE case_id = %(id)s AND coalesce(last_paged_at, 'epoch') <= %(now)s RETURNING last_paged_at""",
        {"now": now, "every": every, "id": case_id},
    )
    row = await cursor.fetchone()
    at: datetime | None = row["last_paged_at"] if row else None
    return at


async def acknowledge(connection: Connection, case_id: str, *, who: str, now: datetime) -> bool:
    """Let a named person take a case on; return False if somebody has it already."""
    cursor = await connection.execute(
        """UPDATE cases SET acknowledged_at = %s, acknowledged_by = %s, next_page_at = NULL
            WHERE case_id = %s AND acknowledged_at IS NULL AND closed_at IS NULL""",
        (now, who, case_id),
    )
    return cursor.rowcount > 0


async def close(connection: Connection, case_id: str, *, who: str, disposition: str, now: datetime) -> bool:
    """Close a case; return False if it is closed already (S-6)."""
    cursor = await connection.execute(
        """UPDATE cases SET closed_at = %(now)s, closed_by = %(who)s, disposition = %(disposition)s,
                  next_page_at = NULL, acknowledged_at = coalesce(acknowledged_at, %(now)s),
                  acknowledged_by = coalesce(acknowledged_by, %(who)s)
            WHERE case_id = %(id)s AND closed_at IS NULL""",
        {"now": now, "who": who, "disposition": disposition, "id": case_id},
    )
    return cursor.rowcount > 0


async def note_text(
    connection: Connection, case_id: str, outcome: str, *, tier: str | None, at: datetime | None
) -> None:
    """Remember what became of the automatic text to the patient."""
    await connection.execute(
        """UPDATE cases SET automatic_text = %s, texted_at = coalesce(%s, texted_at),
                  texted_tier = coalesce(%s, texted_tier) WHERE case_id = %s""",
        (outcome, at, tier, case_id),
    )


async def page_now(connection: Connection, case_id: str, *, now: datetime) -> None:
    """Page the next person at once, unless a case is paged about no more."""
    await connection.execute(
        "UPDATE cases SET next_page_at = %(now)s WHERE case_id = %(id)s AND next_page_at > %(now)s",
        {"now": now, "id": case_id},
    )


async def test_page_answered(connection: Connection, clinic_id: str, shift_starts_at: datetime) -> bool:
    """Return whether somebody answered the test page of a shift."""
    cursor = await connection.execute(
        """SELECT 1 FROM cases WHERE is_drill AND clinic_id = %s AND shift_starts_at = %s
              AND acknowledged_at IS NOT NULL AND disposition IS DISTINCT FROM 'not_reached_handed_on'""",
        (clinic_id, shift_starts_at),
    )
    return await cursor.fetchone() is not None


async def stale_drills(connection: Connection, clinic_id: str, *, but: datetime) -> list[str]:
    """Return the open test pages of other shifts."""
    cursor = await connection.execute(
        """SELECT case_id FROM cases WHERE is_drill AND clinic_id = %s AND closed_at IS NULL
              AND shift_starts_at <> %s""",
        (clinic_id, but),
    )
    return [row["case_id"] for row in await cursor.fetchall()]


async def oldest_waiting_s(connection: Connection, *, now: datetime) -> float:
    """Return for how many seconds the longest waiting case has waited to be taken on; S3 waits for its day's end."""
    cursor = await connection.execute(
        """SELECT extract(epoch FROM %s - min(clock_at))::float8 AS seconds FROM cases
            WHERE closed_at IS NULL AND acknowledged_at IS NULL AND tier <> 'S3' AND NOT is_drill""",
        (now,),
    )
    row = await cursor.fetchone()
    return max(0.0, row["seconds"]) if row and row["seconds"] is not None else 0.0


def _case(row: dict[str, Any]) -> Case:
    return Case(**{**row, "rules": tuple(row["rules"]), "paged": tuple(row["paged"])})
