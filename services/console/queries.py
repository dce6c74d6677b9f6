"""What the services publish, read for the pages: one function per statement, read-only."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import sql
from psycopg.rows import DictRow

from services.console.domain.figures import Alerts, Due, Minute, Outbox, Pause, Provider, TurnedAway
from shared.postgres.database import Connection

PAGE = 50
SERVICES = ("booking_events", "notifier", "followup")
_MOST_EVENTS = 400

_KIND_OF_OUTCOME = """CASE WHEN outcome = 'sent' AND receipt IN ('delivered', 'read') THEN 'delivered'
    WHEN outcome = 'sent' AND receipt IN ('undelivered', 'failed') THEN 'failed' ELSE outcome END"""


# Now.


async def due(connection: Connection, *, now: datetime) -> Due:
    """Return what is due and not sent, what is under way, and what is held because of what."""
    cursor = await connection.execute(
        """SELECT count(*) FILTER (WHERE wanted AND due_at <= %(now)s AND state IN ('planned', 'held')) AS due,
                  min(due_at) FILTER (WHERE wanted AND due_at <= %(now)s AND state IN ('planned', 'held')) AS oldest,
                  count(*) FILTER (WHERE state = 'sending') AS sending,
                  count(*) FILTER (WHERE state = 'unknown') AS unknown
             FROM notifier.upcoming_v1 WHERE due_at <= %(now)s OR state IN ('sending', 'unknown')""",
        {"now": now},
    )
    row = await cursor.fetchone()
    assert row is not None
    late = now - row["oldest"] if row["oldest"] else timedelta(0)
    return Due(row["due"], late, row["sending"], row["unknown"], await _held(connection))


async def _held(connection: Connection) -> dict[str, int]:
    cursor = await connection.execute(
        """SELECT coalesce(reason, '') AS reason, count(*) AS messages FROM notifier.upcoming_v1
            WHERE state = 'held' AND wanted GROUP BY 1 ORDER BY 2 DESC"""
    )
    return {row["reason"]: row["messages"] for row in await cursor.fetchall()}


async def outcomes(connection: Connection, *, since: datetime, step: timedelta) -> list[Minute]:
    """Return what became of messages since a time, in slices of ``step``."""
    cursor = await connection.execute(
        f"""SELECT date_bin(%(step)s, ended_at, 'epoch') AS at, {_KIND_OF_OUTCOME} AS kind, count(*) AS messages
              FROM notifier.messages_v1 WHERE ended_at >= %(since)s GROUP BY 1, 2 ORDER BY 1""",  # noqa: S608 - constant
        {"since": since, "step": step},
    )
    slices: dict[datetime, dict[str, int]] = {}
    for row in await cursor.fetchall():
        slices.setdefault(row["at"], {})[row["kind"]] = row["messages"]
    return [Minute(at, counts) for at, counts in slices.items()]


async def drops(connection: Connection, *, since: datetime) -> dict[str, int]:
    """Return why messages were dropped or failed since a time."""
    cursor = await connection.execute(
        """SELECT coalesce(reason, '') AS reason, count(*) AS messages FROM notifier.messages_v1
            WHERE ended_at >= %s AND outcome IN ('dropped', 'failed') GROUP BY 1 ORDER BY 2 DESC LIMIT 8""",
        (since,),
    )
    return {row["reason"]: row["messages"] for row in await cursor.fetchall()}


async def provider(connection: Connection) -> Provider:
    """Return how the provider has answered in the last quarter of an hour of the database's clock."""
    cursor = await connection.execute(
        """SELECT coalesce(result, 'under way') AS answer, count(*) AS times FROM notifier.attempts_v1
            WHERE started_at > clock_timestamp() - interval '15 minutes' GROUP BY 1 ORDER BY 2 DESC"""
    )
    answers = {row["answer"]: row["times"] for row in await cursor.fetchall()}
    cursor = await connection.execute(
        """SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP
                    (ORDER BY extract(epoch FROM answered_at - started_at)) AS took
             FROM notifier.attempts_v1
            WHERE started_at > clock_timestamp() - interval '15 minutes' AND answered_at IS NOT NULL"""
    )
    row = await cursor.fetchone()
    took = (row and row["took"]) or (None, None)
    cursor = await connection.execute(
        """SELECT result FROM notifier.attempts_v1
            WHERE started_at > clock_timestamp() - interval '15 minutes' AND result IS NOT NULL
            ORDER BY started_at DESC LIMIT 10"""
    )
    newest = [row["result"] for row in await cursor.fetchall()]
    return Provider(
        answers=answers,
        newest=newest,
        median_s=None if took[0] is None else float(took[0]),
        slow_s=None if took[1] is None else float(took[1]),
        pauses=await _paused_providers(connection),
    )


