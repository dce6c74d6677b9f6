"""The reception in real time, over HTTP as the sandbox asks it; what it publishes is looked at before a broker has it."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from cli.reception import Reception
from cli.reception_routes import serving_reception
from cli.sandbox_line import SandboxLine
from cli.visits import Book, read_book
from shared.kernel.errors import DependencyUnavailableError
from shared.messages.booking import CANCELLED, CREATED, RESCHEDULED, Booking
from shared.runtime.local_servers import _free_ports
from tests.builders import example_clinics
from tests.sandbox.room import open_client

WISH = {
    "name": " Sam ",
    "number": "(212) 555-0160",
    "language": "es",
    "kind": "infusion",
    "day": "2999-01-01",
    "time": "10:00",
    "reminders": True,
    "checkins": False,
}
KEY = {"Authorization": "Bearer made-up"}


class Front:
    """A reception and what it has published."""

    def __init__(self, url, session, published, kept_in):
        self.url, self.session, self.published, self.kept_in = url, session, published, kept_in

    async def ask(self, wish, headers=KEY, **body):
        async with self.session.post(f"{self.url}/{wish}", json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None) if answer.status != 403 else None

    async def show(self):
        async with self.session.get(self.url, headers=KEY) as answer:
            return await answer.json()


@pytest.fixture
async def front(tmp_path):
    published, kept_in = [], tmp_path / "visits.json"

    async def publish(event, data):
        published.append((event, data))

    async with opened(publish, kept_in) as (url, session):
        yield Front(url, session, published, kept_in)


@asynccontextmanager
async def opened(publish, kept_in=None):
    url = f"http://127.0.0.1:{_free_ports(1)[0]}"
    environment = {"SANDBOX_RECEPTION_URL": url, "SANDBOX_RECEPTION_TOKEN": "made-up"}
    clinic = example_clinics().get("harbor")
    async with open_client() as client:
        line = SandboxLine(client.sandbox.base_url)
        reception = Reception("harbor", clinic, Book(), line, publish, kept_in=kept_in)
        async with serving_reception(environment, reception), aiohttp.ClientSession() as session:
            yield url, session


def soon():
    """Return a day that the reception takes, whenever the tests run."""
    return (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


async def test_a_visit_is_booked_moved_and_cancelled_by_events_of_rising_revision(front):
    assert (await front.ask("book", **WISH | {"day": soon()}))[0] == 200
    (visit,) = (await front.show())["visits"]
    assert (await front.ask("move", id=visit["id"], day=soon(), time="14:00"))[0] == 200
    assert (await front.ask("cancel", id=visit["id"]))[0] == 200
    assert [event for event, _data in front.published] == [CREATED, RESCHEDULED, CANCELLED]
    bookings = [Booking.model_validate(data) for _event, data in front.published]
    assert [booking.revision for booking in bookings] == [1, 2, 3]
    assert {booking.patient.phone for booking in bookings} == {"+12125550160"}
    assert {booking.patient.given_name for booking in bookings} == {"Sam"}
    assert (await front.ask("move", id=visit["id"], day=soon(), time="15:00"))[1]["error"] == "no_visit"
    assert [one.status for one in read_book(front.kept_in.read_text()).visits.values()] == ["cancelled"]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"number": "12"}, 409, "number"),
        ({"email": "sam@"}, 409, "email"),
        ({"day": "2020-01-01"}, 409, "past"),
        ({}, 409, "far"),
        ({"name": "  "}, 422, "name"),
        ({"kind": "party"}, 422, "kind"),
        ({"day": "tomorrow"}, 422, "day"),
        ({"pays": "cash"}, 422, "pays"),
    ],
)
async def test_what_cannot_be_booked_is_refused_by_a_word_for_it(front, changes, status, error):
    said, answer = await front.ask("book", **WISH | changes)
    assert (said, answer["error"]) == (status, error)
    assert front.published == []


async def test_real_time_is_not_turned_and_a_visit_ends_after_it_has_begun(front):
    await front.ask("book", **WISH | {"day": soon()})
    state = await front.show()
    assert state["clock"] is None
    assert (await front.ask("complete", id=state["visits"][0]["id"]))[1]["error"] == "not_yet"
    assert (await front.ask("clock", by="next"))[1]["error"] == "no_clock"


async def test_only_who_has_the_key_is_answered(front):
    for headers in ({}, {"Authorization": "Bearer guessed"}):
        assert (await front.ask("book", headers=headers, **WISH | {"day": soon()}))[0] == 403
    assert front.published == []


async def test_without_a_broker_nothing_is_booked():
    async def publish(_event, _data):
        raise DependencyUnavailableError("not confirmed by the broker")

    async with opened(publish) as (url, session):
        async with session.post(f"{url}/book", json=WISH | {"day": soon()}, headers=KEY) as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "unavailable")
        async with session.get(url, headers=KEY) as answer:
            assert (await answer.json())["visits"] == []
