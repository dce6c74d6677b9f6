"""Mail is taken or refused by its field, reaches a mailbox, and what becomes of it comes back in signed batches."""

import base64
import copy
import io
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sandbox.room import KEY, open_client
from tests.waiting import until

ICS = base64.b64encode(b"BEGIN:VCALENDAR").decode()


def document(to="ana@example.org", **changes):
    return {
        "personalizations": [{"to": [{"email": to, "name": "Ana"}], "custom_args": {"attempt": "a1"}}],
        "from": {"email": "visits@clinic.example", "name": "Harbor"},
        "subject": "About your visit",
        "content": [
            {"type": "text/plain", "value": "Please call us."},
            {"type": "text/html", "value": "<p>Call us.</p>"},
        ],
        "headers": {
            "List-Unsubscribe": "<https://clinic.example/unsubscribe/t>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "attachments": [{"content": ICS, "type": "text/calendar", "filename": "visit.ics"}],
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
        **changes,
    }


def verify(public_key, request):
    """Check a batch as SendGrid's documentation says; the sandbox's own code has no part in it."""
    key = serialization.load_der_public_key(base64.b64decode(public_key))
    signature = base64.b64decode(request.headers["X-Twilio-Email-Event-Webhook-Signature"])
    signed = request.headers["X-Twilio-Email-Event-Webhook-Timestamp"].encode() + request.body
    key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))


def events(receiver):
    return [event for request in receiver.at("/events") for event in request.json]


async def reported(receiver, *names):
    return await until(
        lambda: [e["event"] for e in events(receiver)] == list(names) and events(receiver),
        within=5,
        what=f"events {names}",
    )


async def test_mail_is_accepted_delivered_and_reported_signed(client, receiver):
    status, _, headers = await client.mail(document())
    assert status == 202
    found = await reported(receiver, "processed", "delivered")
    for event in found:
        assert event["email"] == "ana@example.org"
        assert event["attempt"] == "a1"
        assert event["sg_message_id"].split(".")[0] == headers["X-Message-Id"]
        assert abs(event["timestamp"] - time.time()) < 5
    assert len({event["sg_event_id"] for event in found}) == 2
    for request in receiver.at("/events"):
        verify(client.sandbox.settings.mail_signer.public_key, request)


async def test_a_changed_batch_does_not_pass_as_signed(client, receiver):
    await client.mail(document())
    await reported(receiver, "processed", "delivered")
    request = receiver.at("/events")[0]
    request.body = request.body.replace(b"ana@", b"bob@")
    with pytest.raises(InvalidSignature):
        verify(client.sandbox.settings.mail_signer.public_key, request)


async def test_the_public_key_is_shown_at_sendgrids_path_and_to_the_admin(client):
    key = client.sandbox.settings.mail_signer.public_key
    async with client.session.get(
        f"{client.sandbox.base_url}/v3/user/webhooks/event/settings/signed", headers={"Authorization": f"Bearer {KEY}"}
    ) as response:
        assert (await response.json())["public_key"] == key
    assert (await client.admin("GET", "mail-key"))[1] == {"public_key": key}


async def test_the_mailbox_shows_what_came(client):
    await client.mail(document())
    box = (await client.admin("GET", "mailboxes"))[1]["mailboxes"][0]
    mail = box["mails"][0]
    assert (box["address"], box["name"], box["suppressed"]) == ("ana@example.org", "Ana", None)
    assert (mail["sender"], mail["subject"], mail["parts"]["text/plain"]) == (
        "visits@clinic.example",
        "About your visit",
        "Please call us.",
    )
    assert mail["attachments"] == [{"filename": "visit.ics", "type": "text/calendar", "size": 15}]
    assert mail["tracking"] == {"click": False, "open": False, "subscription": False}
    assert mail["one_click_unsubscribe"]
    async with client.session.get(f"{client.sandbox.base_url}/sandbox/mail/{mail['id']}/attachments/0") as response:
        assert await response.read() == b"BEGIN:VCALENDAR"
        assert response.headers["Content-Disposition"].startswith("attachment;")