async def _paused_providers(connection: Connection) -> list[Pause]:
    cursor = await connection.execute(
        """SELECT scope, cause, clock_timestamp() - since AS lasts,
                  greatest(until - clock_timestamp(), interval '0') AS next_try
             FROM notifier.pauses_v1 WHERE scope NOT LIKE 'clinic:%' ORDER BY scope DESC"""
    )
    return [Pause(**row) for row in await cursor.fetchall()]


async def receipt_codes(connection: Connection, *, since: datetime) -> dict[str, int]:
    """Return the error codes of receipts since a time."""
    cursor = await connection.execute(
        """SELECT error_code, count(*) AS times FROM notifier.receipts_v1
            WHERE error_code IS NOT NULL AND received_at >= %s GROUP BY 1 ORDER BY 2 DESC LIMIT 6""",
        (since,),
    )
    return {row["error_code"]: row["times"] for row in await cursor.fetchall()}


async def paused_clinics(connection: Connection) -> list[Pause]:
    """Return the clinics whose messages are held until a person resumes them, and how many messages those are."""
    cursor = await connection.execute(
        """SELECT p.clinic_id AS scope, cause, clock_timestamp() - since AS lasts, paused_by AS who,
                  (SELECT count(*) FROM notifier.upcoming_v1 u
                    WHERE u.clinic_id = p.clinic_id AND u.state = 'held' AND u.reason = 'paused' AND u.wanted) AS held
             FROM (SELECT *, substr(scope, 8) AS clinic_id FROM notifier.pauses_v1) AS p
            WHERE scope LIKE 'clinic:%' ORDER BY 1"""
    )
    return [Pause(**row) for row in await cursor.fetchall()]


async def waiting_of_clinic(connection: Connection, clinic_id: str, *, until: datetime) -> int:
    """Return how many messages of a clinic are wanted until a time and not sent."""
    cursor = await connection.execute(
        """SELECT count(*) AS messages FROM notifier.upcoming_v1
            WHERE clinic_id = %s AND wanted AND state IN ('planned', 'held') AND due_at < %s""",
        (clinic_id, until),
    )
    row = await cursor.fetchone()
    return int(row["messages"]) if row else 0


async def feeds(connection: Connection) -> list[DictRow]:
    """Return each booking feed, when it was last heard of, and who has said since that it has ended."""
    cursor = await connection.execute(
        """SELECT f.clinic_id, f.source, f.heard_at, e.ended_by
             FROM booking_events.feeds_v1 f LEFT JOIN console.ended_feeds e
               ON e.clinic_id = f.clinic_id AND e.source = f.source AND e.ended_at >= f.heard_at"""
    )
    return await cursor.fetchall()


async def turned_away(connection: Connection, *, since: datetime) -> list[TurnedAway]:
    """Return the feeds' webhooks that have turned callers away since a time."""
    cursor = await connection.execute(
        """SELECT feed, reason, since, last_at FROM booking_events.turned_away_v1
            WHERE last_at >= %s ORDER BY last_at DESC""",
        (since,),
    )
    return [TurnedAway(**row) for row in await cursor.fetchall()]


