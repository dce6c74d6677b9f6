"""The demo's story: one patient, four weeks on an accelerated clock, told as it happens and checked on the way."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from cli.demo_time import DemoTime
from cli.sandbox_line import SandboxLine
from cli.stack import Stack
from shared.broker.publisher import Publication, Publisher
from shared.kernel.ids import new_id
from shared.kernel.local_time import resolve
from shared.messages.safety import CLOSE, CloseCase, Disposition

ZONE = ZoneInfo("America/New_York")
ANA = "+12125550123"
STAFF = {
    "+12125550150": "Dr. Osei",
    "+12125550151": "Nurse Lind",
    "+12125550152": "Dr. Abara",
    "+12125550153": "Operations",
}
"""The people of the example clinic file, by their phones."""
_SETTLED_WITHIN_S = 20.0
_TEST_PAGE = "test page"

Say = Callable[[str], None]
T = TypeVar("T")

_ALARM_TRIED = """SELECT 1 FROM followup.cases
                   WHERE is_drill AND acknowledged_at IS NOT NULL AND opened_at > %s - interval '1 hour'"""
_OPEN_CASE = "SELECT case_id, tier FROM followup.cases WHERE NOT is_drill AND closed_at IS NULL"
_TAKEN_CASE = "SELECT 1 FROM followup.cases WHERE case_id = %s AND acknowledged_at IS NOT NULL"
_CLOSED_CASE = "SELECT 1 FROM followup.cases WHERE case_id = %s AND closed_at IS NOT NULL"
_SCORE = "SELECT instrument, total FROM followup.scores_v1 ORDER BY at DESC, score_id LIMIT 1"


class StoryError(Exception):
    """The story did not go as it should have."""


@dataclass(slots=True)
class Story:
    """The telling: a clock to move, bookings to publish, phones to answer on, a ledger to read along."""

    say: Say
    begin: datetime
    time: DemoTime
    line: SandboxLine
    publisher: Publisher
    our_number: str
    published: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    heard: int = 0
    texts: int = 0
    delivered: int = 0
    test_pages: int = 0
    unread: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Texts by number that the story has not come to yet."""

    async def run(self) -> None:
        """Tell the story.

        Raises:
            StoryError: a text was missing, extra, or said something else.
        """
        await self.line.post("/sandbox/phones", {"number": ANA, "name": "Ana"})
        await self._tell_of_the_visits()
        await self._tell_of_the_days_after()
        await self._tell_of_the_crisis()
        await self._tell_of_the_questionnaire()
        await self._tell_of_the_end()

    async def _tell_of_the_visits(self) -> None:
        first, moved, second = self._at(4, 10), self._at(4, 14), self._at(8, 10)
        await self._try_alarm()
        self._tell("clinic", f"books Ana two visits: {_day(first)} and {_day(second)}")
        await self._publish("booking.created.v1", _booking("bk_1", 1, first, number=1))
        await self._publish("booking.created.v1", _booking("bk_2", 1, second, number=2))
        await self._until(self._at(1, 10))
        await self._read("2 visits")
        await self._read("Reply C to confirm")
        await self._reply("C")
        await self._read("we will see you on")
        await self._until(self._at(2, 9, 30))
        self._tell("clinic", f"moves the first visit to {_day(moved)}")
        await self._publish("booking.rescheduled.v1", _booking("bk_1", 2, moved, number=1))
        await self._until(self._at(4, 16, 10))
        await self._read("is now at")
        await self._read("no food after")
        self._tell("clinic", "reports the first visit as completed")
        await self._publish("booking.completed.v1", _booking("bk_1", 3, moved, number=1))
        await self._until(self._at(4, 17))
        self._tell("clinic", "cancels the second visit")
        await self._publish("booking.cancelled.v1", _booking("bk_2", 2, second, number=2))

    async def _tell_of_the_days_after(self) -> None:
        await self._until(self._at(4, 19, 50))
        await self._read("has been cancelled")
        await self._read("are you home and well")
        await self._reply("Yes, home and well")
        await self._read("glad you are home")
        await self._until(self._at(5, 16, 10))
        await self._read("how do you feel today")
        await self._reply("about a seven")
        await self._read("we have noted your answer")
        await self._until(self._at(7, 16, 10))
        await self._read("how do you feel today")
        await self._reply("only a 2")
        await self._read("thank you for telling us")

    async def _tell_of_the_crisis(self) -> None:
        await self._until(self._at(8, 15))
        await self._try_alarm()
        self._tell("clock", "the visit that was cancelled would have been this morning: nothing was sent")
        await self._reply("I don't want to be alive anymore")
        await self._read("call or text 988 now")
        doctor, case = await self._wait("a page", self._page)
        await self._reply("1", number=doctor)
        await self._wait("somebody to take the case", lambda: self._row(_TAKEN_CASE, case))
        self._tell("case", f"{case} is {STAFF[doctor]}'s; nobody else is paged")
        await self._read("Our care team has been alerted")
        await self._close(case, STAFF[doctor])
        await self._wait("the case to be closed", lambda: self._row(_CLOSED_CASE, case))
        self._tell("case", f"{STAFF[doctor]} has spoken with Ana and closes it")

    async def _tell_of_the_questionnaire(self) -> None:
        # The item about suicide is asked only where this shift's alarm was tried (DOMAIN.md 3.4).
        await self._until(self._at(11, 9, 30))
        await self._try_alarm()
        await self._until(self._at(11, 16, 10))
        answers = ("0", "several days", "1", "more than half the days", "0", "one", "not at all", "0", "0")
        for number, answer in enumerate(answers, start=1):
            await self._read(f"{number}/9: ")
            await self._reply(answer)
        await self._read("we have noted your answer")
        score = await self._wait("the score", lambda: self._row(_SCORE))
        if (score["instrument"], score["total"]) != ("phq9", 5):
            raise StoryError(f"the answers add up to 5, not to {score['total']:.0f} ({score['instrument']})")
        self._tell("queue", "checkin.completed.v1, with the score, is there for whoever listens")

    async def _tell_of_the_end(self) -> None:
        await self._until(self._at(12, 11))
        await self._reply("STOP")
        await self._read("you will get no more texts")
        await self._until(self._at(26, 12))
        self._tell("clock", "two more check-ins were due since; after STOP nothing was sent")
        left = {number: texts for number, texts in self.unread.items() if texts}
        if left:
            raise StoryError(f"texts that should not have been sent: {left}")
        if self.delivered != self.texts:
            raise StoryError(f"{self.texts} texts were sent, {self.delivered} delivered")

    # What people do.

    async def _try_alarm(self) -> None:
        """Wait until whoever is on call has answered this shift's test page."""
        await self._wait("the answer to the shift's test page", lambda: self._row(_ALARM_TRIED, self.time.now))
        await self._settle()

    async def _read(self, part: str) -> None:
        """Let Ana read her next text, which has to contain ``part``.

        Raises:
            StoryError: there is none, or it says something else.
        """
        await self._settle()
        text = await self._wait(f"a text that says “{part}”", self._next_text)
        if part not in text:
            raise StoryError(f"the next text should say “{part}”: {text}")

    async def _next_text(self) -> str | None:
        return self.unread[ANA].pop(0) if self.unread[ANA] else None

    async def _page(self) -> tuple[str, str] | None:
        """Return who was paged about the open case."""
        row = await self._row(_OPEN_CASE)
        for number in STAFF:
            for text in self.unread[number]:
                if row is not None and row["case_id"] in text:
                    self.unread[number].remove(text)
                    return number, str(row["case_id"])
        return None

    async def _reply(self, text: str, *, number: str = ANA) -> None:
        await self._settle()
        self._tell("Ana" if number == ANA else STAFF[number], f"“{text}”")
        await self._send_in(number, text)

    async def _send_in(self, number: str, text: str) -> None:
        answer = await self.line.post("/sandbox/inbound", {"from": number, "to": self.our_number, "body": text})
        self.replies.append(answer["sid"])

    async def _close(self, case: str, who: str) -> None:
        command = CloseCase(clinic_id="harbor", case=case, who=who, disposition=Disposition.REACHED_SAFE)
        await self._publish(CLOSE, command.model_dump(mode="json"), to_bookings=False)

    async def _wait(self, what: str, look: Callable[[], Awaitable[T | None]]) -> T:
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        while True:
            await self._read_along()
            found = await look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise StoryError(f"{what} did not come within {_SETTLED_WITHIN_S:.0f} s")
            await asyncio.sleep(0.015)

    async def _row(self, query: str, *parameters: object) -> DictRow | None:
        return await (await self.time.connection.execute(query.encode(), parameters)).fetchone()

    def _at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return a wall-clock time at the clinic, counted in days from the story's first."""
        day = (self.begin.astimezone(ZONE) + timedelta(days=days)).date()
        return resolve(day, datetime(2000, 1, 1, hour, minute).time(), ZONE)  # noqa: DTZ001 - a time of day only

    async def _publish(self, event: str, data: dict[str, Any], *, to_bookings: bool = True) -> None:
        event_id = new_id()
        envelope = {
            "specversion": "1.0",
            "id": event_id,
            "source": "demo",
            "type": event,
            "time": self.time.now.isoformat(),
            "data": data,
        }
        body = json.dumps(envelope).encode()
        await self.publisher.publish(Publication(routing_key=event, body=body, message_id=event_id, type=event))
        if to_bookings:
            self.published.append(event_id)
        await self._settle()

    async def _until(self, target: datetime) -> None:
        """Step the clock from one due message to the next, up to ``target``."""
        while True:
            due = await self.time.next_due()
            await self.time.move(min(due, target) if due else target)
            await self._settle()
            if self.time.now >= target:
                return

    async def _settle(self) -> None:
        """Wait until nothing is under way, telling of every text and receipt as it comes."""
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        while True:
            left = await self.time.under_way(published=self.published, replies=self.replies)
            await self._read_along()
            if not left:
                return
            if time.monotonic() > deadline:
                raise StoryError(f"still under way after {_SETTLED_WITHIN_S:.0f} s: {', '.join(left)}")
            await asyncio.sleep(0.015)

    async def _read_along(self) -> None:
        for entry in await self.line.entries(self.heard):
            self.heard = entry["n"]
            if entry["kind"] == "accepted":
                self.texts += 1
                await self._hear(entry["to"], entry["body"])
            elif entry["kind"] == "call_accepted":
                self._tell("call", f"the phone of {STAFF.get(entry['to'], 'somebody')} rings")
            elif entry["kind"] == "status" and entry["status"] == "delivered":
                self.delivered += 1

    async def _hear(self, number: str, text: str) -> None:
        """Let a phone get a text; whoever is on call answers test pages by the way."""
        if number in STAFF and _TEST_PAGE in text:
            self.test_pages += 1
            if self.test_pages == 1:
                self._tell("page", f"to {STAFF[number]}: “{text}”")
                self._tell(STAFF[number], "“1”, as at the beginning of every shift from now on")
            await self._send_in(number, "1")
            return
        self._tell(
            "text" if number == ANA else "page", f"“{text}”" if number == ANA else f"to {STAFF[number]}: “{text}”"
        )
        self.unread[number].append(text)

    def _tell(self, who: str, what: str) -> None:
        self.say(f"  {self.time.now.astimezone(ZONE):%a %b %d %H:%M}  {who:<10} {what}")


@asynccontextmanager
async def storyteller(stack: Stack, say: Say, now: datetime) -> AsyncIterator[Story]:
    """Open what the story needs."""
    url = stack.environment["AFTERCARE_DATABASE_URL"]
    publisher = Publisher(stack.environment["AFTERCARE_AMQP_URL"], name="demo")
    async with await AsyncConnection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        try:
            line = SandboxLine(stack.addresses["sandbox"])
            course = DemoTime(connection, line, ZONE, now)
            yield Story(say, now, course, line, publisher, stack.environment["TWILIO_FROM_NUMBER"])
        finally:
            await publisher.close()


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
            "phone": ANA,
            "language": "en",
            "time_zone": "America/New_York",
        },
        "consent": {"reminders": True, "checkins": True},
    }