async def test_tracking_that_was_not_switched_off_is_shown(client):
    await client.mail(document(tracking_settings=None))
    mail = (await client.admin("GET", "mailboxes"))[1]["mailboxes"][0]["mails"][0]
    assert mail["tracking"] == {"click": True, "open": True, "subscription": False}


def _without(name):
    return lambda d: d.pop(name)


def _set(path, value):
    def change(d):
        for key in path[:-1]:
            d = d[key]
        d[path[-1]] = value

    return change


P = ("personalizations", 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_without("personalizations"), "personalizations"),
        (_set(("personalizations",), []), "personalizations"),
        (_set(("personalizations",), {}), "personalizations"),
        (_set(("personalizations",), [{"to": [{"email": "a@b.example"}]}] * 1001), "personalizations"),
        (_set((*P, "to"), []), "personalizations.0.to"),
        (_set((*P, "to"), {"email": "a@b.example"}), "personalizations.0.to"),
        (_set((*P, "to", 0), "ana@example.org"), "personalizations.0.to.0"),
        (_set((*P, "to", 0), {"name": "Ana"}), "personalizations.0.to.0.email"),
        (_set((*P, "to", 0, "email"), ["ana@example.org"]), "personalizations.0.to.0.email"),
        (_set((*P, "to", 0, "email"), "ana at example"), "personalizations.0.to.0.email"),
        (_set((*P, "to", 0, "email"), "ana@example.org\nBcc: x@y.example"), "personalizations.0.to.0.email"),
        (_set((*P, "to", 0, "name"), 1), "personalizations.0.to.0.name"),
        (_set((*P, "to"), [{"email": "a@b.example"}] * 2), "personalizations.0"),
        (_set((*P, "to"), [{"email": f"a{n}@b.example"} for n in range(1001)]), "personalizations"),
        (_set((*P, "cc"), [{"email": "ANA@example.org"}]), "personalizations.0"),
        (_set((*P, "subject"), ""), "personalizations.0.subject"),
        (_set((*P, "custom_args"), {"n": 1}), "personalizations.0.custom_args.n"),
        (_set((*P, "headers"), {"Subject": "x"}), "personalizations.0.headers.Subject"),
        (_set((*P, "send_at"), "soon"), "personalizations.0.send_at"),
        (_without("from"), "from"),
        (_set(("from",), "visits@clinic.example"), "from"),
        (_set(("from", "email"), "no"), "from.email"),
        (_set(("reply_to",), {"email": "no"}), "reply_to.email"),
        (lambda d: d.update(reply_to={"email": "a@b.example"}, reply_to_list=[{"email": "a@b.example"}]), "reply_to"),
        (_set(("reply_to_list",), [{"email": "no"}]), "reply_to_list.0.email"),
        (_without("subject"), "subject"),
        (_set(("subject",), 7), "subject"),
        (_without("content"), "content"),
        (_set(("content",), "text"), "content"),
        (_set(("content", 0, "value"), ""), "content.0.value"),
        (_set(("content", 0, "type"), None), "content.0.type"),
        (lambda d: d["content"].reverse(), "content"),
        (_set(("attachments",), {}), "attachments"),
        (_set(("attachments", 0, "content"), "not base64!"), "attachments.0.content"),
        (_set(("attachments", 0, "filename"), ""), "attachments.0.filename"),
        (_set(("attachments", 0, "type"), "text/calendar; method=REQUEST"), "attachments.0.type"),
        (_set(("attachments", 0, "disposition"), "hidden"), "attachments.0.disposition"),
        (_set(("headers",), {"Reply-To": "x"}), "headers.Reply-To"),
        (_set(("headers",), {"X Y": "x"}), "headers.X Y"),
        (_set(("headers",), {"X-Y": 1}), "headers.X-Y"),
        (_set(("custom_args",), {"a": "x" * 10_000}), "custom_args"),
        (lambda d: d.update(custom_args={"b": "x" * 9_998}), "personalizations.0.custom_args"),
        (_set(("categories",), ["a"] * 11), "categories"),
        (_set(("categories",), [1]), "categories.0"),
        (_set(("send_at",), 4_000_000_000), "send_at"),
        (_set(("batch_id",), "b"), "batch_id"),
        (_set(("tracking_settings",), {"open_tracking": {"enable": "no"}}), "tracking_settings.open_tracking.enable"),
        (_set(("mail_settings",), []), "mail_settings"),
    ],
)
async def test_a_mistake_is_refused_with_the_name_of_its_field(change, field):
    async with open_client() as client:
        wrong = copy.deepcopy(document())
        change(wrong)
        status, answer, _ = await client.mail(wrong)
        assert (status, [error["field"] for error in answer["errors"]]) == (400, [field])
        assert answer["errors"][0].keys() == {"message", "field", "help"}
        assert not client.sandbox.mail.all