async def outboxes(connection: Connection) -> list[Outbox]:
    """Return how far each service's outbox is behind, on the database's clock."""
    parts = [
        sql.SQL(
            """SELECT {name} AS service, waiting,
                      coalesce(clock_timestamp() - oldest_at, interval '0') AS oldest_for FROM {view}"""
        ).format(name=sql.Literal(service), view=sql.Identifier(service, "outbox_v1"))
        for service in (*SERVICES, "console")
    ]
    cursor = await connection.execute(sql.SQL(" UNION ALL ").join(parts))
    return [Outbox(row["service"], row["waiting"], row["oldest_for"]) for row in await cursor.fetchall()]


# Why.


async def patients_of_reference(connection: Connection, reference: str) -> list[str]:
    """Return the patients that a booking id, a patient's reference or a provider's reference leads to."""
    cursor = await connection.execute(
        """SELECT DISTINCT patient_ref FROM (
               SELECT patient_ref FROM booking_events.appointments_v1 WHERE booking_id = %(ref)s
               UNION ALL SELECT patient_ref FROM booking_events.appointments_v1 WHERE patient_ref = %(ref)s
               UNION ALL SELECT patient_ref FROM notifier.messages_v1 WHERE provider_reference = %(ref)s
               UNION ALL SELECT patient_ref FROM notifier.messages_v1 WHERE patient_ref = %(ref)s
               UNION ALL SELECT patient_ref FROM notifier.timeline_v1 WHERE provider_reference = %(ref)s
               UNION ALL SELECT patient_ref FROM booking_events.timeline_v1 WHERE booking_id = %(ref)s
               UNION ALL SELECT patient_ref FROM followup.timeline_v1 WHERE provider_reference = %(ref)s
               UNION ALL SELECT patient_ref FROM followup.cases_v1 WHERE case_id = %(ref)s
           ) AS found WHERE patient_ref IS NOT NULL LIMIT 20""",
        {"ref": reference},
    )
    return sorted(row["patient_ref"] for row in await cursor.fetchall())


async def patients_with_number(connection: Connection, numbers: Sequence[bytes]) -> list[str]:
    """Return the patients who have one of these numbers, given as keyed hashes."""
    cursor = await connection.execute(
        "SELECT DISTINCT patient_ref FROM notifier.recipients_v1 WHERE number = ANY(%s) ORDER BY 1 LIMIT 20",
        (list(numbers),),
    )
    return [row["patient_ref"] for row in await cursor.fetchall()]


async def timeline(connection: Connection, patient_ref: str) -> list[DictRow]:
    """Return what happened to a patient across all services, in order; of a very long story the newest part."""
    cursor = await connection.execute(
        """SELECT * FROM (
             SELECT at, 0 AS service, position, clinic_id, 'booking_events' AS who, what, detail, booking_id,
                    NULL AS key, NULL AS purpose, NULL AS channel, NULL AS provider_reference
               FROM booking_events.timeline_v1 WHERE patient_ref = %(ref)s
             UNION ALL
             SELECT at, 1, position, clinic_id, 'notifier', what, detail, NULL, key, purpose, channel,
                    provider_reference
               FROM notifier.timeline_v1 WHERE patient_ref = %(ref)s
             UNION ALL
             SELECT at, 2, position, clinic_id, 'followup', what, detail, NULL, NULL, NULL, NULL, NULL
               FROM followup.timeline_v1 WHERE patient_ref = %(ref)s
             ORDER BY at DESC, service DESC, position DESC LIMIT %(limit)s) AS newest
           ORDER BY at, service, position""",
        {"ref": patient_ref, "limit": _MOST_EVENTS},
    )
    return await cursor.fetchall()


async def upcoming_of(connection: Connection, patient_ref: str) -> list[DictRow]:
    """Return what a patient should still get."""
    cursor = await connection.execute(
        """SELECT key, purpose, channel, state, wanted, due_at, send_at, expires_at, reason, clinic_id
             FROM notifier.upcoming_v1 WHERE patient_ref = %s ORDER BY send_at""",
        (patient_ref,),
    )
    return await cursor.fetchall()


async def appointments_of(connection: Connection, patient_ref: str) -> list[DictRow]:
    """Return a patient's appointments."""
    cursor = await connection.execute(
        """SELECT clinic_id, source, booking_id, status, visit_kind, modality, starts_at
             FROM booking_events.appointments_v1 WHERE patient_ref = %s ORDER BY starts_at DESC LIMIT 40""",
        (patient_ref,),
    )
    return await cursor.fetchall()


