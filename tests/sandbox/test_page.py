"""The page's headers and its JSON, which others may rely on."""

import pytest

from sandbox.origin import is_loopback
from tests.sandbox.room import ANA, OURS
from tests.sandbox.test_mail import document
from tests.waiting import until


async def get(client, path, **headers):
    async with client.session.get(client.sandbox.base_url + path, headers=headers) as response:
        return response.status, response.headers, await response.text()


async def test_the_page_may_load_and_run_only_what_comes_with_it(client):
    _, headers, text = await get(client, "/")
    policy = headers["Content-Security-Policy"]
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "//" not in text.replace("<!doctype", "")


@pytest.mark.parametrize(
    "name",
    [
        "main.js",
        "dom.js",
        "words.js",
        "phone.js",
        "call.js",
        "mailbox.js",
        "mishaps.js",
        "reception.js",
        "clock.js",
        "page.css",
        "sides.js",
        "sides.css",
    ],
)
async def test_what_comes_with_the_page_is_served_and_names_no_other_host(client, name):
    status, headers, text = await get(client, f"/page/{name}")
    assert (status, headers["Content-Type"].split(";")[0]) == (
        200,
        "text/javascript" if name.endswith("js") else "text/css",
    )
    assert "https://" not in text
    assert "innerHTML" not in text


@pytest.mark.parametrize("path", ["/page/page.html", "/page/..%2fserver.py", "/page/nothing.js"])
async def test_nothing_else_is_served(client, path):
    assert (await get(client, path))[0] == 404


async def test_a_mail_is_shut_in(client):
    await client.mail(document())
    mail = next(iter(client.sandbox.mail.all))
    _, headers, text = await get(client, f"/sandbox/mail/{mail}/html")
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert text == "<p>Call us.</p>"


async def test_another_sites_page_cannot_act(client):
    url = f"{client.sandbox.base_url}/sandbox/faults"
    async with client.session.post(url, json={"kind": "429"}, headers={"Sec-Fetch-Site": "cross-site"}) as response:
        assert response.status == 403
    assert client.sandbox.faults.all() == []


@pytest.mark.parametrize(
    ("remote", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("127.evil.example", False),
        (None, False),
    ],
)
def test_only_this_machine_is_this_machine(remote, loopback):
    assert is_loopback(remote) is loopback


async def test_the_state_keeps_its_shape(client, receiver):
    await client.admin("POST", "clock", {"now": "2026-11-20T12:00:00-05:00", "zone": "America/New_York"})
    await client.admin("POST", "phones", {"number": ANA, "name": "Ana"})
    await client.text()
    await client.mail(document())
    _, made = await client.call(Twiml="<Response><Say>Hi</Say></Response>")
    await client.call_status(made["sid"], "ringing")
    await client.admin("POST", f"calls/{made['sid']}/answer")
    await client.call_status(made["sid"], "completed")
    await until(lambda: all(mail.status == "delivered" for mail in client.sandbox.mail.all.values()))
    await until(lambda: all(message.status == "delivered" for message in client.sandbox.messages.all.values()))
    _, state = await client.admin("GET", "state")
    assert set(state) == {"at", "zone", "phones", "mailboxes"}
    assert (state["at"], state["zone"]) == ("2026-11-20T12:00:00-05:00", "America/New_York")
    (phone,), (box,) = state["phones"], state["mailboxes"]
    assert set(phone) == {"number", "name", "role", "blocked", "ours", "messages", "calls", "ringing"}
    assert (phone["number"], phone["name"], phone["role"], phone["ours"]) == (ANA, "Ana", "patient", OURS)
    text, call, mail = phone["messages"][0], phone["calls"][0], box["mails"][0]
    assert set(text) == {"sid", "body", "incoming", "status", "code", "segments", "media", "at", "wall", "ours"}
    assert set(call) == {"sid", "from", "status", "answered_by", "heard", "listening", "seconds", "at", "wall"}
    assert call["heard"] == [{"kind": "say", "text": "Hi"}]
    assert set(box) == {"address", "name", "suppressed", "mails"}
    assert {"id", "sender", "sender_name", "subject", "parts", "headers", "attachments", "tracking", "status", "reason", "events",
            "read", "one_click_unsubscribe", "at", "wall", "custom_args"} <= set(mail)  # fmt: skip
    assert {text["at"], call["at"], mail["at"]} == {"2026-11-20T12:00:00-05:00"}
    assert (await client.admin("GET", "phones"))[1] == {"at": state["at"], "phones": state["phones"]}
    assert (await client.admin("GET", "mailboxes"))[1] == {"at": state["at"], "mailboxes": state["mailboxes"]}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("phones", {"number": ANA}, "name"),
        ("phones", {"number": ANA, "name": "Ana", "role": "king"}, "role"),
        ("clock", {}, "now"),
        ("inbound", [], "not an object"),
        ("opt-out-filter", {}, "on"),
    ],
)
async def test_a_wish_that_lacks_something_is_refused_by_its_field(client, path, body, field):
    status, answer = await client.admin("POST", path, body)
    assert status == 422
    assert answer["error"].startswith(field)


async def test_staff_stand_behind_patients_once_somebody_reaches_for_them(client):
    await client.admin("POST", "phones", {"number": "+12125550150", "name": "Dr. Osei", "role": "staff"})
    await client.admin("POST", "phones", {"number": ANA, "name": "Ana"})

    async def shown():
        return [phone["name"] for phone in (await client.admin("GET", "phones"))[1]["phones"]]

    assert await shown() == ["Ana"]
    await client.text(To="+12125550150")
    await client.text(To="+13055550142")
    assert await shown() == ["Ana", None, "Dr. Osei"]


async def test_only_the_phones_used_last_are_shown_but_named_ones_stay(client):
    await client.admin("POST", "phones", {"number": ANA, "name": "Ana"})
    for n in range(30):
        await client.text(To=f"+130555501{n:02}")
    _, state = await client.admin("GET", "phones")
    numbers = [phone["number"] for phone in state["phones"]]
    assert len(numbers) == 25
    assert numbers[0] == ANA
    assert numbers[-1] == "+13055550129"
