"""Webhooks over real HTTP, to real processes: a 2xx means kept, anything else says why and changes nothing."""

import asyncio
import json
import time

import psycopg
import pytest
from multidict import MultiDict

from sandbox.signature import sign as twilio_signature
from services.booking_events.domain.signature import is_signed
from services.booking_events.domain.signature import sign as feed_signature
from services.notifier.providers.twilio_signature import SignatureCheck
from tests.integration.stack import SECOND_TOKEN
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_signed_booking_is_kept_once_and_becomes_a_text(running):
    phone = "+12125550401"
    body = running.event(running.booking(booking_id="web_1", patient={"patient_id": "web_1", "phone": phone}))
    status, answer = await running.post_booking(body)
    assert (status, json.loads(answer)["status"]) == (202, "new")
    status, answer = await running.post_booking(body, path="/bookings/native/harbor")
    assert (status, json.loads(answer)["status"]) == (202, "seen")
    assert len(await running.texts_to([phone])) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"secret": "wrong"},
        {"at": int(time.time()) - 900},
        {"at": int(time.time()) + 900},
        {"header": " "},
        {"header": "t=1"},
        {"header": "v1=00"},
        {"header": f"t={int(time.time())},v1=ÿ"},
        {"header": "nonsense"},
    ],
)
async def test_what_the_feed_did_not_sign_is_refused(running, options):
    status, answer = await running.post_booking(running.event(running.booking(booking_id="forged")), **options)
    assert (status, json.loads(answer)) == (401, {"error": "the signature is missing, wrong or too old"})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"visit_kind": "CANARY"}, "data.visit_kind: "),
        ({"starts_at": "CANARY"}, "data.starts_at: "),
        ({"patient": {"time_zone": "CANARY"}}, "data.patient.time_zone: "),
        ({"clinic_id": "CANARY"}, "data.clinic_id: no clinic of that id"),
    ],
)
async def test_what_is_wrong_is_named_and_not_repeated(running, changes, named):
    status, answer = await running.post_booking(running.event(running.booking(**changes)))
    assert status == 422
    assert named in json.loads(answer)["error"]
    assert "CANARY" not in answer


async def test_other_mistakes_of_a_feed_are_named(running):
    good = running.booking(booking_id="web_2")
    for body, named in (
        (b"{", "body: not readable as JSON"),
        (running.event(good, event="message.sent.v1"), "type: not a booking event"),
        (running.event(good, event="booking.created.v9"), "type: "),
    ):
        status, answer = await running.post_booking(body)
        assert (status, named in answer) == (422, True), answer
    status, answer = await running.post_booking(running.event(good), path="/bookings/native/mesa")
    assert (status, "data.clinic_id: not the clinic" in answer) == (422, True)
    same_id = running.event(good, id="the-same")
    other = running.event(running.booking(booking_id="web_3"), id="the-same")
    assert (await running.post_booking(same_id))[0] == 202
    status, answer = await running.post_booking(other)
    assert (status, "id: used before" in answer) == (422, True)