async def bars_of(connection: Connection, patient_ref: str) -> list[DictRow]:
    """Return what keeps texts from a patient's number: opt-outs, and that it leads nowhere."""
    cursor = await connection.execute(
        """SELECT DISTINCT ON (kind) kind, how, since FROM notifier.barred_v1 WHERE patient_ref = %s
            ORDER BY kind, since DESC""",
        (patient_ref,),
    )
    return await cursor.fetchall()


async def pauses(connection: Connection) -> dict[str, Pause]:
    """Return every pause by its scope: a clinic's id, ``provider`` or ``email``."""
    return {pause.scope: pause for pause in [*await paused_clinics(connection), *await _paused_providers(connection)]}


async def zone_of(connection: Connection, patient_ref: str) -> str | None:
    """Return the time zone that a patient's texts follow."""
    cursor = await connection.execute(
        """SELECT time_zone FROM notifier.recipients_v1
            WHERE patient_ref = %s AND time_zone IS NOT NULL ORDER BY as_of DESC LIMIT 1""",
        (patient_ref,),
    )
    row = await cursor.fetchone()
    return row["time_zone"] if row else None


# Upcoming.


async def hours_ahead(connection: Connection, *, now: datetime, until: datetime) -> list[DictRow]:
    """Return how many wanted messages are due in each hour, by purpose."""
    cursor = await connection.execute(
        """SELECT date_trunc('hour', greatest(due_at, %(now)s)) AS hour, purpose, count(*) AS messages
             FROM notifier.upcoming_v1
            WHERE wanted AND state IN ('planned', 'held') AND due_at < %(until)s AND expires_at > %(now)s
            GROUP BY 1, 2 ORDER BY 1, 2""",
        {"now": now, "until": until},
    )
    return await cursor.fetchall()


async def unsendable(
    connection: Connection, *, after: tuple[datetime, str, str] | None, limit: int = PAGE, reason: str | None = None
) -> list[DictRow]:
    """Return a page of wanted messages that are held for more than the hour of the day, in order of their expiry."""
    at, subject, key = after or (None, None, None)
    cursor = await connection.execute(
        """SELECT clinic_id, patient_ref, subject, key, purpose, channel, reason, send_at, due_at, expires_at
             FROM notifier.upcoming_v1
            WHERE state = 'held' AND wanted AND reason NOT IN ('outside_window', 'busy_number', 'spacing', 'not_wanted')
              AND (%(reason)s::text IS NULL OR reason = %(reason)s)
              AND (%(at)s::timestamptz IS NULL OR (expires_at, subject, key) > (%(at)s, %(subject)s, %(key)s))
            ORDER BY expires_at, subject, key LIMIT %(limit)s""",
        {"at": at, "subject": subject, "key": key, "limit": limit + 1, "reason": reason},
    )
    return await cursor.fetchall()


async def lost_lately(connection: Connection, *, since: datetime, limit: int = PAGE) -> list[DictRow]:
    """Return wanted messages that ended without reaching anybody, the newest first."""
    cursor = await connection.execute(
        """SELECT clinic_id, patient_ref, subject, key, purpose, channel, outcome, reason, receipt, ended_at
             FROM notifier.messages_v1
            WHERE ended_at >= %s AND wanted
              AND (outcome IN ('failed', 'dropped', 'unknown') OR receipt IN ('undelivered', 'failed'))
            ORDER BY ended_at DESC LIMIT %s""",
        (since, limit + 1),
    )
    return await cursor.fetchall()


# Tasks. A task is open until its service, or a person here, says that it is done. The words behind one are shown to a
# clinician by followup itself: ``has_words`` is where it may have some.


async def open_tasks(connection: Connection, *, limit: int) -> list[DictRow]:
    """Return the tasks that nobody has finished, the most urgent first."""
    cursor = await connection.execute(
        sql.SQL("SELECT * FROM ({}) AS open ORDER BY due_by NULLS LAST, raised_at, task_id LIMIT {}").format(
            _OPEN_TASKS, sql.Literal(limit)
        )
    )
    return await cursor.fetchall()


