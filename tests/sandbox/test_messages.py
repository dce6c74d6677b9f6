"""Texts: refused with Twilio's codes, listed, reported and sent in, as its published API description says."""

from datetime import UTC, datetime, timedelta

import pytest
from twilio.request_validator import RequestValidator, get_signature_algorithm

from tests.sandbox.room import ACCOUNT, ANA, OURS, TOKEN, open_client
from tests.waiting import until

SERVICE = "MG" + "0" * 32


def ahead(**span):
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def scheduled(**changes):
    return {"From": None, "MessagingServiceSid": SERVICE, "ScheduleType": "fixed", "SendAt": ahead(hours=1), **changes}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"To": None}, 21604),
        ({"To": " "}, 21604),
        ({"To": "2125550123"}, 21211),
        ({"To": "+0125550123"}, 21211),
        ({"Body": None}, 21602),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"From": None}, 21603),
        ({"From": None, "MessagingServiceSid": "MG1"}, 21705),
        ({"From": "no number at all"}, 21212),
        ({"From": "+13055550100"}, 21659),
        ({"StatusCallback": "nowhere"}, 21609),
        ({"StatusCallback": "https://a_b.example/status"}, 21609),
        ({"StatusCallback": "ftp://a.example/status"}, 21609),
        ({"ValidityPeriod": "0"}, 21624),
        ({"ValidityPeriod": "36001"}, 21624),
        ({"ValidityPeriod": "soon"}, 21624),
        ({"ScheduleType": "fixed", "SendAt": ahead(hours=1)}, 35118),
        (scheduled(ScheduleType=None), 35117),
        (scheduled(SendAt=None), 35114),
        (scheduled(SendAt="tomorrow"), 35114),
        (scheduled(SendAt=ahead(minutes=4)), 35115),
        (scheduled(SendAt=ahead(days=36)), 35115),
        # Twilio's documented test numbers.
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550002"}, 21612),
        ({"To": "+15005550003"}, 21408),
        ({"To": "+15005550004"}, 21610),
        ({"To": "+15005550009"}, 21614),
        ({"From": "+15005550001"}, 21212),
        ({"From": "+15005550007"}, 21606),
        ({"From": "+15005550008"}, 21611),
    ],
)
async def test_a_text_that_cannot_be_sent_is_refused_with_the_code(parameters, code):
    async with open_client(from_numbers=frozenset({OURS})) as client:
        status, answer = await client.text(**parameters)
        assert (status, answer["code"], answer["status"]) == (400, code, 400)
        assert answer["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
        assert not client.sandbox.accepted()
        assert client.ledger("refused")[0]["code"] == code


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, "queued"),
        ({"From": "+15005550006"}, "queued"),
        ({"Body": "x" * 1600, "ValidityPeriod": "36000"}, "queued"),
        ({"Body": None, "MediaUrl": "https://a.example/x.png"}, "queued"),
        ({"From": None, "MessagingServiceSid": SERVICE}, "accepted"),
        (scheduled(), "scheduled"),
        (scheduled(SendAt=ahead(minutes=40)), "scheduled"),
    ],
)
async def test_a_text_begins_with_the_status_of_its_way(parameters, status):
    async with open_client(step_s=60) as client:
        http, message = await client.text(**parameters)
        assert (http, message["status"]) == (201, status)


# Twilio's published API description (twilio-oai d50069b), api.v2010.account.message.
PUBLISHED = {
    "body", "num_segments", "direction", "from", "to", "date_updated", "price", "error_message", "uri", "account_sid",
    "num_media", "status", "messaging_service_sid", "sid", "date_sent", "date_created", "error_code", "price_unit",
    "api_version", "subresource_uris",
}  # fmt: skip
STATUSES = {
    "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received", "accepted", "scheduled",
    "read", "partially_delivered", "canceled",
}  # fmt: skip


