"""The page's way to the clinic's reception: open where one is set up, for the sandbox's own page alone."""

import json

import pytest

from sandbox.settings import SettingsError, read_settings
from tests.sandbox.room import ACCOUNT, TOKEN, open_client

WISH = {"by": "next"}


@pytest.fixture
async def behind(receiver):
    """A sandbox with a reception behind it."""
    async with open_client(
        reception_url=f"{receiver.url}/front", reception_token="key", console_url="http://127.0.0.1:9"
    ) as client:
        yield client


async def post(client, path="clock", **more):
    more = {"json": WISH} | more
    async with client.session.post(f"{client.sandbox.base_url}/sandbox/reception/{path}", **more) as answer:
        return answer.status


async def test_without_a_reception_there_is_nothing_to_wish_for(client):
    assert await client.admin("GET", "reception") == (200, {"open": False, "expected": False})
    assert await post(client) == 404
    async with client.session.get(f"{client.sandbox.base_url}/side-by-side") as answer:
        assert answer.status == 404


async def test_a_wish_and_its_answer_go_through_as_they_are(behind, receiver):
    receiver.answer("/front/clock", (409, '{"error": "busy", "left": []}'))
    assert await post(behind) == 409
    (wish,) = receiver.at("/front/clock")
    assert (json.loads(wish.body), wish.headers["Authorization"]) == (WISH, "Bearer key")


async def test_what_the_reception_shows_is_shown_and_its_absence_is_no_error(behind, receiver):
    receiver.answer("/front/", (200, '{"open": true, "visits": []}'))
    assert await behind.admin("GET", "reception") == (200, {"open": True, "visits": []})
    async with open_client(reception_url="http://127.0.0.1:9", reception_token="key") as client:
        assert await client.admin("GET", "reception") == (200, {"open": False, "expected": True})
        assert await post(client) == 502


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://127.0.0.1:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "rebound.example:8090"}, 403),
        ({"Host": "127.0.0.1.rebound.example"}, 403),
    ],
)
async def test_only_the_sandboxs_own_page_may_wish(behind, receiver, headers, status):
    receiver.answer("/front/clock", (200, "{}"))
    assert await post(behind, headers=headers) == status
    assert len(receiver.at("/front/clock")) == (status == 200)


async def test_a_form_of_another_site_is_no_wish(behind, receiver):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert await post(behind, json=None, data=json.dumps(WISH), headers={"Content-Type": kind}) == 415
    assert receiver.requests == []


async def test_only_the_page_of_both_may_frame_the_phones_and_nobody_frames_that(behind):
    policies = {}
    for path in ("/", "/side-by-side"):
        async with behind.session.get(behind.sandbox.base_url + path) as answer:
            policies[path] = answer.headers["Content-Security-Policy"]
            text = await answer.text()
    assert "frame-ancestors 'self'" in policies["/"]
    assert "frame-ancestors 'none'" in policies["/side-by-side"]
    assert "frame-src 'self' http://127.0.0.1:9;" in policies["/side-by-side"]
    assert 'data-console="http://127.0.0.1:9"' in text


@pytest.mark.parametrize("name", ["SANDBOX_RECEPTION_URL", "SANDBOX_CONSOLE_URL"])
def test_what_stands_behind_the_page_is_on_this_machine(name):
    account = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN}
    for address in (
        "http://10.0.0.1:80",
        "https://127.0.0.1:80",
        "http://127.0.0.1:80/; frame-src *",
        "http://127.0.0.1",
    ):
        with pytest.raises(SettingsError, match=name):
            read_settings({**account, name: address})
    assert read_settings({**account, name: "http://127.0.0.1:80"})
