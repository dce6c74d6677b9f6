"""``aftercare verify``: the invariants of the design, checked in SQL, read-only, on a running system."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import DictRow

from cli.environment import needed, running_system
from cli.stack import SERVICES
from shared.postgres.database import Connection, connect_as_owner


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that must hold, and the query that finds what breaks it. ``%(now)s`` is clinical time."""

    sentence: str
    violations: str


_SETTLE_S = 3.0

INVARIANTS = (
    Invariant(
        "no message has two texts at the provider",
        """SELECT m.subject, m.key FROM notifier.messages m JOIN notifier.history h ON h.message_id = m.id
            WHERE h.what = 'possible duplicate'
            UNION ALL
           SELECT m.subject, m.key FROM notifier.messages m
             JOIN notifier.attempts a ON a.message_id = m.id AND a.provider_reference IS NOT NULL
            GROUP BY m.id, m.subject, m.key HAVING count(DISTINCT a.provider_reference) > 1""",
    ),
    Invariant(
        "no two messages share one text at the provider",
        """SELECT min(m.subject) AS subject, a.provider_reference AS key FROM notifier.attempts a
             JOIN notifier.messages m ON m.id = a.message_id
            WHERE a.provider_reference IS NOT NULL
            GROUP BY a.provider_reference HAVING count(DISTINCT a.message_id) > 1""",
    ),
    Invariant(
        "every message that was sent names its text at the provider",
        "SELECT subject, key FROM notifier.messages WHERE outcome = 'sent' AND provider_reference IS NULL",
    ),
    Invariant(
        "every message past its use has exactly one outcome",
        """SELECT subject, key FROM notifier.messages
            WHERE outcome IS NULL AND expires_at < %(now)s - interval '1 hour'""",
    ),
    Invariant(
        "no message that is due waits for more than ten minutes without a reason",
        """SELECT subject, key FROM notifier.messages
            WHERE state = 'planned' AND wanted AND due_at < %(now)s - interval '10 minutes' AND expires_at > %(now)s
              AND retry_at < clock_timestamp() - interval '10 minutes'
              AND NOT EXISTS (SELECT 1 FROM notifier.pauses WHERE scope IN ('provider', 'clinic:' || clinic_id))""",
    ),
    Invariant(
        "no call to the provider is left without an answer for more than an hour",
        """SELECT subject, key FROM notifier.messages
            WHERE state IN ('sending', 'unknown') AND outcome IS NULL
              AND started_at < clock_timestamp() - interval '1 hour'""",
    ),
    Invariant(
        "nothing was sent before its time or after its use",
        """SELECT subject, key FROM notifier.messages
            WHERE outcome = 'sent' AND (ended_at < send_at OR ended_at > expires_at + interval '3 minutes')""",
    ),
    Invariant(
        "nothing was begun for a number later than one second after it opted out",
        """SELECT m.subject, m.key FROM notifier.messages m
             JOIN notifier.suppressions s ON s.number = m.number AND s.kind = 'all'
             JOIN notifier.history h ON h.message_id = m.id AND h.what = 'sending'
            WHERE h.at > s.since + interval '1 second' AND m.channel = 'sms' AND m.purpose <> 'opt_out_confirmation'""",
    ),
    Invariant(
        "nothing was begun that was no longer wanted",
        """SELECT m.subject, m.key FROM notifier.messages m
             JOIN notifier.history gone ON gone.message_id = m.id AND gone.what = 'no longer wanted'
             JOIN notifier.history begun ON begun.message_id = m.id AND begun.what = 'sending'
            WHERE NOT m.wanted AND begun.at > gone.at + interval '1 second'
              AND NOT EXISTS (SELECT 1 FROM notifier.history again WHERE again.message_id = m.id
                                 AND again.what = 'wanted again' AND again.id BETWEEN gone.id AND begun.id)""",
    ),
    Invariant(
        "every receipt shown is the furthest one received",
        """SELECT m.subject, m.key FROM notifier.messages m
             JOIN notifier.receipts r ON r.provider_reference = m.provider_reference
            WHERE array_position(ARRAY['accepted', 'queued', 'sending', 'sent', 'final', 'read'],
                     CASE WHEN r.status IN ('delivered', 'undelivered', 'failed') THEN 'final' ELSE r.status END)
                > coalesce(array_position(ARRAY['accepted', 'queued', 'sending', 'sent', 'final', 'read'],
                     CASE WHEN m.receipt IN ('delivered', 'undelivered', 'failed') THEN 'final' ELSE m.receipt END), 0)
              AND m.outcome = 'sent'""",
    ),
    Invariant(
        "the notifier has every plan of reminders within two minutes",
        """SELECT p.patient_ref AS subject, 'revision ' || p.plan_revision AS key FROM booking_events.patients p
             LEFT JOIN notifier.plans n ON n.subject = 'reminders:' || p.patient_ref
            WHERE p.plan_revision > coalesce(n.revision, 0)
              AND NOT EXISTS (SELECT 1 FROM booking_events.history h
                               WHERE h.patient_ref = p.patient_ref AND h.what = 'planned'
                                 AND h.at > %(now)s - interval '2 minutes')""",
    ),
    Invariant(
        "every text of a patient is with its reader within two minutes",
        """SELECT provider_reference AS subject, handled_as AS key FROM notifier.inbound
            WHERE kept_at < clock_timestamp() - interval '2 minutes'
              AND provider_reference NOT IN (SELECT provider_reference FROM followup.timeline_v1
                                              WHERE provider_reference IS NOT NULL)""",
    ),
    Invariant(
        "the notifier has every plan of check-ins, answers, safety texts and pages",
        """SELECT p.subject, 'revision ' || p.revision AS key FROM followup.plans p
             LEFT JOIN notifier.plans n USING (subject)
            WHERE p.revision > coalesce(n.revision, 0)
              AND NOT EXISTS (SELECT 1 FROM followup.outbox
                               WHERE created_at > clock_timestamp() - interval '2 minutes')""",
    ),
    Invariant(
        "every case that nobody has taken on is being paged, or waits in the list until its time",
        """SELECT coalesce(patient_ref, thread) AS subject, case_id || ' ' || tier AS key FROM followup.cases
            WHERE closed_at IS NULL AND acknowledged_at IS NULL AND NOT is_drill AND tier <> 'S3'
              AND (next_page_at IS NULL OR next_page_at < %(now)s - interval '2 minutes')""",
    ),
    Invariant(
        "every case has the words that led to it",
        """SELECT coalesce(c.patient_ref, c.thread) AS subject, c.case_id AS key FROM followup.cases c
            WHERE NOT c.is_drill AND NOT EXISTS (SELECT 1 FROM followup.case_words w WHERE w.case_id = c.case_id)""",
    ),
    Invariant(
        "every check-in past its time has ended",
        """SELECT patient_ref AS subject, checkin_id AS key FROM followup.checkins
            WHERE status IN ('planned', 'asking') AND (next_at IS NULL OR next_at < %(now)s - interval '10 minutes')""",
    ),
    Invariant(
        "no message waits in an outbox for more than ten minutes",
        " UNION ALL ".join(
            f"""SELECT '{service}' AS subject, routing_key || ' ' || message_id AS key FROM {service}.outbox
                 WHERE created_at < clock_timestamp() - interval '10 minutes'"""  # noqa: S608 - names of ours
            for service in SERVICES
        ),
    ),
)