async def test_the_resource_has_the_published_fields_and_statuses(client):
    _, message = await client.text()
    assert set(message) == PUBLISHED
    assert message["status"] in STATUSES
    assert (message["direction"], message["price_unit"], message["num_segments"]) == ("outbound-api", "USD", "1")
    _, page = await client.ask("GET", f"{client.account}/Messages.json")
    assert set(page) == {
        "messages", "end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("user", "password", "status", "code"),
    [(ACCOUNT, "wrong", 401, 20003), ("AC" + "2" * 32, TOKEN, 401, 20003), ("SK1", "secret", 200, None)],
)
async def test_only_the_account_and_its_key_may_ask(user, password, status, code):
    async with open_client(api_key="SK1", api_secret="secret") as client:
        answered = await client.ask("GET", f"{client.account}/Messages.json", user=user, password=password)
        assert (answered[0], answered[1].get("code")) == (status, code)


async def test_another_account_does_not_exist(client):
    assert (await client.ask("GET", f"/2010-04-01/Accounts/AC{'2' * 32}/Messages.json"))[0] == 404
    assert (await client.ask("GET", f"{client.account}/Messages/SM1.json"))[1]["code"] == 20404


# Reading.


async def test_listings_are_filtered_newest_first_and_paged(client):
    sids = [(await client.text(To=to))[1]["sid"] for to in (ANA, "+12125550199", ANA)]
    await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": "YES"})
    today, tomorrow = datetime.now(UTC).date(), datetime.now(UTC).date() + timedelta(days=1)

    async def listed(query=""):
        page = (await client.ask("GET", f"{client.account}/Messages.json{query}"))[1]
        return [message["sid"] for message in page["messages"] if message["direction"] == "outbound-api"]

    await until(lambda: all(m.status in ("delivered", "received") for m in client.sandbox.messages.all.values()))
    assert await listed() == sids[::-1]
    assert await listed("?To=%2B12125550123") == [sids[2], sids[0]]
    assert await listed(f"?To=%2B12125550123&DateSent={today}") == [sids[2], sids[0]]
    assert await listed(f"?DateSent%3E={tomorrow}") == []
    assert await listed(f"?DateSent%3C={today}") == sids[::-1]
    assert await listed("?From=%2B13055550100") == []
    assert await listed("?PageSize=%C2%B2") == sids[::-1]


async def test_next_page_leads_through_all(client):
    for n in range(5):
        await client.text(Body=str(n))
    url, bodies = f"{client.account}/Messages.json?PageSize=2", []
    while url:
        _, page = await client.ask("GET", url)
        bodies += [message["body"] for message in page["messages"]]
        url = page["next_page_uri"]
    assert bodies == ["4", "3", "2", "1", "0"]


async def test_inbound_texts_are_listed_for_a_sweep(client, receiver):
    await client.fault("inbound_lost")
    _, made = await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": "I am not well"})
    query = f"?To=%2B15005550006&DateSent%3E={datetime.now(UTC).date()}"
    _, page = await client.ask("GET", f"{client.account}/Messages.json{query}")
    found = page["messages"][0]
    assert (found["sid"], found["direction"], found["status"]) == (made["sid"], "inbound", "received")
    assert (found["body"], found["from"]) == ("I am not well", ANA)
    assert not receiver.at("/inbound")
    assert client.ledger("inbound_webhook")[0]["answer"] == "lost"


async def test_a_text_is_redacted_and_forgotten_and_a_scheduled_one_cancelled(client):
    sid = (await client.text())[1]["sid"]
    url = f"{client.account}/Messages/{sid}.json"
    assert (await client.ask("POST", url, data={"Body": ""}))[1]["body"] == ""
    assert (await client.ask("POST", url, data={"Status": "canceled"}))[0] == 409
    assert (await client.ask("DELETE", url))[0] == 204
    assert (await client.ask("GET", url))[0] == 404
    later = (await client.text(**scheduled()))[1]["sid"]
    answer = await client.ask("POST", f"{client.account}/Messages/{later}.json", data={"Status": "canceled"})
    assert answer[1]["status"] == "canceled"


# Reporting.


async def reports(client, receiver, count, **parameters):
    await client.text(StatusCallback=f"{receiver.url}/status", **parameters)
    return await until(lambda: len(receiver.at("/status")) == count and receiver.at("/status"), within=5)


async def test_reports_are_signed_and_the_first_status_is_not_reported(client, receiver):
    found = await reports(client, receiver, 3)
    assert {report.form["MessageStatus"] for report in found} == {"sending", "sent", "delivered"}
    for report in found:
        signature = report.headers["X-Twilio-Signature"]
        assert RequestValidator(TOKEN).validate(f"{receiver.url}/status", report.form, signature)
        assert report.form["SmsSid"] == report.form["MessageSid"]
        assert (report.form["To"], report.form["From"], report.form["AccountSid"]) == (ANA, OURS, ACCOUNT)


