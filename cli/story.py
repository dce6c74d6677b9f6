"""The demo's story: one patient, four weeks on an accelerated clock, told as it happens and checked on the way."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from psycopg.rows import DictRow

from cli.stack import Stack
from cli.stage import Entry, Stage, open_stage
from cli.visits import Book, Person, Visit
from shared.kernel.local_time import resolve
from shared.messages.booking import CANCELLED, COMPLETED, CREATED, RESCHEDULED, VisitKind
from shared.messages.safety import CLOSE, CloseCase, Disposition

ZONE = ZoneInfo("America/New_York")
ANA = "+12125550131"  # not the number of docs/examples: after her STOP, what a newcomer publishes still leaves
STAFF = {
    "+12125550150": "Dr. Osei",
    "+12125550151": "Nurse Lind",
    "+12125550152": "Dr. Abara",
    "+12125550153": "Operations",
}
"""The people of the example clinic file, by their phones."""
_WITHIN_S = 20.0
_ANA = Person("pt_ana", "Ana", ANA, time_zone=str(ZONE))

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


@dataclass(frozen=True, slots=True)
class Ending:
    """Where the story leaves everything: for whoever goes on from there."""

    now: datetime
    book: Book
    heard: int
    """The last entry of the sandbox's ledger that was heard."""