async def verify(*, settle_s: float = _SETTLE_S) -> int:
    """Check every invariant; return 1 if one is broken.

    What is broken is looked at again after ``settle_s`` seconds: in a running system a message may be on its way.
    """
    url = needed(running_system(), "AFTERCARE_DATABASE_URL")
    broken = 0
    async with await connect_as_owner(url, read_only=True) as connection:
        found = {invariant: await _violations(connection, invariant) for invariant in INVARIANTS}
        if any(found.values()):
            await asyncio.sleep(settle_s)
        for invariant, before in found.items():
            rows = [row for row in await _violations(connection, invariant) if row in before] if before else []
            broken += bool(rows)
            sys.stdout.write(f"{'ok  ' if not rows else 'FAIL'}  {invariant.sentence}\n")
            for row in rows[:5]:
                sys.stdout.write(f"        {row['subject']} {row['key']}\n")
            if len(rows) > 5:
                sys.stdout.write(f"        and {len(rows) - 5} more\n")
    return 1 if broken else 0


async def _violations(connection: Connection, invariant: Invariant) -> list[DictRow]:
    cursor = await connection.execute(invariant.violations.encode(), {"now": await _clinical_now(connection)})
    return await cursor.fetchall()


async def _clinical_now(connection: Connection) -> datetime:
    """Return the time that the services go by: the demo's, where a demo runs on this database."""
    cursor = await connection.execute("SELECT to_regclass('demo.clock') IS NOT NULL AS accelerated")
    row = await cursor.fetchone()
    accelerated = row is not None and row["accelerated"]
    query = "SELECT now FROM demo.clock" if accelerated else "SELECT clock_timestamp() AS now"
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now