async def test_a_shared_key_signs_with_sha256_and_says_so(receiver):
    async with open_client(receiver, shared_key=("webhooks_sharedkey_1", "shared secret")) as client:
        report = (await reports(client, receiver, 3))[0]
        algorithm = get_signature_algorithm(report.headers["X-Twilio-Webhooks-Signature-Settings"])
        signature = report.headers["X-Twilio-Signature"]
        validator = RequestValidator("shared secret")
        assert validator.validate(f"{receiver.url}/status", report.form, signature, algorithm)
        assert not RequestValidator(TOKEN).validate(f"{receiver.url}/status", report.form, signature)


@pytest.mark.parametrize(("kind", "code"), [("undelivered", 30003), ("failed", 30005)])
async def test_a_delivery_that_fails_says_why(client, receiver, kind, code):
    await client.fault(kind, code=code)
    count = 3 if kind == "undelivered" else 2
    last = [report.form for report in await reports(client, receiver, count) if report.form["MessageStatus"] == kind]
    assert last[0]["ErrorCode"] == str(code)
    _, page = await client.ask("GET", f"{client.account}/Messages.json")
    assert (page["messages"][0]["status"], page["messages"][0]["error_code"]) == (kind, code)


async def test_reports_are_lost(client, receiver):
    await client.fault("callbacks_dropped", count=3)
    await client.text(StatusCallback=f"{receiver.url}/status")
    await until(lambda: len(client.ledger("callback")) == 3)
    assert not receiver.at("/status")


async def test_reports_come_twice(client, receiver):
    await client.fault("callbacks_doubled", count=3)
    found = await reports(client, receiver, 6)
    statuses = [report.form["MessageStatus"] for report in found]
    assert sorted(statuses) == ["delivered"] * 2 + ["sending"] * 2 + ["sent"] * 2


async def test_reports_come_in_another_order(client, receiver):
    await client.fault("callbacks_reordered", count=2)
    found = await reports(client, receiver, 3)
    assert found[0].form["MessageStatus"] == "delivered"


async def test_every_report_comes_before_the_answer(client, receiver):
    await client.fault("callback_early")
    await client.text(StatusCallback=f"{receiver.url}/status")
    assert len(receiver.at("/status")) == 3


@pytest.mark.parametrize(
    ("fragment", "answers", "attempts"),
    [
        ("", [(500, "")], 1),
        ("#rc=2&rp=all", [(500, ""), (404, ""), (204, "")], 3),
        ("#rc=2&rp=5xx", [(500, ""), (404, ""), (204, "")], 2),
        ("#rc=1&rp=4xx", [(404, ""), (404, ""), (204, "")], 2),
        ("#rc=9&rp=5xx", [(500, "")], 6),
    ],
)
async def test_a_report_is_repeated_as_the_address_asks(client, receiver, fragment, answers, attempts):
    receiver.answer("/status", *answers)
    await client.fault("callbacks_dropped", count=2)
    await client.fault("callback_early")  # so that every attempt is over when the text is answered
    await client.text(StatusCallback=f"{receiver.url}/status{fragment}")
    found = receiver.at("/status")
    assert len(found) == attempts
    assert len({request.headers["I-Twilio-Idempotency-Token"] for request in found}) == 1


async def test_an_address_that_nobody_listens_at_is_tried_twice_and_given_up(client):
    await client.fault("callbacks_dropped", count=2)
    await client.text(StatusCallback="http://127.0.0.1:9/status")
    await until(lambda: [e["answer"] for e in client.ledger("callback")][2:] == ["ct", "ct"])


# Coming in.


