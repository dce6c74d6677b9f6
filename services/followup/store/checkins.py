"""Check-ins, answers and scores."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.followup.domain.checkin import Answer, CheckIn, Status
from services.followup.domain.schedule import Moment
from shared.messages.checkin import Score
from shared.postgres.database import Connection
from shared.postgres.side_by_side import ask
from shared.postgres.unit_of_work import UnitOfWork

_COLUMNS = """checkin_id, clinic_id, patient_ref, infusion_id, moment, status, due_at, useless_at,
    instrument AS instrument_name, version, language, item, asked_at, sent_at, first_sent_at, nudged, clarified,
    handed_over, next_at, ended_at, reason"""
_ANSWER = """a.item, a.value, a.value_to, a.confidence, a.provider_reference, a.received_at, a.latency_s,
    a.last_said_at"""
_SAVE = """INSERT INTO checkins (checkin_id, clinic_id, patient_ref, infusion_id, moment, status, due_at, useless_at,
             instrument, version, language, item, asked_at, sent_at, first_sent_at, nudged, clarified, handed_over,
             next_at, ended_at, reason)
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
             %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::int[], %s::timestamptz[],
             %s::timestamptz[], %s::timestamptz[], %s::boolean[], %s::boolean[], %s::boolean[], %s::timestamptz[],
             %s::timestamptz[], %s::text[])
        ON CONFLICT (checkin_id) DO UPDATE SET status = excluded.status, due_at = excluded.due_at,
             useless_at = excluded.useless_at, instrument = excluded.instrument, version = excluded.version,
             language = excluded.language, item = excluded.item, asked_at = excluded.asked_at,
             sent_at = excluded.sent_at, first_sent_at = excluded.first_sent_at, nudged = excluded.nudged,
             clarified = excluded.clarified, handed_over = excluded.handed_over, next_at = excluded.next_at,
             ended_at = excluded.ended_at, reason = excluded.reason"""
"""Takes the fields of `CheckIn`, in their order."""


async def of_patients(connection: Connection, patient_refs: Sequence[str], *, since: datetime) -> list[CheckIn]:
    """Return the check-ins that are not over, or ended after ``since``, the newest first."""
    rows = await ask(
        connection,
        f"""SELECT {_COLUMNS}, place
              FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS asked(patient_ref, since, place)
              JOIN checkins USING (patient_ref)
             WHERE ended_at IS NULL OR ended_at > since ORDER BY due_at DESC""",  # noqa: S608 - constant
        [(ref, since) for ref in dict.fromkeys(patient_refs)],
    )
    return [_checkin(row) for row in rows]


async def with_answers_of_patients(
    connection: Connection, patient_refs: Sequence[str], *, since: datetime
) -> list[tuple[CheckIn, dict[int, Answer]]]:
    """Return what `of_patients` does, each with its answers by item."""
    found, rows = await asyncio.gather(
        of_patients(connection, patient_refs, since=since),
        ask(
            connection,
            f"""SELECT place, checkin_id, {_ANSWER}
                  FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS asked(patient_ref, since, place)
                  JOIN checkins USING (patient_ref) JOIN answers a USING (checkin_id)
                 WHERE ended_at IS NULL OR ended_at > since""",  # noqa: S608 - constant
            [(ref, since) for ref in dict.fromkeys(patient_refs)],
        ),
    )
    answers: dict[str, dict[int, Answer]] = defaultdict(dict)
    for row in rows:
        answers[row["checkin_id"]][row["item"]] = _answer(row)
    return [(checkin, answers[checkin.checkin_id]) for checkin in found]


async def find(connection: Connection, checkin_id: str) -> CheckIn | None:
    """Lock and return a check-in."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM checkins WHERE checkin_id = %s FOR UPDATE",  # noqa: S608 - constant
        (checkin_id,),
    )
    row = await cursor.fetchone()
    return _checkin(row) if row else None


