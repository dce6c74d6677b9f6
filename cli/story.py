"""The demo's story: one patient, ten days on an accelerated clock, told as it happens and checked at its end."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from cli.stack import Stack
from shared.broker.publisher import Publication, Publisher
from shared.kernel.ids import new_id
from shared.kernel.local_time import resolve
from shared.postgres.demo_clock import set_demo_clock

ZONE = ZoneInfo("America/New_York")
PHONE = "+12125550123"
_SETTLED_WITHIN_S = 20.0

Say = Callable[[str], None]

# All that is under way between a booking event and a receipt. The clock steps only when it is zero.
_UNDER_WAY = """
SELECT (SELECT count(*) FROM booking_events.outbox) + (SELECT count(*) FROM notifier.outbox)
     + (SELECT count(*) FROM followup.outbox)
     + (SELECT count(*) FROM notifier.messages WHERE state IN ('sending', 'unknown') AND outcome IS NULL)
     + (SELECT count(*) FROM notifier.messages WHERE state IN ('planned', 'held') AND due_at <= %(now)s)
     + (SELECT count(*) FROM notifier.messages WHERE outcome = 'sent' AND channel = 'sms'
           AND coalesce(receipt, '') NOT IN ('delivered', 'undelivered', 'failed', 'read'))
     + (SELECT count(*) FROM booking_events.patients p LEFT JOIN notifier.plans n
            ON n.subject = 'reminders:' || p.patient_ref WHERE p.plan_revision > coalesce(n.revision, 0))
     + abs((SELECT count(*) FROM notifier.history WHERE what = 'sent')
         - (SELECT count(*) FROM booking_events.inbox WHERE source = 'aftercare/notifier'))
     + (SELECT count(*) FROM booking_events.patients p LEFT JOIN followup.patients f USING (patient_ref)
         WHERE p.infusions_revision > coalesce(f.snapshot_revision, 0))
     + (SELECT count(*) FROM followup.plans p LEFT JOIN notifier.plans n USING (subject)
         WHERE p.revision > coalesce(n.revision, 0))
     + (SELECT count(*) FROM followup.checkins WHERE next_at <= %(now)s)
     + (SELECT count(*) FROM followup.cases WHERE next_page_at <= %(now)s)
     + (SELECT count(*) FROM followup.checkins c JOIN notifier.messages m ON m.key = c.checkin_id || '/' || c.item
         WHERE c.status = 'asking' AND c.sent_at IS NULL AND m.outcome = 'sent')
     + (SELECT count(*) FROM unnest(%(replies)s::text[]) AS sid
         WHERE NOT EXISTS (SELECT 1 FROM notifier.inbound i WHERE i.provider_reference = sid AND i.read_at IS NOT NULL))
     + (SELECT count(*) FROM unnest(%(published)s::text[]) AS id
         WHERE NOT EXISTS (SELECT 1 FROM booking_events.inbox i WHERE i.source = 'demo' AND i.id = id.id)) AS under_way
"""
_NEXT_DUE = """
SELECT min(due) AS due FROM (
    SELECT due_at FROM notifier.messages WHERE state IN ('planned', 'held') AND wanted AND due_at < expires_at
    UNION ALL SELECT next_at FROM followup.checkins
    UNION ALL SELECT next_page_at FROM followup.cases
) AS next (due) WHERE due > %s"""


_EXPECTED = (
    *("2 visits", "you have a visit on", "is now at", "no food after", "has been cancelled"),
    *("are you home and well", "glad you are home"),
    *("how do you feel today", "we have noted your answer"),
    *("how do you feel today", "thank you for telling us. If you would like to talk"),
    *("call or text 988 now", "Our care team has been alerted", "you will get no more texts"),
)
"""What Ana's texts say, in order."""


class StoryError(Exception):
    """The story did not go as it should have."""


