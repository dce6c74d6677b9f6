"""Bookings from Cal.com, over HTTP as it posts them."""

import hashlib
import hmac
import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from services.booking_events.webhooks import Webhooks
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application
from tests.builders import ROOT, ny

SECRET = "what-cal-com-signs-with"
MARKED_BACK = {"attendees": [{"email": "ana@example.org", "noShow": False}]}


@pytest.fixture
async def post(rooms):
    """Post a fixture, signed; return the status and the answer."""
    webhooks = Webhooks(rooms.bookings, rooms.clock, rooms.context.clinics, {}, {"calcom": SECRET})
    application = build_application(webhooks.routes(), health=Health(), metrics=Metrics())
    async with TestClient(TestServer(application)) as client:

        async def posted(name, *, at=None, signature=None, path="/bookings/calcom/harbor", **payload):
            content = json.loads((ROOT / "tests" / "fixtures" / "calcom" / f"{name}.json").read_text())
            if at:
                content["createdAt"] = at
            if payload:
                content["payload"] |= payload
            body = json.dumps(content).encode()
            proof = signature or hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            async with client.post(path, data=body, headers={"X-Cal-Signature-256": proof}) as answer:
                read = await answer.json() if answer.content_type == "application/json" else None
                await rooms.carry()
                return answer.status, read

        yield posted


async def statuses(rooms):
    rows = await rooms.rows("SELECT booking_id, status FROM booking_events.appointments ORDER BY booking_id")
    return {row["booking_id"]: row["status"] for row in rows}


async def test_a_booking_becomes_a_confirmation_in_the_patients_language(rooms, post):
    assert (await post("created"))[0] == 202
    await rooms.until(ny("2026-11-20 12:05"))
    assert rooms.texts()[0].startswith("Harbor Clinic: su cita es el vie 4 dic a las 10:00 a.m.")


async def test_a_delivery_that_comes_again_changes_nothing(rooms, post):
    first, again = await post("created"), await post("created")
    assert (first[1]["status"], again[1]["status"]) == ("new", "seen")


async def test_a_move_is_told_as_one(rooms, post):
    await post("created")
    await rooms.until(ny("2026-11-21 10:00"))
    await post("rescheduled")
    await rooms.until(ny("2026-11-21 10:05"))
    assert await statuses(rooms) == {"uid-first": "cancelled", "uid-second": "booked"}
    assert rooms.texts()[1:] == [
        "Harbor Clinic: su cita del vie 4 dic a las 10:00 a.m. pasa al sab 5 dic a las 10:00 a.m. Preguntas: (212) 555-0100."
    ]


@pytest.mark.parametrize("order", [("rescheduled", "created"), ("created", "rescheduled", "created")])
async def test_a_move_that_overtakes_its_booking_ends_the_same(rooms, post, order):
    for name in order:
        await post(name)
    assert await statuses(rooms) == {"uid-first": "cancelled", "uid-second": "booked"}


async def test_the_end_of_a_meeting_completes_what_still_stands(rooms, post):
    await post("created")
    assert (await post("meeting_ended"))[0] == 202
    assert await statuses(rooms) == {"uid-first": "completed"}


@pytest.mark.parametrize(("before", "left"), [("cancelled", "cancelled"), ("no_show", "no_show")])
async def test_the_end_of_a_meeting_says_nothing_against_what_people_said(rooms, post, before, left):
    await post("created")
    await post(before)
    await post("meeting_ended")
    assert await statuses(rooms) == {"uid-first": left}


async def test_a_no_show_voids_the_visit_until_it_is_taken_back(rooms, post):
    await post("created")
    await post("meeting_ended")
    await post("no_show")
    assert await statuses(rooms) == {"uid-first": "no_show"}
    await post("no_show", at="2026-12-04T18:05:00.000Z", **MARKED_BACK)
    assert await statuses(rooms) == {"uid-first": "completed"}


async def test_what_cannot_be_placed_is_refused_with_its_field(post):
    assert await post("meeting_ended") == (422, {"error": "uid: no booking of that id is known here"})
    assert (await post("created", path="/bookings/calcom"))[1] == {
        "error": "address: has to name the clinic, since there are several"
    }
    assert (await post("created", path="/bookings/calcom/nowhere"))[0] == 422
    assert (await post("created", startTime="soon"))[1]["error"].startswith("payload.startTime: ")


async def test_only_signed_deliveries_are_read(rooms, post):
    assert (await post("created", signature="no-secret-provided"))[0] == 401
    assert (await post("created", signature="0" * 64))[0] == 401
    assert await statuses(rooms) == {}


async def test_a_ping_is_acknowledged(post):
    assert await post("ping") == (200, {"status": "ignored"})
