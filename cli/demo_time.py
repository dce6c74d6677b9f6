"""The demo's time: what is under way, what is due next, and the step from one to the other."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from cli.sandbox_line import SandboxLine
from shared.postgres.demo_clock import move_demo_clock

# All that is under way between an event and its receipt. The clock steps only when there is none of it.
_UNDER_WAY = """
SELECT (SELECT count(*) FROM booking_events.outbox) + (SELECT count(*) FROM notifier.outbox)
         + (SELECT count(*) FROM followup.outbox) AS outboxes,
       (SELECT count(*) FROM notifier.messages WHERE state IN ('sending', 'unknown') AND outcome IS NULL) AS attempts,
       (SELECT count(*) FROM notifier.messages
         WHERE state IN ('planned', 'held') AND due_at <= %(now)s) AS due_messages,
       (SELECT count(*) FROM notifier.messages WHERE outcome = 'sent' AND channel = 'sms'
           AND coalesce(receipt, '') NOT IN ('delivered', 'undelivered', 'failed', 'read')) AS receipts,
       (SELECT count(*) FROM booking_events.patients p LEFT JOIN notifier.plans n
            ON n.subject = 'reminders:' || p.patient_ref WHERE p.plan_revision > coalesce(n.revision, 0))
         + (SELECT count(*) FROM followup.plans p LEFT JOIN notifier.plans n USING (subject)
             WHERE p.revision > coalesce(n.revision, 0)) AS plans,
       (SELECT count(*) FROM booking_events.patients p LEFT JOIN followup.patients f USING (patient_ref)
         WHERE p.infusions_revision > coalesce(f.snapshot_revision, 0)) AS infusions,
       (SELECT count(*) FROM followup.checkins WHERE next_at <= %(now)s)
         + (SELECT count(*) FROM followup.checkins c
              JOIN notifier.messages m ON m.key = c.checkin_id || '/' || c.item
             WHERE c.status = 'asking' AND c.sent_at IS NULL AND m.outcome = 'sent') AS checkins,
       (SELECT count(*) FROM followup.cases WHERE next_page_at <= %(now)s AND closed_at IS NULL) AS pages,
       -- A number that was opened again leaves news of its closing behind, never less of it than there should be.
       greatest(0, (SELECT count(*) FROM notifier.history h JOIN notifier.messages m ON m.id = h.message_id
                     WHERE h.what = 'sent' AND m.subject LIKE 'reminders:%%')
         + (SELECT count(*) FROM notifier.suppressions WHERE kind <> 'unusable')
         - (SELECT count(*) FROM booking_events.inbox WHERE source = 'aftercare/notifier')) AS news_of_sending,
       (SELECT count(*) FROM unnest(%(published)s::text[]) AS id
         WHERE NOT EXISTS (SELECT 1 FROM booking_events.inbox i WHERE i.source = 'demo' AND i.id = id.id)) AS bookings,
       (SELECT count(*) FROM unnest(%(replies)s::text[]) AS sid
         WHERE NOT EXISTS (SELECT 1 FROM notifier.inbound i
                            WHERE i.provider_reference = sid AND i.read_at IS NOT NULL)) AS replies
"""
_NEXT_DUE = """
SELECT min(due) AS due FROM (
    SELECT min(due_at) AS due FROM notifier.messages
     WHERE state IN ('planned', 'held') AND wanted AND due_at > %(now)s AND due_at < expires_at
    UNION ALL SELECT min(assume_at) FROM booking_events.appointments WHERE assume_at > %(now)s
    UNION ALL SELECT min(next_at) FROM followup.checkins WHERE next_at > %(now)s
    UNION ALL SELECT min(next_page_at) FROM followup.cases WHERE next_page_at > %(now)s AND closed_at IS NULL
) AS times"""


@dataclass(slots=True)
class DemoTime:
    """Moves the one clock that all processes follow, and knows whether anything still happens at its present time."""

    connection: AsyncConnection[DictRow]
    line: SandboxLine
    zone: ZoneInfo
    now: datetime

    async def under_way(self, *, published: list[str], replies: list[str]) -> list[str]:
        """Return the names of what is not finished; ``published`` and ``replies`` are ids that must have arrived."""
        cursor = await self.connection.execute(
            _UNDER_WAY, {"now": self.now, "published": published, "replies": replies}
        )
        row = await cursor.fetchone()
        return [name for name, count in (row or {}).items() if count]

    async def next_due(self) -> datetime | None:
        """Return when the next row is due, None where nothing is planned."""
        row = await (await self.connection.execute(_NEXT_DUE, {"now": self.now})).fetchone()
        due: datetime | None = row["due"] if row else None
        return due

    async def move(self, to: datetime) -> None:
        """Set the clock, never back, and wait until every process has seen it."""
        self.now = max(self.now, to)
        await move_demo_clock(self.connection, self.now)
        await self.tell()
        await asyncio.sleep(0.01)  # every process hears of it within milliseconds

    async def run_on(self, to: datetime) -> None:
        """Let the clock go on at its real pace; the sandbox is told of every minute."""
        is_new_minute = to.replace(second=0, microsecond=0) > self.now
        self.now = max(self.now, to)
        await move_demo_clock(self.connection, self.now)
        if is_new_minute:
            await self.tell()

    async def tell(self) -> None:
        """Tell the sandbox what time it is: it shows the time beside what happens."""
        await self.line.post("/sandbox/clock", {"now": self.now.isoformat(), "zone": str(self.zone)})
