"""Twilio's own library, unchanged but for the host it speaks to, against the sandbox."""

import asyncio
from urllib.parse import urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client as Twilio

from tests.sandbox.room import ACCOUNT, ANA, OURS, TOKEN
from tests.waiting import until


class Elsewhere(TwilioHttpClient):
    """Sends the library's requests to another host."""

    def __init__(self, base_url):
        super().__init__(timeout=5)
        self._base = base_url

    def request(self, method, url, *args, **kwargs):
        parts = urlsplit(url)
        assert parts.netloc == "api.twilio.com"
        return super().request(method, f"{self._base}{parts.path}?{parts.query}".rstrip("?"), *args, **kwargs)


@pytest.fixture
def twilio(client):
    http = Elsewhere(client.sandbox.base_url)
    yield Twilio(ACCOUNT, TOKEN, http_client=http)
    http.session.close()


async def test_texts_are_created_fetched_listed_redacted_and_deleted(client, twilio):
    def use():
        made = twilio.messages.create(to=ANA, from_=OURS, body="Hola ñ", validity_period=600, smart_encoded=False)
        assert twilio.messages(made.sid).fetch().body == "Hola ñ"
        for n in range(3):
            twilio.messages.create(to=ANA, from_=OURS, body=str(n))
        assert [m.body for m in twilio.messages.list(to=ANA, page_size=2)] == ["2", "1", "0", "Hola ñ"]
        assert [m.body for m in twilio.messages.list(to=ANA, date_sent_after=made.date_created, limit=1)] in (["2"], [])
        assert twilio.messages(made.sid).update(body="").body == ""
        assert twilio.messages(made.sid).delete()
        with pytest.raises(TwilioRestException) as refused:
            twilio.messages(made.sid).fetch()
        assert (refused.value.status, refused.value.code) == (404, 20404)
        with pytest.raises(TwilioRestException) as refused:
            twilio.messages.create(to="+15005550009", from_=OURS, body="x")
        assert (refused.value.status, refused.value.code) == (400, 21614)

    await asyncio.to_thread(use)


async def test_calls_are_placed_fetched_listed_and_ended(client, twilio):
    def place():
        return twilio.calls.create(
            to=ANA,
            from_=OURS,
            twiml="<Response><Gather action='https://a.example/key'><Say>Hi</Say></Gather></Response>",
            status_callback="https://a.example/status",
            status_callback_event=["initiated", "answered", "completed"],
            timeout=30,
            machine_detection="Enable",
        )

    call = await asyncio.to_thread(place)
    assert (call.status, call.direction, call.to) == ("queued", "outbound-api", ANA)
    assert client.ledger("call_accepted")[0]["events"] == ["answered", "completed", "initiated"]
    await client.call_status(call.sid, "ringing")
    await client.admin("POST", f"calls/{call.sid}/answer")
    await until(lambda: client.sandbox.calls.all[call.sid].listening)
    live = await asyncio.to_thread(twilio.calls(call.sid).fetch)
    assert (live.status, live.answered_by) == ("in-progress", "human")
    assert [c.sid for c in await asyncio.to_thread(twilio.calls.list, to=ANA, status="in-progress")] == [call.sid]
    await asyncio.to_thread(lambda: twilio.calls(call.sid).update(status="completed"))
    await client.call_status(call.sid, "completed")
    ended = await asyncio.to_thread(twilio.calls(call.sid).fetch)
    assert (ended.status, ended.duration) == ("completed", "1")
    assert ended.end_time is not None