async def open_tasks_of(connection: Connection, patient_ref: str) -> list[DictRow]:
    """Return what people are asked to do about a patient."""
    cursor = await connection.execute(
        sql.SQL("SELECT task_id, kind, due_by FROM ({}) AS open WHERE patient_ref = {} ORDER BY raised_at").format(
            _OPEN_TASKS, sql.Literal(patient_ref)
        )
    )
    return await cursor.fetchall()


async def count_tasks(connection: Connection, *, now: datetime) -> tuple[int, int]:
    """Return how many tasks are open, and how many of them are overdue."""
    cursor = await connection.execute(
        sql.SQL("SELECT count(*) AS open, count(*) FILTER (WHERE due_by < {}) AS late FROM ({}) AS open").format(
            sql.Literal(now), _OPEN_TASKS
        )
    )
    row = await cursor.fetchone()
    return (row["open"], row["late"]) if row else (0, 0)


async def find_task(connection: Connection, task_id: str) -> DictRow | None:
    """Return a task, finished or not, and who finished it."""
    cursor = await connection.execute(
        sql.SQL(
            """SELECT t.*, f.how, f.finished_by, f.finished_at
                 FROM ({}) AS t LEFT JOIN console.finished_tasks f ON f.task_id = t.task_id WHERE t.task_id = {}"""
        ).format(_TASKS, sql.Literal(task_id))
    )
    return await cursor.fetchone()


async def find_reply(connection: Connection, provider_reference: str) -> DictRow | None:
    """Return which question was open when a reply came, and what it was read as. Its words are not published."""
    cursor = await connection.execute(
        "SELECT * FROM followup.replies_v1 WHERE provider_reference = %s", (provider_reference,)
    )
    return await cursor.fetchone()


async def finished_tasks(connection: Connection, *, limit: int) -> list[DictRow]:
    """Return what was finished last, and by whom."""
    cursor = await connection.execute(
        sql.SQL(
            """SELECT t.*, f.how, f.finished_by, f.finished_at
                 FROM (SELECT * FROM console.finished_tasks ORDER BY finished_at DESC LIMIT {limit}) AS f
                 JOIN ({tasks}) AS t ON t.task_id = f.task_id ORDER BY f.finished_at DESC"""
        ).format(limit=sql.Literal(limit), tasks=_TASKS)
    )
    return await cursor.fetchall()


_TASKS = sql.SQL(" UNION ALL ").join(
    sql.SQL(
        """SELECT {} AS owner, task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at, {} AS done_at,
                  refs ? 'provider_reference' AS has_words FROM {}"""
    ).format(
        sql.Literal(service),
        sql.SQL("done_at" if service == "followup" else "NULL::timestamptz"),
        sql.Identifier(service, "tasks_v1"),
    )
    for service in SERVICES
)
_OPEN_TASKS = sql.SQL(
    """SELECT t.* FROM ({}) AS t WHERE done_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM console.finished_tasks f WHERE f.task_id = t.task_id)"""
).format(_TASKS)


# Safety. The words behind a case are not published: a clinician is shown them by followup itself.


async def alerts(connection: Connection) -> Alerts:
    """Return how many safety cases are open, and the one whose clock runs out first."""
    cursor = await connection.execute(
        """SELECT count(*) AS open, count(*) FILTER (WHERE status = 'open') AS unacknowledged,
                  min(clock_at) FILTER (WHERE status = 'open') AS oldest_since,
                  min(acknowledge_by) FILTER (WHERE status = 'open') AS act_by,
                  (array_agg(tier ORDER BY array_position('{S1,M,S2,S3}', tier)) FILTER (WHERE status = 'open'))[1]
                      AS tier
             FROM followup.cases_v1 WHERE closed_at IS NULL AND NOT is_drill"""
    )
    row = await cursor.fetchone()
    assert row is not None
    return Alerts(row["open"], row["unacknowledged"], row["oldest_since"], row["act_by"], row["tier"])