@dataclass(slots=True)
class Story:
    """The telling: a clock to move, bookings to publish, a ledger to read along."""

    stack: Stack
    say: Say
    begin: datetime
    now: datetime
    connection: AsyncConnection[DictRow]
    publisher: Publisher
    published: list[str] = field(default_factory=list)
    heard: int = 0
    texts: list[str] = field(default_factory=list)
    delivered: int = 0
    replies: list[str] = field(default_factory=list)
    paged: str = ""

    async def run(self) -> None:
        """Tell the story.

        Raises:
            StoryError: a text was missing, extra, or said something else.
        """
        first, second = self._at(4, 10), self._at(8, 10)
        await self._post("/sandbox/phones", {"number": PHONE, "name": "Ana"})
        self._tell("clinic", f"books Ana two visits: {_day(first)} and {_day(second)}")
        await self._publish("booking.created.v1", _booking("bk_1", 1, first, number=1))
        await self._publish("booking.created.v1", _booking("bk_2", 1, second, number=2))
        await self._until(self._at(2, 9, 30))
        self._tell("clinic", f"moves the first visit to {_day(self._at(4, 14))}")
        await self._publish("booking.rescheduled.v1", _booking("bk_1", 2, self._at(4, 14), number=1))
        await self._until(self._at(4, 16, 10))
        self._tell("clinic", "reports the first visit as completed")
        await self._publish("booking.completed.v1", _booking("bk_1", 3, self._at(4, 14), number=1))
        await self._until(self._at(4, 17))
        self._tell("clinic", "cancels the second visit")
        await self._publish("booking.cancelled.v1", _booking("bk_2", 2, second, number=2))
        await self._follow_up()
        await self._until(self._at(9, 12))
        self._tell("clock", "the days on which reminders of the cancelled visit were due have passed: nothing was sent")
        await self._check()

    async def _follow_up(self) -> None:
        """Ana is asked how she is, answers, and one evening says that she is in danger."""
        await self._until(self._at(4, 19, 50))
        await self._reply(PHONE, "1")
        await self._until(self._at(5, 16, 20))
        await self._reply(PHONE, "6")
        await self._until(self._at(7, 16, 20))
        await self._reply(PHONE, "2")
        await self._until(self._at(7, 21))
        await self._reply(PHONE, "I want to die")
        await self._until(self._at(7, 21, 3))
        await self._reply(self.paged, "1")
        await self._until(self._at(8, 9))
        await self._reply(PHONE, "STOP")

    def _at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return a wall-clock time at the clinic, counted in days from the story's first."""
        day = (self.begin.astimezone(ZONE) + timedelta(days=days)).date()
        return resolve(day, datetime(2000, 1, 1, hour, minute).time(), ZONE)  # noqa: DTZ001 - a time of day only

    async def _publish(self, event: str, booking: dict[str, Any]) -> None:
        event_id = new_id()
        envelope = {
            "specversion": "1.0",
            "id": event_id,
            "source": "demo",
            "type": event,
            "time": self.now.isoformat(),
            "data": booking,
        }
        body = json.dumps(envelope).encode()
        await self.publisher.publish(Publication(routing_key=event, body=body, message_id=event_id, type=event))
        self.published.append(event_id)
        await self._settle()

    async def _until(self, target: datetime) -> None:
        """Step the clock from one due message to the next, up to ``target``."""
        while True:
            cursor = await self.connection.execute(_NEXT_DUE, (self.now,))
            row = await cursor.fetchone()
            due = row["due"] if row else None
            await self._set_clock(min(due, target) if due else target)
            await self._settle()
            if self.now >= target:
                return

    async def _set_clock(self, now: datetime) -> None:
        self.now = max(self.now, now)
        await set_demo_clock(self.stack.environment["AFTERCARE_DATABASE_URL"], self.now)
        await self._post("/sandbox/clock", {"now": self.now.isoformat(), "zone": str(ZONE)})
        await asyncio.sleep(0.1)  # every process reads the row fifty times a second

    async def _settle(self) -> None:
        """Wait until nothing is under way, telling of every text and receipt as it comes."""
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        while True:
            cursor = await self.connection.execute(
                _UNDER_WAY, {"now": self.now, "published": self.published, "replies": self.replies}
            )
            row = await cursor.fetchone()
            await self._read_along()
            if row is not None and row["under_way"] == 0:
                return
            if time.monotonic() > deadline:
                raise StoryError(f"something is still under way after {_SETTLED_WITHIN_S:.0f} s")
            await asyncio.sleep(0.03)

    async def _read_along(self) -> None:
        entries = (await self._get(f"/sandbox/ledger?after={self.heard}"))["entries"]
        for entry in entries:
            self.heard = entry["n"]
            if entry["kind"] == "accepted":
                await self._hear(entry)
            elif entry["kind"] == "call_accepted":
                self._tell("staff", "the phone of the person on call rings")
            elif entry["kind"] == "status" and entry["status"] == "delivered" and entry["to"] == PHONE:
                self.delivered += 1
                self._tell("phone", "delivered")

    async def _hear(self, entry: dict[str, Any]) -> None:
        """Tell of a text: to Ana, or to somebody at the clinic, who answers the test page of a shift at once."""
        if entry["to"] == PHONE:
            self.texts.append(entry["body"])
            self._tell("text", f"“{entry['body']}”")
            return
        self._tell("staff", f"“{entry['body']}”")
        if "test page" in entry["body"]:
            await self._text_in(entry["to"], "1")
        else:
            self.paged = entry["to"]

    async def _reply(self, phone: str, text: str) -> None:
        self._tell("Ana" if phone == PHONE else "staff", f"answers “{text}”")
        await self._text_in(phone, text)
        await self._settle()

    async def _text_in(self, phone: str, text: str) -> None:
        kept = await self._post(
            "/sandbox/inbound", {"from": phone, "to": self.stack.environment["TWILIO_FROM_NUMBER"], "body": text}
        )
        self.replies.append(kept["sid"])

    def _tell(self, who: str, what: str) -> None:
        self.say(f"  {self.now.astimezone(ZONE):%a %b %d %H:%M}  {who:<7} {what}")

    async def _check(self) -> None:
        if len(self.texts) != len(_EXPECTED) or self.delivered != len(_EXPECTED):
            raise StoryError(
                f"{len(_EXPECTED)} texts should be delivered; {len(self.texts)} were sent, {self.delivered} delivered"
            )
        for text, part in zip(self.texts, _EXPECTED, strict=True):
            if part not in text:
                raise StoryError(f"a text does not say “{part}”: {text}")
        cursor = await self.connection.execute(
            "SELECT tier, status, acknowledged_by FROM followup.cases_v1 WHERE NOT is_drill"
        )
        cases = [tuple(row.values()) for row in await cursor.fetchall()]
        if [case[:2] for case in cases] != [("S1", "acknowledged")]:
            raise StoryError(f"one case should have been raised to S1 and taken on by a person, not {cases}")

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await asyncio.to_thread(_request, self.stack.addresses["sandbox"] + path, json.dumps(body).encode())
        content: dict[str, Any] = json.loads(answer or b"{}")
        return content

    async def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            await asyncio.to_thread(_request, self.stack.addresses["sandbox"] + path, None)
        )
        return answer


