"""Pages by phone: read out, taken by a key, repeated when nobody knows whether they rang."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from services.notifier.domain.lane import URGENT
from services.notifier.handlers.send_due import SendDue
from services.notifier.providers.twilio_http import TwilioHttp
from services.notifier.providers.twilio_signature import SignatureCheck
from services.notifier.providers.twilio_sms import build_client
from services.notifier.providers.twilio_voice import TwilioVoice
from services.notifier.webhooks import Webhooks
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.plan import MESSAGES_PLAN, MessagesPlan, PlannedMessage, Recipient
from shared.messages.safety import PAGE_ANSWERED
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application
from tests.builders import ny
from tests.rooms import ACCOUNT, TOKEN
from tests.waiting import until

DOCTOR = "+12125550150"
NOW = ny("2026-11-20 12:00")


@pytest.fixture
async def line(rooms):
    """A notifier that can call, and hears what the provider posts; returns the rooms with it."""
    server = TestServer(build_application([], health=Health(), metrics=Metrics()))
    async with ClientSession() as session:
        client = build_client(
            TwilioHttp(session, timeout_s=1.0, base_url=rooms.sandbox.base_url),
            account_sid=ACCOUNT,
            username=ACCOUNT,
            password=TOKEN,
        )
        where = f"http://127.0.0.1:{unused_port()}"
        rooms.context = replace(rooms.context, voice=TwilioVoice(client, public_url=where))
        signatures = SignatureCheck([TOKEN], public_url=where)
        webhooks = Webhooks(rooms.notifier, rooms.clock, rooms.context, signatures, ACCOUNT)
        server = TestServer(
            build_application(webhooks.routes(), health=Health(), metrics=Metrics()), port=int(where.rsplit(":", 1)[1])
        )
        async with server:
            rooms.urgent = SendDue(rooms.notifier, rooms.clock, rooms.context, URGENT, slots=4, wake=asyncio.Event())
            yield rooms


def unused_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def page(revision=1, *, wanted=True, language="en"):
    values = {"clinic_name": "Harbor Clinic", "clinic_phone": "(212) 555-0100", "time_zone": "America/New_York"}
    message = PlannedMessage(
        key="call1",
        purpose=Purpose.PAGE,
        template="ops_replies_not_read",
        values=values,
        channels=(Channel.VOICE,),
        send_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        urgency="urgent",
    )
    return MessagesPlan(
        clinic_id="harbor",
        patient_ref="staff",
        subject="pages:case1/osei",
        revision=revision,
        recipient=Recipient(
            kind="staff", phone=DOCTOR, language=language, time_zone="America/New_York", consent=Consent(), as_of=NOW
        ),
        messages=(message,) if wanted else (),
    )


async def rung(rooms, **how):
    await rooms.say(MESSAGES_PLAN, page(**how))
    await rooms.urgent.run_once()
    await rooms.urgent.finish()
    call = await until(lambda: next(iter(calls(rooms)), None), what="a call")
    await until(lambda: call.status == "ringing", what="ringing")
    return call


def calls(rooms):
    return list(rooms.sandbox.calls.all.values())


def heard(call):
    return " ".join(part["text"] for part in call.heard if part["kind"] == "say")


async def answered(rooms, within=None):
    """Return what followup is told."""
    found = []

    async def look():
        found.extend(envelope for envelope in await rooms.carry() if envelope.type == PAGE_ANSWERED)
        return found

    await until(look, what="an answered page")
    return found[0].data


async def test_a_page_is_read_out_and_taken_by_a_key(line):
    call = await rung(line)
    line.sandbox.calls.line(call.sid).answer()
    await line.sandbox.calls.line(call.sid).press("1")
    told = await answered(line)
    assert (told["subject"], told["key"], told["channel"], told["answer"]) == (
        "pages:case1/osei",
        "call1",
        "voice",
        "acknowledged",
    )
    await until(lambda: call.status == "completed", what="the end of the call")
    assert "texts from patients are NOT being read" in heard(call)
    assert "Press 1 to take it. Press 2 if you cannot." in heard(call)
    assert heard(call).endswith("Thank you. It is yours now.")


async def test_one_who_cannot_lets_the_next_be_called(line):
    call = await rung(line, language="es")
    line.sandbox.calls.line(call.sid).answer()
    await line.sandbox.calls.line(call.sid).press("2")
    assert (await answered(line))["answer"] == "declined"
    await until(lambda: heard(call).endswith("Gracias. Avisaremos a la siguiente persona."), what="the goodbye")


async def test_another_key_is_asked_for_again(line):
    call = await rung(line)
    line.sandbox.calls.line(call.sid).answer()
    await line.sandbox.calls.line(call.sid).press("7")
    await until(lambda: "Please press 1 to take it" in heard(call), what="being asked again")
    await line.sandbox.calls.line(call.sid).press("1")
    assert (await answered(line))["answer"] == "acknowledged"


async def test_one_who_comes_late_hears_that_somebody_has_it(line):
    call = await rung(line)
    await line.say(MESSAGES_PLAN, page(2, wanted=False))
    line.sandbox.calls.line(call.sid).answer()
    await line.sandbox.calls.line(call.sid).press("1")
    await until(lambda: heard(call).endswith("Somebody has already taken it."), what="the goodbye")


async def test_a_call_that_nobody_picks_up_has_failed(line):
    call = await rung(line)
    line.sandbox.calls.line(call.sid).reject()

    async def look():
        (row,) = await line.rows("SELECT receipt FROM notifier.messages")
        return row["receipt"] == "undelivered"

    await until(look, what="the receipt")
    assert [(e.type, e.data["reason"]) for e in await line.carry() if "failed" in e.type] == [
        ("message.failed.v1", "busy")
    ]


async def test_a_page_of_unknown_outcome_is_repeated_at_once(line):
    line.sandbox.faults.add({"kind": "accept_then_drop", "count": 1})
    await line.say(MESSAGES_PLAN, page())
    for _ in range(2):
        await line.urgent.run_once()
        await line.urgent.finish()
    assert len(calls(line)) == 2


async def test_a_stop_ends_texts_and_not_the_calls_of_a_shift(line):
    await line.receive("STOP", phone=DOCTOR)
    call = await rung(line)
    assert call.to == DOCTOR


async def test_without_a_number_to_call_from_a_page_by_phone_waits_and_says_why(line):
    line.context = replace(line.context, default_sender=replace(line.context.default_sender, from_number=None))
    line.urgent = SendDue(line.notifier, line.clock, line.context, URGENT, slots=4, wake=asyncio.Event())
    await line.say(MESSAGES_PLAN, page())
    await line.urgent.run_once()
    (row,) = await line.rows("SELECT state, reason FROM notifier.messages")
    assert (row["state"], row["reason"]) == ("held", "no_channel")
