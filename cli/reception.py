"""The clinic's reception on this machine: takes visits down by hand, and publishes them as a booking system does."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, StringConstraints

from cli.clockwork import Clockwork, NothingDueError
from cli.sandbox_line import SandboxLine
from cli.stack import Stack
from cli.stage import Entry, UnfinishedError, open_stage
from cli.story import Ending
from cli.visits import Book, Person, Visit, event_of, read_book
from shared.broker.publisher import Publisher
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinic
from shared.kernel.contact import parse_email, parse_phone
from shared.kernel.local_time import resolve
from shared.messages.booking import CANCELLED, COMPLETED, CREATED, NO_SHOW, RESCHEDULED, VisitKind

_SOURCE = "reception"
_FARTHEST = timedelta(days=366)
_ENDINGS = {"cancel": CANCELLED, "complete": COMPLETED, "no-show": NO_SHOW}

Publish = Callable[[str, dict[str, Any]], Awaitable[None]]


class RefusedError(Exception):
    """A wish that cannot be granted; ``why`` is one of a few words that the page knows."""

    def __init__(self, why: str, left: list[str] | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.left = left or []


class _Wish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BookWish(_Wish):
    """A visit to take down. Day and time are the clinic's."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    number: str
    language: Literal["en", "es"]
    kind: VisitKind
    day: date
    time: time
    reminders: bool
    checkins: bool
    email: str = ""


class MoveWish(_Wish):
    """Another time for a visit."""

    id: str
    day: date
    time: time


class EndWish(_Wish):
    """How a visit ended."""

    id: str


class ClockWish(_Wish):
    """How far the clock is to go."""

    by: Literal["next", "hour", "day"]


@dataclass(slots=True)
class Reception:
    """Grants one wish after another. With a ``clockwork`` it turns the demo's clock too."""

    clinic_id: str
    clinic: Clinic
    book: Book
    line: SandboxLine
    publish: Publish
    clockwork: Clockwork | None = None
    kept_in: Path | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def zone(self) -> ZoneInfo:
        """Where the clinic is."""
        return self.clinic.zone

    def now(self) -> datetime:
        """Return the product's time."""
        return self.clockwork.stage.time.now if self.clockwork else datetime.now(UTC)

    async def state(self) -> dict[str, Any]:
        """Return what the page shows."""
        visits = sorted(self.book.visits.values(), key=lambda visit: visit.starts_at)
        people = {visit.person.phone: visit.person for visit in visits}
        return {
            "open": True,
            "clinic": self.clinic.name,
            "zone": str(self.zone),
            "now": self.now().isoformat(),
            "clock": await self._clock(),
            "people": [person.as_page() for person in people.values()],
            "visits": [visit.as_page() for visit in visits],
        }

    async def _clock(self) -> dict[str, Any] | None:
        if self.clockwork is None:
            return None
        if self.clockwork.busy:
            return {"busy": True, "next": None}
        due = await self.clockwork.stage.time.next_due()
        return {"busy": False, "next": due.isoformat() if due else None}

    async def take_down(self, wish: BookWish) -> None:
        """Book a visit.

        Raises:
            RefusedError: a number or address that cannot be used, a time that is over or too far.
        """
        async with self._turn():
            phone = parse_phone(wish.number)
            if phone is None:
                raise RefusedError("number")
            if wish.email and parse_email(wish.email) is None:
                raise RefusedError("email")
            starts_at = self._moment(wish.day, wish.time)
            number = phone.e164
            known = self.book.person(number) or Person(f"pt_{secrets.token_hex(4)}", wish.name, number)
            person = replace(
                known,
                name=wish.name,
                language=wish.language,
                email=wish.email or None,
                reminders=wish.reminders,
                checkins=wish.checkins,
            )
            place = self.book.next_infusion(number) if wish.kind is VisitKind.INFUSION else None
            await self.line.post("/sandbox/phones", {"number": number, "name": person.name})
            visit = Visit(f"bk_{secrets.token_hex(4)}", self.clinic_id, person, wish.kind, starts_at, place)
            await self._tell(CREATED, visit)

    async def move(self, wish: MoveWish) -> None:
        """Move a visit.

        Raises:
            RefusedError: there is no such visit any more, or a time that is over or too far.
        """
        async with self._turn():
            visit = self._visit(wish.id)
            await self._tell(RESCHEDULED, visit.moved(self._moment(wish.day, wish.time)))

    async def end(self, how: str, wish: EndWish) -> None:
        """Cancel a visit, or say that it took place or that nobody came: these let the clock come to it first.

        Raises:
            RefusedError: there is no such visit any more, or it has not begun and the clock cannot be turned.
        """
        async with self._turn():
            visit = self._visit(wish.id)
            if how != "cancel":
                await self._come_to(visit.ends_at if how == "complete" else visit.starts_at)
            await self._tell(_ENDINGS[how], visit.ended(_ENDINGS[how]))

    async def turn_clock(self, wish: ClockWish) -> None:
        """Turn the clock; messages on the way leave as they do in real time.

        Raises:
            RefusedError: something is under way and does not end, or nothing is planned.
        """
        clockwork = self.clockwork
        if clockwork is None:
            raise RefusedError("no_clock")
        async with self._turn():
            await self._turning(partial(clockwork.turn, wish.by))

    def stop_clock(self) -> None:
        """Let a turn of the clock end early."""
        if self.clockwork is not None:
            self.clockwork.stop()

    async def run_on(self) -> None:
        """Let the demo's clock go on by itself."""
        if self.clockwork is not None and not self.clockwork.busy:
            async with self._one_at_a_time:
                await self.clockwork.run_on()

    async def _come_to(self, moment: datetime) -> None:
        if moment <= self.now():
            return
        if self.clockwork is None:
            raise RefusedError("not_yet")
        await self._turning(partial(self.clockwork.to, moment))
        if self.now() < moment:
            raise RefusedError("stopped")

    async def _turning(self, turn: Callable[[], Awaitable[None]]) -> None:
        clockwork = self.clockwork
        assert clockwork is not None
        clockwork.busy = True
        try:
            await turn()
        except UnfinishedError as error:
            raise RefusedError("under_way", error.left) from None
        except NothingDueError:
            raise RefusedError("nothing_due") from None
        finally:
            clockwork.busy = False
            clockwork.look()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self.clockwork is not None and self.clockwork.busy:
            raise RefusedError("busy")
        async with self._one_at_a_time:
            yield

    def _visit(self, booking_id: str) -> Visit:
        visit = self.book.visits.get(booking_id)
        if visit is None or visit.status != "booked":
            raise RefusedError("no_visit")
        return visit

    def _moment(self, day: date, at: time) -> datetime:
        moment = resolve(day, at, self.zone)
        if moment <= self.now():
            raise RefusedError("past")
        if moment > self.now() + _FARTHEST:
            raise RefusedError("far")
        return moment

    async def _tell(self, event: str, visit: Visit) -> None:
        await self.publish(event, visit.booking())
        self.book.keep(visit)
        if self.kept_in is not None:
            await asyncio.to_thread(self.kept_in.write_text, self.book.as_json(), encoding="utf-8")