@asynccontextmanager
async def storyteller(stack: Stack, say: Say, now: datetime) -> AsyncIterator[Story]:
    """Open what the story needs."""
    url = stack.environment["AFTERCARE_DATABASE_URL"]
    publisher = Publisher(stack.environment["AFTERCARE_AMQP_URL"], name="demo")
    async with await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        story = Story(stack, say, now, now, connection, publisher)
        ledger = await story._get("/sandbox/ledger")  # noqa: SLF001 - what an earlier run left is not part of this story
        story.heard = max((entry["n"] for entry in ledger["entries"] if _before(entry, now)), default=0)
        try:
            yield story
        finally:
            await publisher.close()


def _before(entry: dict[str, Any], begin: datetime) -> bool:
    return entry.get("at") is None or datetime.fromisoformat(entry["at"]) < begin


def story_start(today: datetime) -> datetime:
    """Return when the story begins: the coming Monday at ten, on the clinic's clock."""
    local = today.astimezone(ZONE)
    day = (local + timedelta(days=7 - local.weekday())).date()
    return resolve(day, datetime(2000, 1, 1, 10).time(), ZONE)  # noqa: DTZ001 - a time of day only


def _day(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%a %b %d %H:%M}"


def _booking(booking_id: str, revision: int, starts_at: datetime, *, number: int) -> dict[str, Any]:
    return {
        "booking_id": booking_id,
        "revision": revision,
        "clinic_id": "harbor",
        "visit_kind": "infusion",
        "modality": "in_person",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=130)).isoformat(),
        "series": {"number": number, "of": 6},
        "patient": {
            "patient_id": "pt_ana",
            "given_name": "Ana",
            "phone": PHONE,
            "language": "en",
            "time_zone": "America/New_York",
        },
        "consent": {"reminders": True, "checkins": True},
    }


def _request(url: str, body: bytes | None) -> bytes:
    request = Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - our own address
    with urlopen(request, timeout=5) as answer:  # noqa: S310 - our own address
        content: bytes = answer.read()
        return content