async def open_cases(connection: Connection) -> list[DictRow]:
    """Return the open cases, whose clock runs out first at the top."""
    cursor = await connection.execute(
        """SELECT * FROM followup.cases_v1 WHERE closed_at IS NULL
            ORDER BY acknowledged_at IS NOT NULL, acknowledge_by NULLS LAST, opened_at LIMIT 200"""
    )
    return await cursor.fetchall()


async def closed_cases(connection: Connection, *, limit: int) -> list[DictRow]:
    """Return the cases that were closed last."""
    cursor = await connection.execute(
        "SELECT * FROM followup.cases_v1 WHERE closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT %s", (limit,)
    )
    return await cursor.fetchall()


async def find_case(connection: Connection, case_id: str) -> DictRow | None:
    """Return one case."""
    cursor = await connection.execute("SELECT * FROM followup.cases_v1 WHERE case_id = %s", (case_id,))
    return await cursor.fetchone()


async def safety_text(connection: Connection, patient_ref: str, *, since: datetime) -> DictRow | None:
    """Return where the newest safety text to a patient stands, planned since a case was opened."""
    cursor = await connection.execute(
        """SELECT state, outcome, reason, receipt FROM notifier.messages_v1
            WHERE patient_ref = %s AND purpose = 'safety' AND send_at >= %s ORDER BY id DESC LIMIT 1""",
        (patient_ref, since),
    )
    return await cursor.fetchone()


# Check-ins.


async def response_rates(connection: Connection, *, since: datetime, until: datetime) -> list[DictRow]:
    """Return, by moment, how many check-ins were asked and what came of them."""
    cursor = await connection.execute(
        """SELECT moment, count(*) AS asked, count(*) FILTER (WHERE status = 'completed') AS completed,
                  count(*) FILTER (WHERE status = 'expired' AND item > 0) AS partly,
                  count(*) FILTER (WHERE status = 'expired' AND item = 0) AS silent,
                  count(*) FILTER (WHERE status = 'asking') AS waiting
             FROM followup.checkins_v1
            WHERE first_sent_at IS NOT NULL AND due_at >= %s AND due_at < %s GROUP BY moment ORDER BY moment""",
        (since, until),
    )
    return await cursor.fetchall()


async def unanswered(connection: Connection, *, since: datetime, limit: int) -> list[DictRow]:
    """Return check-ins that were asked and not answered, or not yet, the newest first."""
    cursor = await connection.execute(
        """SELECT checkin_id, clinic_id, patient_ref, moment, instrument, status, due_at, first_sent_at, nudged,
                  item
             FROM followup.checkins_v1
            WHERE first_sent_at IS NOT NULL AND status IN ('asking', 'expired') AND due_at >= %s
            ORDER BY status, due_at DESC LIMIT %s""",
        (since, limit),
    )
    return await cursor.fetchall()


async def latest_scores(connection: Connection, *, limit: int) -> list[DictRow]:
    """Return the newest scores of all patients."""
    cursor = await connection.execute(
        """SELECT patient_ref, clinic_id, instrument, total, band, trend, change_abs, response, remission, at
             FROM followup.scores_v1 WHERE total IS NOT NULL ORDER BY at DESC LIMIT %s""",
        (limit,),
    )
    return await cursor.fetchall()


async def scores_of(connection: Connection, patient_ref: str) -> list[DictRow]:
    """Return a patient's scores in order."""
    cursor = await connection.execute(
        """SELECT clinic_id, instrument, version, total, band, trend, change_abs, response, remission, taken_by, at
             FROM followup.scores_v1 WHERE patient_ref = %s AND total IS NOT NULL ORDER BY at LIMIT 1000""",
        (patient_ref,),
    )
    return await cursor.fetchall()


async def infusions_of(connection: Connection, patient_ref: str) -> list[datetime]:
    """Return when a patient's infusions took place."""
    cursor = await connection.execute(
        """SELECT starts_at FROM booking_events.appointments_v1
            WHERE patient_ref = %s AND visit_kind = 'infusion' AND status = 'completed' ORDER BY starts_at""",
        (patient_ref,),
    )
    return [row["starts_at"] for row in await cursor.fetchall()]