@pytest.mark.parametrize(
    ("service", "path"),
    [("booking_events", "/bookings/native"), ("notifier", "/twilio/inbound"), ("notifier", "/twilio/status")],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE"])
async def test_only_posts_are_taken(running, service, path, method):  # S29
    assert (await running.call(method, service, path))[0] == 405


async def test_a_request_that_is_too_large_is_refused(running):  # S4
    assert (await running.post_booking(b"x" * 300_000))[0] == 413
    assert (await running.post_form("/twilio/inbound", running.inbound("x" * 20_000)))[0] == 413


async def test_answers_say_nothing_about_what_runs_here(running):  # S26
    status, answer = await running.call("GET", "notifier", "/nothing/here")
    assert (status, json.loads(answer)) == (404, {"error": "Not Found"})


@pytest.mark.parametrize("token", [None, SECOND_TOKEN])
async def test_a_text_signed_with_either_token_is_kept(running, token):  # S1
    status, answer = await running.post_form("/twilio/inbound", running.inbound("hello"), token=token)
    assert (status, answer) == (200, "<Response/>")


async def test_a_text_that_comes_again_is_kept_once(running):  # F45
    fields = running.inbound("see you then", phone="+12125550402")
    answers = await asyncio.gather(*(running.post_form("/twilio/inbound", fields) for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    assert await kept(running, fields["MessageSid"]) == 1


async def test_what_the_provider_did_not_sign_for_us_is_refused(running):  # S1, F44, F46
    fields = running.inbound("Hi")
    twice = [*fields.items(), ("Body", "Hi")]
    public, token = running.stack.environment["AFTERCARE_PUBLIC_URL"], running.stack.environment["TWILIO_AUTH_TOKEN"]
    glued = {name: value for name, value in fields.items() if name != "From"} | {"Body": "HiFrom+12125550177"}
    refusals = [
        await running.post_form("/twilio/inbound", fields, signature=""),
        await running.post_form("/twilio/inbound", fields, signature="nonsense"),
        await running.post_form("/twilio/inbound", fields, token="somebody else's"),
        await running.post_form("/twilio/inbound", fields, url="https://evil.example.org"),
        await running.post_form("/twilio/inbound", fields | {"AccountSid": "AC" + "1" * 32}),
        await running.post_form("/twilio/inbound", fields, pairs=twice),
        await running.post_form(
            "/twilio/inbound?x=1", fields, signature=twilio_signature(token, f"{public}/twilio/inbound", fields)
        ),
        await running.call(
            "POST", "notifier", "/twilio/inbound", body=b"{}", headers={"Content-Type": "application/json"}
        ),
        await running.call("POST", "notifier", "/twilio/inbound", body=b"Body=\xff", headers=FORM),
    ]
    assert {(status, answer) for status, answer in refusals} == {(403, '{"error": "not signed"}')}
    # Names and values are signed without separators: this one is signed like the honest one, and lacks a sender.
    signature = twilio_signature(token, f"{public}/twilio/inbound", fields)
    status, _answer = await running.post_form("/twilio/inbound", glued, signature=signature)
    assert status in {400, 403}
    assert await kept(running, fields["MessageSid"]) == 0


async def test_a_receipt_for_a_message_that_nobody_knows_is_taken_and_kept(running):  # F31
    fields = {
        "AccountSid": running.stack.environment["TWILIO_ACCOUNT_SID"],
        "MessageSid": "SM" + "7" * 32,
        "MessageStatus": "delivered",
    }
    assert (await running.post_form("/twilio/status?a=none", fields))[0] == 204


async def test_what_cannot_be_kept_is_refused_for_now_and_kept_when_it_comes_again(running, servers):  # F21
    body = running.event(running.booking(booking_id="web_9", patient={"patient_id": "web_9"}))
    fields = running.inbound("still there?")
    servers.database.kill()
    try:
        refusals = await asyncio.gather(running.post_booking(body), running.post_form("/twilio/inbound", fields))
        assert [status for status, _answer in refusals] == [503, 503]
        assert "cannot be kept right now" in refusals[0][1]
    finally:
        await asyncio.to_thread(servers.database.start)

    async def both_kept():
        answers = await asyncio.gather(running.post_booking(body), running.post_form("/twilio/inbound", fields))
        return [status for status, _answer in answers] == [202, 200]

    await until(both_kept, within=20, what="both kept")
    assert await kept(running, fields["MessageSid"]) == 1
    for name in ("booking_events", "notifier", "followup"):
        await running.ready(name)


async def kept(running, reference):
    async with await psycopg.AsyncConnection.connect(running.stack.environment["AFTERCARE_DATABASE_URL"]) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM notifier.inbound WHERE provider_reference = %s", (reference,)
        )
        return (await cursor.fetchone())[0]


# Vectors: the provider's published example, and our own scheme spelled out.


@pytest.mark.parametrize(
    ("caller", "signature"),
    [("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="), ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")],
)
def test_the_providers_published_signatures_are_accepted(caller, signature):
    fields = {"CallSid": "CA1234567890ABCDE", "Caller": caller, "Digits": "1234", "From": caller, "To": "+18005551212"}
    check = SignatureCheck(["other", "12345"], public_url="https://mycompany.com/")

    def accepts(path="/myapp.php?foo=1&bar=2", header=signature, **changes):
        headers = {"X-Twilio-Signature": header} if header else {}
        return check.accepts(path, MultiDict(fields | changes), headers)

    assert accepts()
    assert not accepts("/myapp.php?foo=1&bar=3")
    assert not accepts(Digits="1235")
    assert not accepts(header=None)
    assert not accepts(header="nonsense")
    assert twilio_signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", fields) == signature


def test_the_feeds_signature_is_what_the_contract_says():
    header = feed_signature("secret", b'{"a":1}', at=1_764_000_000)
    assert header == "t=1764000000,v1=112dc1736ad0328f094ebdad63c8bde5936ce7d0bb7ae467f9f8d481a26df51c"
    assert is_signed(["old", "secret"], header, b'{"a":1}', now=1_764_000_299)
    assert not is_signed(["secret"], header, b'{"a":1}', now=1_764_000_301)
    assert not is_signed(["secret"], header, b'{"a":2}', now=1_764_000_000)
    assert not is_signed([], header, b'{"a":1}', now=1_764_000_000)