@dataclass(slots=True)
class Story:
    """The telling: what is booked, said and read on a stage, and what was to be heard."""

    say: Say
    begin: datetime
    stage: Stage
    book: Book = field(default_factory=Book)
    """The visits as the story leaves them."""
    texts: int = 0
    delivered: int = 0
    test_pages: int = 0
    unread: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Texts by number that the story has not come to yet."""

    async def run(self) -> Ending:
        """Tell the story; return where it ends.

        Raises:
            StoryError: a text was missing, extra, or said something else.
        """
        await self.stage.line.post("/sandbox/phones", {"number": ANA, "name": "Ana"})
        await self._tell_of_the_visits()
        await self._tell_of_the_days_after()
        await self._tell_of_the_crisis()
        await self._tell_of_the_questionnaire()
        await self._tell_of_the_end()
        return Ending(self.stage.time.now, self.book, self.stage.heard)

    async def _tell_of_the_visits(self) -> None:
        first, second = _visit("bk_1", self._at(4, 10), number=1), _visit("bk_2", self._at(8, 10), number=2)
        moved = first.moved(self._at(4, 14))
        await self._try_alarm()
        self._tell("clinic", f"books Ana two visits: {_day(first.starts_at)} and {_day(second.starts_at)}")
        await self._publish(CREATED, first)
        await self._publish(CREATED, second)
        await self.stage.walk(self._at(1, 10))
        await self._read("2 visits")
        await self._read("Reply C to confirm")
        await self._reply("C")
        await self._read("we will see you on")
        await self.stage.walk(self._at(2, 9, 30))
        self._tell("clinic", f"moves the first visit to {_day(moved.starts_at)}")
        await self._publish(RESCHEDULED, moved)
        await self.stage.walk(self._at(4, 16, 10))
        await self._read("is now at")
        await self._read("no food after")
        self._tell("clinic", "reports the first visit as completed")
        await self._publish(COMPLETED, moved.ended(COMPLETED))
        await self.stage.walk(self._at(4, 17))
        self._tell("clinic", "cancels the second visit")
        await self._publish(CANCELLED, second.ended(CANCELLED))

    async def _tell_of_the_days_after(self) -> None:
        await self.stage.walk(self._at(4, 19, 50))
        await self._read("has been cancelled")
        await self._read("are you home and well")
        await self._reply("Yes, home and well")
        await self._read("glad you are home")
        await self.stage.walk(self._at(5, 16, 10))
        await self._read("how do you feel today")
        await self._reply("about a seven")
        await self._read("we have noted your answer")
        await self.stage.walk(self._at(7, 16, 10))
        await self._read("how do you feel today")
        await self._reply("only a 2")
        await self._read("thank you for telling us")

    async def _tell_of_the_crisis(self) -> None:
        await self.stage.walk(self._at(8, 15))
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
        await self.stage.walk(self._at(11, 9, 30))
        await self._try_alarm()
        await self.stage.walk(self._at(11, 16, 10))
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
        await self.stage.walk(self._at(12, 11))
        await self._reply("STOP")
        await self._read("you will get no more texts")
        await self.stage.walk(self._at(26, 12))
        self._tell("clock", "two more check-ins were due since; after STOP nothing was sent")
        left = {number: texts for number, texts in self.unread.items() if texts}
        if left:
            raise StoryError(f"texts that should not have been sent: {left}")
        if self.delivered != self.texts:
            raise StoryError(f"{self.texts} texts were sent, {self.delivered} delivered")

    # What people do.

    async def _try_alarm(self) -> None:
        """Wait until whoever is on call has answered this shift's test page."""
        await self._wait("the answer to the shift's test page", lambda: self._row(_ALARM_TRIED, self.stage.time.now))
        await self.stage.settle()

    async def _read(self, part: str) -> None:
        """Let Ana read her next text, which has to contain ``part``.

        Raises:
            StoryError: there is none, or it says something else.
        """
        await self.stage.settle()
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
        await self.stage.settle()
        self._tell("Ana" if number == ANA else STAFF[number], f"“{text}”")
        await self.stage.text_in(number, text)

    async def _close(self, case: str, who: str) -> None:
        command = CloseCase(clinic_id="harbor", case=case, who=who, disposition=Disposition.REACHED_SAFE)
        await self.stage.publish(CLOSE, command.model_dump(mode="json"), to_bookings=False)
        await self.stage.settle()

    async def _wait(self, what: str, look: Callable[[], Awaitable[T | None]]) -> T:
        deadline = time.monotonic() + _WITHIN_S
        while True:
            await self.stage.read_along()
            found = await look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise StoryError(f"{what} did not come within {_WITHIN_S:.0f} s")
            await asyncio.sleep(0.015)

    async def _row(self, query: str, *parameters: object) -> DictRow | None:
        return await (await self.stage.time.connection.execute(query.encode(), parameters)).fetchone()

    def _at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return a wall-clock time at the clinic, counted in days from the story's first."""
        day = (self.begin.astimezone(ZONE) + timedelta(days=days)).date()
        return resolve(day, datetime(2000, 1, 1, hour, minute).time(), ZONE)  # noqa: DTZ001 - a time of day only

    async def _publish(self, event: str, visit: Visit) -> None:
        self.book.keep(visit)
        await self.stage.publish(event, visit.booking())
        await self.stage.settle()

    async def hear(self, entry: Entry) -> None:
        """Tell of an entry of the ledger, and keep texts until the story comes to them."""
        if entry["kind"] == "accepted":
            self.texts += 1
            self._hear_text(entry)
        elif entry["kind"] == "call_accepted":
            self._tell("call", f"the phone of {STAFF.get(entry['to'], 'somebody')} rings")
        elif entry["kind"] == "status" and entry["status"] == "delivered":
            self.delivered += 1

    def _hear_text(self, entry: Entry) -> None:
        number, text = entry["to"], entry["body"]
        if self.stage.is_test_page(entry):
            self.test_pages += 1
            if self.test_pages == 1:
                self._tell("page", f"to {STAFF[number]}: “{text}”")
                self._tell(STAFF[number], "“1”, as at the beginning of every shift from now on")
            return
        self._tell(
            "text" if number == ANA else "page", f"“{text}”" if number == ANA else f"to {STAFF[number]}: “{text}”"
        )
        self.unread[number].append(text)

    def _tell(self, who: str, what: str) -> None:
        self.say(f"  {self.stage.time.now.astimezone(ZONE):%a %b %d %H:%M}  {who:<10} {what}")


@asynccontextmanager
async def storyteller(stack: Stack, say: Say, now: datetime) -> AsyncIterator[Story]:
    """Open what the story needs."""

    async def hear(entry: Entry) -> None:
        await story.hear(entry)

    async with open_stage(stack, ZONE, now, staff=STAFF, hear=hear) as stage:
        story = Story(say, now, stage)
        yield story


def story_start(today: datetime) -> datetime:
    """Return when the story begins: the coming Monday at ten, on the clinic's clock."""
    local = today.astimezone(ZONE)
    day = (local + timedelta(days=7 - local.weekday())).date()
    return resolve(day, datetime(2000, 1, 1, 10).time(), ZONE)  # noqa: DTZ001 - a time of day only


def _day(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%a %b %d %H:%M}"


def _visit(booking_id: str, starts_at: datetime, *, number: int) -> Visit:
    return Visit(booking_id, "harbor", _ANA, VisitKind.INFUSION, starts_at, number)