@asynccontextmanager
async def open_demo_reception(stack: Stack, ending: Ending) -> AsyncIterator[Reception]:
    """Open a reception that goes on where the story ended."""
    clinic_id, clinic = _first_clinic(stack)
    staff = {person.phone for person in clinic.roster.people.values()}

    async def hear(entry: Entry) -> None:
        clockwork.note(entry)

    async with open_stage(stack, clinic.zone, ending.now, staff=staff, hear=hear, heard=ending.heard) as stage:
        clockwork = Clockwork(stage, clinic.zone)
        yield Reception(clinic_id, clinic, ending.book, stage.line, stage.publish, clockwork)


@asynccontextmanager
async def open_reception(stack: Stack) -> AsyncIterator[Reception]:
    """Open a reception in real time; its visits are kept on this machine."""
    clinic_id, clinic = _first_clinic(stack)
    kept_in = stack.home / "visits.json"
    kept_in.touch(mode=0o600)
    book = read_book(kept_in.read_text(encoding="utf-8") or "[]")
    publisher = Publisher(stack.environment["AFTERCARE_AMQP_URL"], name=_SOURCE)

    async def publish(event: str, data: dict[str, Any]) -> None:
        await publisher.publish(event_of(event, data, source=_SOURCE, at=datetime.now(UTC)))

    try:
        yield Reception(clinic_id, clinic, book, SandboxLine(stack.addresses["sandbox"]), publish, kept_in=kept_in)
    finally:
        await publisher.close()


def _first_clinic(stack: Stack) -> tuple[str, Clinic]:
    clinics = load_clinics(Path(stack.environment["AFTERCARE_CONFIG"]))
    return next(iter(clinics.clinics.items()))