async def test_requests_that_are_not_mail_are_refused():
    async with open_client(mail_senders=frozenset({"visits@clinic.example"})) as client:
        assert (await client.mail(document(), key="SG.wrong"))[0] == 401
        assert (await client.mail([]))[0] == 400
        assert (await client.mail(None, data=b"{", headers={"Content-Type": "application/json"}))[0] == 400
        assert (await client.mail(None, data=b"{}", headers={"Content-Type": "text/plain"}))[0] == 415
        status, answer, _ = await client.mail(document(**{"from": {"email": "other@clinic.example"}}))
        assert (status, answer["errors"][0]["field"]) == (403, "from")


async def test_a_request_that_is_too_large_is_answered_in_html(client):
    status, answer, headers = await client.mail(
        None, data=io.BytesIO(b" " * (30 * 1024 * 1024 + 2)), headers={"Content-Type": "application/json"}
    )
    assert (status, headers.get("Content-Type", "").split(";")[0]) == (413, "text/html")
    assert "<html>" in answer


async def test_sendgrids_own_sandbox_mode_checks_and_keeps_nothing(client):
    status, _, headers = await client.mail(document(mail_settings={"sandbox_mode": {"enable": True}}))
    assert status == 200
    assert "X-Message-Id" not in headers
    assert not client.sandbox.mail.all


async def test_every_recipient_gets_a_mail_of_their_own(client):
    wish = document()
    wish["personalizations"].append({"to": [{"email": "bob@example.org"}], "subject": "Another"})
    await client.mail(wish)
    assert [(entry["to"], entry["subject"]) for entry in client.ledger("mail_accepted")] == [
        ("ana@example.org", "About your visit"),
        ("bob@example.org", "Another"),
    ]


