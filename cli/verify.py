"""``aftercare verify``: the invariants of the design, checked in SQL, read-only, on a running system."""

import sys
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from cli.environment import needed, running_system


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that must hold, and the query that finds what breaks it."""

    sentence: str
    violations: str


INVARIANTS = (
    Invariant(
        "no message has two texts at the provider",
        """SELECT m.id, m.subject, m.key FROM notifier.messages m JOIN notifier.history h ON h.message_id = m.id
            WHERE h.what = 'possible duplicate'""",
    ),
    Invariant(
        "no two messages share a provider reference",
        """SELECT min(id) AS id, provider_reference AS subject, '' AS key FROM notifier.messages
            WHERE provider_reference IS NOT NULL GROUP BY provider_reference HAVING count(*) > 1""",
    ),
    Invariant(
        "every message past its use has exactly one outcome",
        """SELECT id, subject, key FROM notifier.messages
            WHERE outcome IS NULL
              AND expires_at < (SELECT coalesce(max(at), now()) FROM notifier.history) - interval '2 hours'
              AND NOT EXISTS (SELECT 1 FROM notifier.pauses WHERE scope = 'provider')""",
    ),
    Invariant(
        "nothing was sent before its time or after its use",
        """SELECT id, subject, key FROM notifier.messages
            WHERE outcome = 'sent' AND (ended_at < send_at OR ended_at > expires_at + interval '3 minutes')""",
    ),
    Invariant(
        "nothing was begun for a number later than one second after it opted out",
        """SELECT m.id, m.subject, m.key FROM notifier.messages m
             JOIN notifier.suppressions s ON s.number = m.number AND s.kind = 'all'
             JOIN notifier.history h ON h.message_id = m.id AND h.what = 'sending'
            WHERE h.at > s.since + interval '1 second' AND m.purpose NOT IN ('opt_out_confirmation')""",
    ),
    Invariant(
        "nothing was begun that was no longer wanted",
        """SELECT m.id, m.subject, m.key FROM notifier.messages m
             JOIN notifier.history gone ON gone.message_id = m.id AND gone.what = 'no longer wanted'
             JOIN notifier.history begun ON begun.message_id = m.id AND begun.what = 'sending'
            WHERE NOT m.wanted AND begun.at > gone.at + interval '1 second'""",
    ),
    Invariant(
        "every receipt shown is the furthest one received",
        """SELECT m.id, m.subject, m.key FROM notifier.messages m
             JOIN notifier.receipts r ON r.provider_reference = m.provider_reference
            WHERE array_position(ARRAY['accepted', 'queued', 'sending', 'sent', 'final', 'read'],
                     CASE WHEN r.status IN ('delivered', 'undelivered', 'failed') THEN 'final' ELSE r.status END)
                > coalesce(array_position(ARRAY['accepted', 'queued', 'sending', 'sent', 'final', 'read'],
                     CASE WHEN m.receipt IN ('delivered', 'undelivered', 'failed') THEN 'final' ELSE m.receipt END), 0)
              AND m.outcome = 'sent'""",
    ),
    Invariant(
        "the notifier has every plan that was published",
        """SELECT 0 AS id, p.patient_ref AS subject, '' AS key FROM booking_events.patients p
             LEFT JOIN notifier.plans n ON n.subject = 'reminders:' || p.patient_ref
            WHERE p.plan_revision > coalesce(n.revision, 0)
              AND NOT EXISTS (SELECT 1 FROM booking_events.outbox)""",
    ),
    Invariant(
        "no message waits in an outbox for more than ten minutes",
        """SELECT id, routing_key AS subject, message_id AS key FROM booking_events.outbox
            WHERE created_at < now() - interval '10 minutes'
            UNION ALL SELECT id, routing_key, message_id FROM notifier.outbox
            WHERE created_at < now() - interval '10 minutes'
            UNION ALL SELECT id, routing_key, message_id FROM followup.outbox
            WHERE created_at < now() - interval '10 minutes'""",
    ),
)


async def verify() -> int:
    """Check every invariant; return 1 if one is broken."""
    url = needed(running_system(), "AFTERCARE_DATABASE_URL")
    broken = 0
    async with await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        await connection.execute("SET default_transaction_read_only = on")
        for invariant in INVARIANTS:
            rows = await (await connection.execute(invariant.violations.encode())).fetchall()
            broken += bool(rows)
            sys.stdout.write(f"{'ok  ' if not rows else 'FAIL'}  {invariant.sentence}\n")
            for row in rows[:5]:
                sys.stdout.write(f"        {row['subject']} {row['key']}\n")
            if len(rows) > 5:
                sys.stdout.write(f"        and {len(rows) - 5} more\n")
    return 1 if broken else 0
