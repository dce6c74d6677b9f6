"""What can be made to go wrong with a create request, of a text, a call or a mail alike."""

import asyncio
import time

import aiohttp
import pytest

from tests.sandbox.room import open_client
from tests.sandbox.test_mail import document
from tests.waiting import until

ACCEPTED = {"messages": "accepted", "calls": "call_accepted", "mail": "mail_accepted"}
EACH = pytest.mark.parametrize("resource", ["messages", "calls", "mail"])


async def create(client, resource):
    """Create one; return the status and the headers."""
    client.session._timeout = aiohttp.ClientTimeout(total=5)
    if resource == "mail":
        status, _, headers = await client.mail(document())
        return status, headers
    path, form = (
        ("Messages", {"Body": "Hello"})
        if resource == "messages"
        else ("Calls", {"Twiml": "<Response><Hangup/></Response>"})
    )
    url = f"{client.sandbox.base_url}{client.account}/{path}.json"
    authorization = aiohttp.encode_basic_auth(client.sandbox.settings.account_sid, client.sandbox.settings.auth_token)
    data = {"To": "+12125550123", "From": "+15005550006", **form}
    async with client.session.post(url, data=data, headers={"Authorization": authorization}) as response:
        await response.read()
        return response.status, response.headers


@EACH
@pytest.mark.parametrize(
    ("kind", "status", "accepted"),
    [
        ("429", 429, 0),
        ("401", 401, 0),
        ("500_before", 500, 0),
        ("500_after", 500, 1),
        ("502_html", 502, 0),
        ("error", 403, 0),
        ("drop_before", None, 0),
        ("accept_then_drop", None, 1),
    ],
)
async def test_a_request_goes_wrong_once_and_then_right(client, resource, kind, status, accepted):
    await client.fault(kind, on=resource, seconds=7, http_status=403)
    if status is None:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await create(client, resource)
    else:
        answered, headers = await create(client, resource)
        assert answered == status
        assert headers.get("Retry-After") == ("7" if kind == "429" else None)
        assert ("X-RateLimit-Reset" in headers) == (kind == "429" and resource == "mail")
    assert len(client.ledger(ACCEPTED[resource])) == accepted
    assert (await create(client, resource))[0] in (201, 202)
    assert len(client.ledger(ACCEPTED[resource])) == accepted + 1


@pytest.mark.parametrize("resource", ["messages", "calls"])
async def test_the_answer_is_cut_off(client, resource):
    await client.fault("broken_json", on=resource)
    assert (await create(client, resource))[0] == 201
    assert len(client.ledger(ACCEPTED[resource])) == 1


@EACH
@pytest.mark.parametrize("kind", ["slow", "hang_after", "slow_accept"])
async def test_a_client_that_gave_up_waiting_was_accepted_all_the_same(client, resource, kind):
    await client.fault(kind, on=resource, seconds=0.2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await create(client, resource)
    assert len(client.ledger(ACCEPTED[resource])) == (0 if kind == "slow_accept" else 1)
    await until(lambda: len(client.ledger(ACCEPTED[resource])) == 1)


async def test_a_text_is_listed_late(client):
    await client.fault("list_lag", seconds=0.2)
    began = time.monotonic()
    sid = (await client.text())[1]["sid"]

    async def listed():
        return (await client.ask("GET", f"{client.account}/Messages.json"))[1]["messages"]

    assert await listed() == []
    assert (await client.ask("GET", f"{client.account}/Messages/{sid}.json"))[0] == 200
    await until(listed)
    assert time.monotonic() - began >= 0.2


async def test_a_listing_fails_once(client):
    await client.fault("list_500", to="+12125550123")
    url = f"{client.account}/Messages.json"
    asked = [(await client.ask("GET", url + query))[0] for query in ("", "?To=%2B12125550123", "?To=%2B12125550123")]
    assert asked == [200, 500, 200]


async def test_a_fault_is_for_one_number_for_one_resource_and_for_a_count(client):
    await client.fault("500_before", to="+12125550199", on="messages", count=2)
    assert (await client.text())[0] == 201
    assert (await client.call(To="+12125550199", Twiml="<Response/>"))[0] == 201
    assert [(await client.text(To="+12125550199"))[0] for _ in range(3)] == [500, 500, 201]
    assert (await client.admin("GET", "faults"))[1]["faults"][0]["hits"] == 2


async def test_a_seeded_chance_falls_the_same_way_again():
    async def run():
        async with open_client() as client:
            await client.fault("500_before", count=None, probability=0.5, seed=7)
            return [(await client.text())[0] for _ in range(20)]

    first = await run()
    assert first == await run()
    assert {201, 500} == set(first)


async def test_faults_are_cleared(client):
    await client.fault("500_before", count=None)
    assert (await client.admin("DELETE", "faults"))[0] == 204
    assert (await client.text())[0] == 201


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "kind"),
        ({"kind": "meteor"}, "kind"),
        ({"kind": "429", "on": "post"}, "on"),
        ({"kind": "429", "chance": 1}, "chance"),
        ({"kind": "429", "often": 1}, "often"),
        ({"kind": "429", "probability": 2}, "probability"),
        ([], "not an object"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused_by_its_field(client, wish, field):
    status, answer = await client.admin("POST", "faults", wish)
    assert status == 422
    assert answer["error"].startswith(field)
    assert client.sandbox.faults.all() == []