@pytest.mark.parametrize(
    ("to", "expected", "fields"),
    [
        ("bounce@example.org", ["processed", "bounce"], {"type": "bounce", "status": "5.1.1"}),
        ("bounce+ana@example.org", ["processed", "bounce"], {"type": "bounce"}),
        ("blocked@example.org", ["processed", "bounce"], {"type": "blocked"}),
        ("dropped@example.org", ["dropped"], {"reason": "Invalid"}),
        ("deferred@example.org", ["processed", "deferred", "delivered"], {"response": "250 OK"}),
        ("spam@example.org", ["processed", "delivered", "spamreport"], {}),
    ],
)
async def test_an_address_that_says_what_becomes_of_it_is_believed(client, receiver, to, expected, fields):
    await client.mail(document(to))
    last = (await reported(receiver, *expected))[-1]
    assert {name: last[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("to", "reason"), [("bounce@example.org", "Bounced Address"), ("spam@example.org", "Spam Reporting Address")]
)
async def test_later_mail_to_a_bad_address_is_dropped_unless_the_request_insists(client, receiver, to, reason):
    await client.mail(document(to))
    await until(lambda: to in client.sandbox.mail.suppressed)
    await client.mail(document(to))
    dropped = await until(lambda: [e for e in events(receiver) if e["event"] == "dropped"])
    assert dropped[0]["reason"] == reason
    await client.mail(document(to, mail_settings={"bypass_list_management": {"enable": True}}))
    await until(lambda: [e["event"] for e in events(receiver)].count("processed") == 2)


async def test_an_unsubscribe_and_other_late_events_on_demand(client, receiver):
    await client.mail(document())
    await reported(receiver, "processed", "delivered")
    mail = next(iter(client.sandbox.mail.all))
    assert (await client.admin("POST", f"mail/{mail}/events", {"event": "unsubscribe"}))[0] == 204
    await reported(receiver, "processed", "delivered", "unsubscribe")
    await client.mail(document())
    await until(lambda: events(receiver)[-1].get("reason") == "Unsubscribed Address")
    assert (await client.admin("POST", f"mail/{mail}/events", {"event": "exploded"}))[0] == 422


async def test_the_unsubscribe_button_posts_once_as_rfc_8058_says(client, receiver):
    headers = {
        "List-Unsubscribe": f"<mailto:x@y.example>, <{receiver.url}/unsubscribe/t>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    await client.mail(document(headers=headers))
    mail = next(iter(client.sandbox.mail.all))
    assert (await client.admin("POST", f"mail/{mail}/unsubscribe"))[0] == 200
    assert [(r.method, r.form) for r in receiver.at("/unsubscribe/t")] == [("POST", {"List-Unsubscribe": "One-Click"})]


async def test_mail_without_one_click_cannot_be_unsubscribed_from(client):
    await client.mail(document(headers={"List-Unsubscribe": "<https://clinic.example/u>"}))
    mail = next(iter(client.sandbox.mail.all))
    assert (await client.admin("POST", f"mail/{mail}/unsubscribe"))[0] == 409


async def test_a_batch_is_repeated_until_it_is_taken(client, receiver):
    receiver.answer("/events", (500, ""), (403, ""), (204, ""))
    await client.mail(document())
    await until(lambda: [e["answer"] for e in client.ledger("mail_webhook")][-1:] == ["taken"])
    sent = receiver.at("/events")
    assert len(sent) >= 3
    assert sent[0].body == sent[1].body == sent[2].body


async def test_an_event_is_posted_twice_under_the_same_id(client, receiver):
    await client.fault("callbacks_doubled", on="mail", count=2)
    await client.mail(document())
    await until(lambda: len(events(receiver)) == 4)
    ids = [event["sg_event_id"] for event in events(receiver)]
    assert sorted(ids.count(one) for one in set(ids)) == [2, 2]


async def test_events_come_in_another_order(receiver):
    async with open_client(receiver, step_s=0.02) as client:
        # Both events of a mail fall into one batch when a batch waits longer than a step.
        await client.fault("callbacks_reordered", on="mail", count=100)
        await client.mail(document())
        await until(lambda: len(events(receiver)) == 2)
        assert [event["event"] for event in events(receiver)] == ["delivered", "processed"]


async def test_events_are_lost(client, receiver):
    await client.fault("callbacks_dropped", on="mail", count=2)
    await client.mail(document())
    await until(lambda: len(client.ledger("mail_webhook")) == 2)
    assert not receiver.at("/events")
    assert {entry["answer"] for entry in client.ledger("mail_webhook")} == {"dropped"}


@pytest.mark.parametrize(("fault", "name"), [("bounce", "bounce"), ("deferred", "deferred"), ("dropped", "dropped")])
async def test_a_fault_decides_what_becomes_of_a_mail(client, receiver, fault, name):
    await client.fault(fault, to="ana@example.org")
    await client.mail(document())
    await until(lambda: name in [event["event"] for event in events(receiver)])


async def test_a_mail_for_later_waits(client):
    await client.mail(document(send_at=int(time.time()) + 3600))
    await client.mail(document("bob@example.org"))
    await until(lambda: [m.status for m in client.sandbox.mail.all.values()] == ["accepted", "delivered"])