async def test_an_inbound_text_carries_twilios_fields_signed(client, receiver):
    wish = {
        "from": ANA,
        "to": OURS,
        "body": "  Sí, 7 \n",
        "media_urls": ["https://m.example/1.jpg?x", "https://m.example/2"],
    }
    _, made = await client.admin("POST", "inbound", wish)
    request = await until(lambda: next(iter(receiver.at("/inbound")), None))
    form = request.form
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"] == made["sid"]
    assert (form["From"], form["To"], form["Body"], form["SmsStatus"]) == (ANA, OURS, "  Sí, 7 \n", "received")
    assert (form["NumMedia"], form["NumSegments"]) == ("2", "1")
    assert (form["MediaUrl0"], form["MediaContentType0"]) == ("https://m.example/1.jpg?x", "image/jpeg")
    assert (form["MediaUrl1"], form["MediaContentType1"]) == ("https://m.example/2", "application/octet-stream")
    assert form["FromCity"] == ""
    assert "OptOutType" not in form
    assert RequestValidator(TOKEN).validate(f"{receiver.url}/inbound", form, request.headers["X-Twilio-Signature"])


async def test_a_text_that_is_not_taken_goes_to_the_fallback_address(receiver):
    receiver.answer("/inbound", (500, ""))
    async with open_client(receiver, inbound_fallback_url=f"{receiver.url}/fallback") as client:
        await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": "7"})
        form = (await until(lambda: receiver.forms("/fallback")))[0]
        assert (form["Body"], form["ErrorCode"], form["ErrorUrl"]) == ("7", "11200", f"{receiver.url}/inbound")


async def test_a_parameter_that_twilio_does_not_know_is_passed_over_and_written_down(client):
    assert (await client.text(ValidityPeriods="5"))[0] == 201
    assert (await client.call(Twiml="<Response/>", Timeouts="5"))[0] == 201
    assert client.ledger("create")[0]["unknown"] == ["ValidityPeriods"]
    assert client.ledger("call_create")[0]["unknown"] == ["Timeouts"]


# DOMAIN 5.1: 160 or 153 units of the basic set, 70 or 67 of the wide one, and no character torn in two.
@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        ("a" * 152 + "€" + "a" * 8, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ñ" * 160, 1),
        ("á" * 70, 1),
        ("á" * 71, 2),
        ("á" * 134, 2),
        ("á" * 135, 3),
        ("a" * 68 + "🙂", 1),
        ("a" * 69 + "🙂", 2),
        ("a" * 66 + "🙂" + "a" * 10, 2),
        ("a" * 66 + "🙂" + "a" * 66, 3),
    ],
)
async def test_segments_are_counted_as_they_are_sent(client, body, segments):
    assert (await client.text(Body=body))[1]["num_segments"] == str(segments)


@pytest.mark.parametrize(
    "wish",
    [{}, {"from": "Ana", "to": OURS}, {"from": ANA}, {"from": ANA, "to": ""}],
    ids=["empty", "name", "no to", "blank to"],
)
async def test_a_text_from_nobody_is_refused(client, wish):
    assert (await client.admin("POST", "inbound", wish))[0] == 422
    assert not client.ledger("inbound")


async def test_an_inbound_text_comes_twice(client, receiver):
    await client.fault("callbacks_doubled")
    await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": "7"})
    found = await until(lambda: len(receiver.at("/inbound")) == 2 and receiver.forms("/inbound"))
    assert found[0]["MessageSid"] == found[1]["MessageSid"]


async def test_the_answer_to_an_inbound_text_may_be_twiml(client, receiver):
    receiver.answer("/inbound", "<Response><Message>Thank you &amp; bye</Message></Response>")
    await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": "7"})
    await until(lambda: client.ledger("own_reply"))
    _, page = await client.ask("GET", f"{client.account}/Messages.json")
    assert (page["messages"][0]["body"], page["messages"][0]["direction"]) == ("Thank you & bye", "outbound-reply")


async def test_twilios_own_opt_out_blocks_and_lets_back_in(client, receiver):
    await client.admin("POST", "opt-out-filter", {"on": True})
    types = []
    for word in ("stop", "STOP", "help", "START"):
        await client.admin("POST", "inbound", {"from": ANA, "to": OURS, "body": word})
        types.append((await until(lambda: receiver.forms("/inbound")[len(types) :], within=5))[0].get("OptOutType"))
        if word == "STOP":
            assert (await client.text())[1]["code"] == 21610
    assert types == ["STOP", "STOP", "HELP", "START"]
    assert (await client.text())[0] == 201
    assert len(client.ledger("own_reply")) == 3
