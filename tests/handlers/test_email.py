"""E-mails: content-free unless a clinic says otherwise, sent once, ended by one click."""

import json
import re
import socket
import time
from base64 import b64decode
from datetime import timedelta

import aiohttp
import pytest

from sandbox.signature import MailSigner
from services.notifier.email_webhooks import EmailWebhooks
from services.notifier.providers.sendgrid_signature import SIGNATURE, TIMESTAMP, EventSignature
from shared.clinics.model import Clinics
from shared.messages import reply
from shared.messages.booking import CANCELLED, RESCHEDULED
from shared.web.health import Health
from shared.web.server import build_application, serving
from tests.builders import clinic, ny
from tests.rooms import open_rooms
from tests.waiting import until

ANA = {"email": "ana@mail.example", "patient_id": "p-1"}
AGREED = {"reminders": True, "email": True}


def clinics(*channels, how="first_that_works", **email):
    return Clinics(clinics={"harbor": clinic(delivery={"channels": channels or ("email",), "how": how}, email=email)})


@pytest.fixture
async def open_mail(database_url, sealer):
    """Open rooms whose e-mail webhooks are served, with the sandbox reporting to them."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def open_it(**choices):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            url = f"http://127.0.0.1:{port}"
            rooms = await stack.enter_async_context(
                open_rooms(database_url, sealer, mail_events_url=f"{url}/sendgrid/events", **choices)
            )
            signature = EventSignature([rooms.sandbox.settings.mail_signer.public_key], oldest_s=300)
            webhooks = EmailWebhooks(rooms.notifier, rooms.clock, rooms.context, signature)
            application = build_application(webhooks.routes(), health=Health(), metrics=rooms.context.metrics)
            await stack.enter_async_context(serving(application, host="127.0.0.1", port=port))
            rooms.mail_url = url
            rooms.http = await stack.enter_async_context(aiohttp.ClientSession(url))
            return rooms

        yield open_it


async def booked(rooms, **changes):
    await rooms.book(**{"patient": ANA, "consent": AGREED, **changes})
    rooms.clock.set(ny("2026-11-20 12:01"))
    return await rooms.send()


async def state(rooms, channel="email"):
    return await rooms.row("SELECT * FROM notifier.messages WHERE channel = %s ORDER BY id", channel)


async def receipt(rooms, wanted):
    async def has_come():
        return (await state(rooms))["receipt"] == wanted

    await until(has_come, what=f"the receipt {wanted}")


def link(mail):
    return re.search(r"<https?://[^/]+(/unsubscribe/[\w-]+)>", mail["headers"]["List-Unsubscribe"])[1]


async def test_an_email_says_whom_to_call_and_nothing_else(open_mail):  # H3
    rooms = await open_mail(clinics=clinics())
    await booked(rooms)
    (mail,) = rooms.mails()
    assert mail["subject"] == "A message from Harbor Clinic"
    words = mail["parts"]["text/plain"] + mail["parts"]["text/html"]
    assert "Please call us about your visit: (212) 555-0100." in words
    assert not re.search(r"Dec|Friday|10:00|infusi|ketamin|Ana", words)
    assert mail["attachments"] == []
    assert mail["tracking"] == {"click": False, "open": False, "subscription": False}
    assert list(mail["custom_args"]) == ["aftercare_attempt"]
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    await receipt(rooms, "delivered")


async def test_where_the_clinic_may_tell_the_visit_is_told_with_a_calendar_entry(open_mail):
    rooms = await open_mail(clinics=clinics(phi_allowed=True, bring={"en": "headphones"}))
    await booked(rooms)
    await rooms.book(
        RESCHEDULED, revision=2, patient=ANA, consent=AGREED, starts_at="2026-12-07T09:00:00-05:00", ends_at=None
    )
    rooms.clock.advance(timedelta(minutes=2))
    await rooms.send()
    await rooms.book(
        CANCELLED, revision=3, patient=ANA, consent=AGREED, starts_at="2026-12-07T09:00:00-05:00", ends_at=None
    )
    rooms.clock.advance(timedelta(minutes=2))
    await rooms.send()
    told, moved, cancelled = rooms.mails()
    assert "Your visit to Harbor Clinic is booked for Friday, December 4 at 10:00 AM." in told["parts"]["text/plain"]
    assert "is now on Monday, December 7 at 9:00 AM" in moved["parts"]["text/plain"]
    entries = [b64decode(mail["attachments"][0]["content"]).decode() for mail in (told, moved, cancelled)]
    assert len({re.search("UID:(.*)\r\n", entry)[1] for entry in entries}) == 1
    assert "DTSTART:20261204T150000Z\r\nDTEND:20261204T171000Z" in entries[0]
    assert "SUMMARY:Harbor Clinic" in entries[0]
    assert ["METHOD:CANCEL" in entry for entry in entries] == [False, False, True]
    sequences = [int(re.search("SEQUENCE:(.*)\r\n", entry)[1]) for entry in entries]
    assert sequences == sorted(set(sequences))


async def test_spanish_is_spanish(open_mail):
    rooms = await open_mail(clinics=clinics())
    await booked(rooms, patient={**ANA, "language": "es"})
    assert rooms.mails()[0]["subject"] == "Un mensaje de Harbor Clinic"


@pytest.mark.parametrize(
    "changes", [{"consent": {"reminders": True}}, {"patient": {"email": None, "patient_id": "p-1"}}]
)
async def test_without_consent_or_address_no_email_leaves(open_mail, changes):
    rooms = await open_mail(clinics=clinics())
    await booked(rooms, **changes)
    assert rooms.mails() == []
    assert (await state(rooms))["state"] == "held"


@pytest.mark.parametrize("fault", ["500_after", "accept_then_drop", "hang_after"])
async def test_an_email_whose_answer_was_lost_is_adopted_by_its_events(open_mail, fault, monkeypatch):
    monkeypatch.setattr("services.notifier.providers.sendgrid_email.TIMEOUT_S", 0.5)
    rooms = await open_mail(clinics=clinics())
    rooms.sandbox.faults.add({"kind": fault, "count": 1, "seconds": 1, "on": "mail"})
    await booked(rooms)
    await receipt(rooms, "delivered")
    row = await state(rooms)
    assert (row["outcome"], row["provider_reference"]) == ("sent", rooms.mails()[0]["id"].partition(".")[0])
    assert len(rooms.mails()) == 1


async def test_an_email_that_leaves_no_trace_is_not_repeated_and_the_text_goes_instead(open_mail):
    rooms = await open_mail(clinics=clinics("email", "sms"))
    rooms.sandbox.faults.add({"kind": "500_before", "count": 1, "on": "mail"})
    await booked(rooms)
    assert (await state(rooms))["state"] == "unknown"

    async def ended():
        await rooms.settler.run_once()
        return (await state(rooms))["outcome"]

    assert await until(ended) == "unknown"
    await rooms.send()
    assert (len(rooms.mails()), len(rooms.texts())) == (0, 1)


async def test_a_bounce_marks_the_address_and_takes_another_channel(open_mail):
    rooms = await open_mail(clinics=clinics("email", "sms"))
    await booked(rooms, patient={**ANA, "email": "bounce+ana@mail.example"})
    await receipt(rooms, "undelivered")
    await rooms.send()
    assert len(rooms.texts()) == 1
    tasks = await rooms.rows("SELECT kind FROM notifier.staff_tasks")
    assert [task["kind"] for task in tasks] == ["address_unusable"]
    await rooms.until(ny("2026-12-01 12:00"))
    assert (len(rooms.mails()), len(rooms.texts())) == (1, 2)  # the next one goes by text at once


async def test_a_complaint_ends_emails(open_mail):
    rooms = await open_mail(clinics=clinics())
    events = await booked(rooms, patient={**ANA, "email": "spam+ana@mail.example"})

    async def closed():
        return await rooms.rows("SELECT how FROM notifier.suppressions WHERE kind = 'all'")

    assert [row["how"] for row in await until(closed)] == ["complaint"]
    events += await rooms.carry()
    assert [event.data["channel"] for event in events if event.type == reply.OPTED_OUT] == ["email"]


async def test_one_click_ends_emails_and_looking_does_not(open_mail):  # RFC 8058
    rooms = await open_mail(clinics=clinics())
    await booked(rooms)
    path = link(rooms.mails()[0])
    async with rooms.http.get(path) as page:
        text = await page.text()
        assert (page.status, "Do you want to stop e-mails" in text) == (200, True)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert await rooms.rows("SELECT 1 FROM notifier.suppressions") == []
    for _ in range(2):
        async with rooms.http.post(path, data={"List-Unsubscribe": "One-Click"}) as page:
            assert (page.status, "no more e-mails" in await page.text()) == (200, True)
    assert len(await rooms.rows("SELECT 1 FROM notifier.suppressions")) == 1
    await rooms.until(ny("2026-12-05 12:00"))
    assert len(rooms.mails()) == 1
    async with rooms.http.post("/unsubscribe/aaaaaaaaaaaaaaaaaaaaaaaa") as page:
        assert page.status == 404


async def test_events_are_signed_fresh_and_taken_once(open_mail):
    rooms = await open_mail(clinics=clinics())
    await booked(rooms)
    (mail,) = rooms.mails()
    await receipt(rooms, "delivered")
    signer = rooms.sandbox.settings.mail_signer
    event = {**mail["custom_args"], "event": "bounce", "type": "bounce", "sg_event_id": "e1", "timestamp": 1}
    body = json.dumps([{**event, "sg_message_id": mail["id"]}, "odd", {"event": "open"}]).encode()

    async def post(content, *, by=signer, ago=0):
        stamp = str(int(time.time()) - ago)
        headers = {SIGNATURE: by.sign(stamp, content), TIMESTAMP: stamp}
        async with rooms.http.post("/sendgrid/events", data=content, headers=headers) as answer:
            return answer.status

    assert await post(body, by=MailSigner()) == 403
    assert await post(body, ago=600) == 403
    async with rooms.http.post("/sendgrid/events", data=body) as unsigned:
        assert unsigned.status == 403
    assert await post(b"no json") == 400
    assert [await post(body), await post(body)] == [204, 204]
    assert len(await rooms.rows("SELECT 1 FROM notifier.email_events WHERE event_id = 'e1'")) == 1
    assert (await state(rooms))["receipt"] == "delivered"  # a second final receipt contradicts and changes nothing


async def test_a_wrong_key_pauses_emails_and_not_texts(open_mail):
    rooms = await open_mail(clinics=clinics())
    rooms.sandbox.faults.add({"kind": "401", "count": 1, "on": "mail"})
    await booked(rooms)
    assert rooms.mails() == []
    assert [row["scope"] for row in await rooms.rows("SELECT scope FROM notifier.pauses")] == ["email"]

    async def sent():
        await rooms.send()
        return len(rooms.mails()) == 1

    await until(sent)


async def test_the_staging_guard_holds_for_emails_too(open_mail):
    rooms = await open_mail(clinics=clinics(), only_to=frozenset({"+12125550123"}))
    await booked(rooms)
    assert rooms.mails() == []
    assert (await state(rooms))["reason"] == "not_allowed_here"