async def due(connection: Connection, *, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Return the check-ins that the ticker has to look at, with their patients, the longest overdue first."""
    cursor = await connection.execute(
        "SELECT checkin_id, patient_ref FROM checkins WHERE next_at <= %s ORDER BY next_at LIMIT %s", (now, limit)
    )
    return [(row["checkin_id"], row["patient_ref"]) for row in await cursor.fetchall()]


async def put_off(connection: Connection, checkin_ids: Sequence[str], *, now: datetime, until: datetime) -> None:
    """Look later at those check-ins that are still due."""
    await connection.execute(
        "UPDATE checkins SET next_at = %s WHERE checkin_id = ANY(%s) AND next_at <= %s", (until, list(checkin_ids), now)
    )


async def save(connection: Connection, checkins: Sequence[CheckIn]) -> None:
    """Write check-ins as they now stand."""
    await ask(connection, _SAVE, [_row(checkin) for checkin in checkins])


async def answers_of(connection: Connection, checkin_id: str) -> dict[int, Answer]:
    """Return a check-in's answers by item."""
    rows = await ask(
        connection,
        f"""SELECT place, {_ANSWER}
              FROM unnest(%s::text[]) WITH ORDINALITY AS asked(checkin_id, place)
              JOIN answers a USING (checkin_id)""",  # noqa: S608 - constant
        [(checkin_id,)],
    )
    return {row["item"]: _answer(row) for row in rows}


async def save_answer(connection: Connection, checkin_id: str, answer: Answer) -> None:
    """Write an answer; the value that it replaces is kept beside it."""
    await ask(
        connection,
        """INSERT INTO answers (checkin_id, item, value, value_to, confidence, provider_reference, received_at,
                latency_s, last_said_at)
           SELECT * FROM unnest(%s::text[], %s::int[], %s::float8[], %s::float8[], %s::float8[], %s::text[],
                %s::timestamptz[], %s::float8[], %s::timestamptz[])
           ON CONFLICT (checkin_id, item) DO UPDATE SET value = excluded.value, value_to = excluded.value_to,
                confidence = excluded.confidence, provider_reference = excluded.provider_reference,
                received_at = excluded.received_at, last_said_at = excluded.last_said_at,
                replaced = answers.replaced || jsonb_build_array(jsonb_build_object(
                    'value', answers.value, 'provider_reference', answers.provider_reference))""",
        [(checkin_id, *_row(answer))],
    )


async def note_said_again(connection: Connection, checkin_id: str, item: int, *, at: datetime) -> None:
    """Remember that the same value was said once more."""
    await connection.execute(
        """UPDATE answers SET last_said_at = greatest(last_said_at, %s) WHERE checkin_id = %s AND item = %s""",
        (at, checkin_id, item),
    )


def save_score(
    unit: UnitOfWork,
    *,
    score_id: str,
    clinic_id: str,
    patient_ref: str,
    taken_by: str,
    moment: str | None,
    instrument: str,
    version: str,
    items: Sequence[float | None] | None,
    score: Score,
    at: datetime,
) -> None:
    """Keep a score when the transaction ends; scoring the same again replaces it."""
    unit.write_at_the_end(
        """INSERT INTO scores (score_id, clinic_id, patient_ref, taken_by, moment, instrument, version, items, score,
                total, at)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::jsonb[], %s::jsonb[], %s::float8[], %s::timestamptz[])
           ON CONFLICT (score_id) DO UPDATE SET items = excluded.items, score = excluded.score, total = excluded.total,
                instrument = excluded.instrument, at = excluded.at""",
        (
            score_id,
            clinic_id,
            patient_ref,
            taken_by,
            moment,
            instrument,
            version,
            Jsonb(list(items)) if items is not None else None,
            Jsonb(score.model_dump(mode="json")),
            score.total,
            at,
        ),
    )


async def baseline_of(connection: Connection, patient_ref: str, instruments: Sequence[str]) -> DictRow | None:
    """Return the clinic's newest assessment from before the first infusion, else its oldest one."""
    rows = await ask(
        connection,
        """SELECT place, baseline.*
             FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS asked(patient_ref, instruments, place)
            CROSS JOIN LATERAL (SELECT min(started_at) AS at FROM infusions i
                                 WHERE i.patient_ref = asked.patient_ref) AS first
            CROSS JOIN LATERAL (
                SELECT instrument, items, total FROM scores s
                 WHERE s.patient_ref = asked.patient_ref AND taken_by = 'clinic'
                   AND instrument = ANY(string_to_array(instruments, ' '))
                 ORDER BY s.at <= first.at DESC NULLS LAST,
                       extract(epoch FROM s.at) * CASE WHEN s.at <= first.at THEN -1 ELSE 1 END
                 LIMIT 1) AS baseline""",
        [(patient_ref, " ".join(instruments))],
    )
    return rows[0] if rows else None


async def previous_total(
    connection: Connection, patient_ref: str, instruments: Sequence[str], *, before: datetime, but: str
) -> DictRow | None:
    """Return the newest earlier score on one of the instruments: its total, band and time."""
    rows = await ask(
        connection,
        """SELECT place, previous.*
             FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[]) WITH ORDINALITY
                    AS asked(patient_ref, instruments, before, but, place)
            CROSS JOIN LATERAL (
                SELECT total, score ->> 'band' AS band, at FROM scores s
                 WHERE s.patient_ref = asked.patient_ref AND instrument = ANY(string_to_array(instruments, ' '))
                   AND at < before AND score_id <> but AND total IS NOT NULL
                 ORDER BY at DESC LIMIT 1) AS previous""",
        [(patient_ref, " ".join(instruments), before, but)],
    )
    return rows[0] if rows else None


async def last_endings(connection: Connection, patient_ref: str, *, limit: int) -> list[str | None]:
    """Return why the patient's last asked check-ins ended, the newest first; None for an answered one."""
    cursor = await connection.execute(
        """SELECT reason FROM checkins WHERE patient_ref = %s AND first_sent_at IS NOT NULL AND ended_at IS NOT NULL
            ORDER BY ended_at DESC LIMIT %s""",
        (patient_ref, limit),
    )
    return [row["reason"] for row in await cursor.fetchall()]


def _checkin(row: DictRow) -> CheckIn:
    values = {field.name: row[field.name] for field in fields(CheckIn)}
    return CheckIn(**{**values, "moment": Moment(row["moment"]), "status": Status(row["status"])})


def _answer(row: DictRow) -> Answer:
    return Answer(*(row[field.name] for field in fields(Answer)))


def _row(kept: CheckIn | Answer) -> tuple[Any, ...]:
    return tuple(getattr(kept, field.name) for field in fields(kept))
