"""A call rings, is answered, hears its instructions, and the keys that are pressed come back signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

from sandbox.calls import FINAL, Call
from tests.sandbox.room import ACCOUNT, ANA, OURS, TOKEN, open_client, open_receiver
from tests.waiting import until

PAGE = "Aftercare. A case waits. Press 1 to take it."


def page_twiml(action="/voice/key", *, digits=1, after="Nobody pressed a key."):
    response = VoiceResponse()
    gather = Gather(num_digits=digits, action=action, timeout=5)
    gather.say(PAGE)
    response.append(gather)
    response.say(after)
    return str(response)


async def place(client, receiver, twiml=None, **parameters):
    receiver.answer("/voice/start", twiml or page_twiml())
    parameters = {"StatusCallback": f"{receiver.url}/voice/status", **parameters}
    if "Twiml" not in parameters:
        parameters.setdefault("Url", f"{receiver.url}/voice/start")
    status, call = await client.call(**parameters)
    assert status == 201, call
    return call["sid"]


async def ringing(client, receiver, **parameters):
    sid = await place(client, receiver, **parameters)
    await client.call_status(sid, "ringing")
    return sid


async def do(client, sid, deed, **body):
    return await client.admin("POST", f"calls/{sid}/{deed}", body)


def heard(client, sid):
    return [(part["kind"], part["text"]) for part in client.sandbox.calls.all[sid].heard]


async def test_a_pressed_key_is_posted_signed_and_its_answer_is_followed(client, receiver):
    receiver.answer("/voice/key", "<Response><Say>Thank you.</Say><Hangup/><Say>Never.</Say></Response>")
    sid = await ringing(client, receiver)
    assert (await do(client, sid, "answer"))[0] == 204
    assert (await do(client, sid, "press", digits="1"))[0] == 204
    await client.call_status(sid, "completed")
    assert heard(client, sid) == [("say", PAGE), ("press", "1"), ("say", "Thank you.")]
    request = receiver.at("/voice/key")[0]
    assert request.form["Digits"] == "1"
    assert request.form["CallSid"] == sid
    assert request.form["CallStatus"] == "in-progress"
    assert (request.form["To"], request.form["From"], request.form["AccountSid"]) == (ANA, OURS, ACCOUNT)
    validator = RequestValidator(TOKEN)
    assert validator.validate(f"{receiver.url}/voice/key", request.form, request.headers["X-Twilio-Signature"])


async def test_each_event_that_is_asked_for_is_reported_in_order(client, receiver):
    events = ["initiated", "ringing", "answered", "completed"]
    sid = await ringing(client, receiver, StatusCallbackEvent=events, Twiml="<Response><Say>Hi</Say></Response>")
    await do(client, sid, "answer")
    reports = await until(lambda: len(receiver.at("/voice/status")) == 4 and receiver.forms("/voice/status"))
    by_number = sorted(reports, key=lambda form: int(form["SequenceNumber"]))
    assert [form["CallStatus"] for form in by_number] == ["initiated", "ringing", "in-progress", "completed"]
    assert {form["CallbackSource"] for form in reports} == {"call-progress-events"}
    assert by_number[-1]["CallDuration"] == "1"
    assert "CallDuration" not in by_number[0]


async def test_only_the_end_is_reported_unless_more_is_asked_for(client, receiver):
    sid = await ringing(client, receiver)
    await do(client, sid, "reject")
    await until(lambda: receiver.at("/voice/status"))
    assert [form["CallStatus"] for form in receiver.forms("/voice/status")] == ["busy"]


@pytest.mark.parametrize(("fault", "status"), [("busy", "busy"), ("no_answer", "no-answer"), ("call_failed", "failed")])
async def test_a_call_that_nobody_takes_ends_as_asked_for(client, receiver, fault, status):
    await client.fault(fault, to=ANA)
    sid = await place(client, receiver)
    await until(lambda: receiver.at("/voice/status"))
    form = receiver.forms("/voice/status")[0]
    assert (form["CallStatus"], form["CallDuration"]) == (status, "0")
    assert not receiver.at("/voice/start")
    assert (await client.ask("GET", f"{client.account}/Calls/{sid}.json"))[1]["status"] == status


async def test_a_phone_that_rings_in_vain_is_not_answered_when_its_time_is_over(client, receiver):
    sid = await ringing(client, receiver, Timeout="1")
    await client.call_status(sid, "no-answer")


async def test_a_machine_hears_the_words_and_presses_nothing(client, receiver):
    await client.fault("machine")
    sid = await place(
        client, receiver, twiml="<Response><Say>A case waits.</Say></Response>", MachineDetection="Enable"
    )
    await client.call_status(sid, "completed")
    assert receiver.forms("/voice/start")[0]["AnsweredBy"] == "machine_start"
    assert (await client.ask("GET", f"{client.account}/Calls/{sid}.json"))[1]["answered_by"] == "machine_start"
    assert ("say", "A case waits.") in heard(client, sid)


async def test_silence_falls_through_to_what_comes_after_the_gather(client, receiver):
    sid = await ringing(client, receiver)
    await do(client, sid, "answer")
    await do(client, sid, "press", digits="")
    await client.call_status(sid, "completed")
    assert heard(client, sid) == [("say", PAGE), ("say", "Nobody pressed a key.")]
    assert not receiver.at("/voice/key")


async def test_silence_is_reported_where_the_gather_asks_for_it(client, receiver):
    twiml = '<Response><Gather action="/voice/key" actionOnEmptyResult="true"><Say>Hi</Say></Gather></Response>'
    sid = await ringing(client, receiver, twiml=twiml)
    await do(client, sid, "answer")
    await do(client, sid, "press", digits="")
    await until(lambda: receiver.at("/voice/key"))
    assert receiver.forms("/voice/key")[0]["Digits"] == ""


async def test_several_keys_end_at_their_number_or_at_the_finishing_key(client, receiver):
    receiver.answer("/voice/key", page_twiml("/voice/done", digits=None))
    sid = await ringing(client, receiver, twiml=page_twiml(digits=3))
    await do(client, sid, "answer")
    await do(client, sid, "press", digits="1239")
    await until(lambda: receiver.at("/voice/key"))
    await do(client, sid, "press", digits="45#")
    await until(lambda: receiver.at("/voice/done"))
    assert receiver.forms("/voice/key")[0]["Digits"] == "123"
    assert receiver.forms("/voice/done")[0]["Digits"] == "45"


async def test_play_pause_and_redirect_are_followed(client, receiver):
    receiver.answer("/voice/next", "<Response><Pause length='1'/><Say>Second.</Say></Response>")
    twiml = "<Response><Play>https://x.example/a.mp3</Play><Redirect>/voice/next</Redirect><Say>Never.</Say></Response>"
    sid = await ringing(client, receiver, twiml=twiml)
    await do(client, sid, "answer")
    await client.call_status(sid, "completed")
    assert heard(client, sid) == [("play", "https://x.example/a.mp3"), ("say", "Second.")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("<Response><Say>", 12100),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><Response>&a;</Response>", 12100),
        ("<Nothing/>", 12102),
        ((500, ""), 11200),
        ("<Response><Dance/><Say>Hi</Say></Response>", 12200),
    ],
)
async def test_instructions_that_cannot_be_followed_are_said_and_written_down(client, receiver, answer, code):
    sid = await ringing(client, receiver, twiml=answer)
    await do(client, sid, "answer")
    await client.call_status(sid, "completed")
    assert [entry["code"] for entry in client.ledger("call_error")] == [code]
    spoken = "Hi" if code == 12200 else "We are sorry, an application error has occurred. Goodbye."
    assert heard(client, sid) == [("say", spoken)]


async def test_the_fallback_address_gives_instructions_when_the_first_cannot(client, receiver):
    receiver.answer("/voice/fallback", "<Response><Say>A case waits.</Say></Response>")
    sid = await ringing(client, receiver, twiml=(500, ""), FallbackUrl=f"{receiver.url}/voice/fallback")
    await do(client, sid, "answer")
    await client.call_status(sid, "completed")
    assert heard(client, sid) == [("say", "A case waits.")]
    form = receiver.forms("/voice/fallback")[0]
    assert (form["ErrorCode"], form["ErrorUrl"], form["CallSid"]) == ("11200", f"{receiver.url}/voice/start", sid)


async def test_documents_that_refer_to_each_other_for_ever_end(client, receiver):
    sid = await ringing(client, receiver, twiml="<Response><Redirect>/voice/start</Redirect></Response>")
    await do(client, sid, "answer")
    await client.call_status(sid, "completed")
    assert len(receiver.at("/voice/start")) == 51


async def test_the_account_hangs_up_cancels_and_redirects(client, receiver):
    first, second = await ringing(client, receiver), await ringing(client, receiver)
    url = f"{client.account}/Calls/"
    assert (await client.ask("POST", f"{url}{first}.json", data={"Twiml": "<Response/>"}))[1]["code"] == 21220
    await client.ask("POST", f"{url}{first}.json", data={"Status": "canceled"})
    await client.call_status(first, "canceled")
    await do(client, second, "answer")
    await until(lambda: client.sandbox.calls.all[second].listening)
    await client.ask("POST", f"{url}{second}.json", data={"Twiml": "<Response><Say>New.</Say></Response>"})
    await client.call_status(second, "completed")
    assert heard(client, second)[-1] == ("say", "New.")
    assert (await client.ask("POST", f"{url}{second}.json", data={"Status": "completed"}))[1]["code"] == 21220


async def test_the_person_hangs_up(client, receiver):
    sid = await ringing(client, receiver)
    await do(client, sid, "answer")
    await until(lambda: client.sandbox.calls.all[sid].listening)
    await do(client, sid, "hang-up")
    await client.call_status(sid, "completed")
    assert not receiver.at("/voice/key")
    assert (await do(client, sid, "press", digits="1")) == (409, {"error": "the call is over"})
    assert (await do(client, "CA0", "answer")) == (409, {"error": "there is no such call"})


async def test_a_get_carries_its_parameters_in_a_signed_address(client, receiver):
    await place(client, receiver, Method="GET", To=ANA)
    sid = next(iter(client.sandbox.calls.all))
    await client.call_status(sid, "ringing")
    await do(client, sid, "answer")
    request = await until(lambda: next(iter(receiver.at("/voice/start")), None))
    assert request.method == "GET"
    assert f"CallSid={sid}" in request.url
    assert RequestValidator(TOKEN).validate(request.url, {}, request.headers["X-Twilio-Signature"])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"To": None}, 21201),
        ({"To": "12"}, 21211),
        ({"From": None}, 21213),
        ({"From": "12"}, 21212),
        ({"From": "+13055550100"}, 21210),
        ({"Url": None, "Twiml": None}, 21205),
        ({"Url": "/voice"}, 21205),
        ({"Url": "https://a.example", "Twiml": "<Response/>"}, 20001),
        ({"Twiml": "<Response>" + "x" * 4000, "Url": None}, 20001),
        ({"ApplicationSid": "AP1", "Url": None}, 21218),
        ({"StatusCallback": "nowhere"}, 21609),
        ({"FallbackUrl": "nowhere"}, 21402),
        ({"Method": "PUT"}, 21400),
        ({"FallbackMethod": "PUT"}, 21403),
        ({"Timeout": "601"}, 20001),
        ({"To": "+15005550001"}, 21217),
        ({"To": "+15005550002"}, 21214),
        ({"To": "+15005550003"}, 21215),
        ({"To": "+15005550004"}, 21216),
        ({"From": "+15005550001"}, 21212),
    ],
)
async def test_a_call_that_cannot_be_placed_is_refused_with_the_code(parameters, code):
    async with open_client(from_numbers=frozenset({OURS})) as client:
        status, answer = await client.call(**{"Url": "https://a.example/voice", **parameters})
        assert (status, answer["code"], answer["status"]) == (400, code, 400)
        assert not client.sandbox.calls.all
        assert client.ledger("call_refused")[0]["code"] == code


async def test_an_event_that_does_not_exist_is_passed_over_and_written_down(client, receiver):
    await place(client, receiver, StatusCallbackEvent=["no-answer", "busy"])
    assert client.ledger("call_error")[0]["code"] == 21626
    assert client.ledger("call_accepted")[0]["events"] == ["completed"]


async def test_calls_are_listed_filtered_and_forgotten(client, receiver):
    await client.fault("busy", count=2)
    first, second = await place(client, receiver), await place(client, receiver, To="+12125550199")
    await client.call_status(second, "busy")
    await client.call_status(first, "busy")
    third = await ringing(client, receiver)

    async def sids(query=""):
        return [call["sid"] for call in (await client.ask("GET", f"{client.account}/Calls.json{query}"))[1]["calls"]]

    assert await sids() == [third, second, first]
    assert await sids("?Status=busy") == [second, first]
    assert await sids("?To=%2B12125550199") == [second]
    assert await sids("?StartTime%3E=2099-01-01") == []
    assert await sids("?PageSize=1&Page=1") == [second]
    assert (await client.ask("DELETE", f"{client.account}/Calls/{third}.json"))[0] == 409
    assert (await client.ask("DELETE", f"{client.account}/Calls/{first}.json"))[0] == 204
    assert (await client.ask("GET", f"{client.account}/Calls/{first}.json"))[0] == 404


# Twilio's published API description (twilio-oai d50069b), api.v2010.account.call.
PUBLISHED = {
    "sid", "date_created", "date_updated", "parent_call_sid", "account_sid", "to", "to_formatted", "from",
    "from_formatted", "phone_number_sid", "status", "start_time", "end_time", "duration", "price", "price_unit",
    "direction", "answered_by", "api_version", "forwarded_from", "group_sid", "caller_name", "queue_time", "trunk_sid",
    "uri", "subresource_uris",
}  # fmt: skip


async def test_the_resource_has_the_published_fields(client, receiver):
    await place(client, receiver)
    call: Call = next(iter(client.sandbox.calls.all.values()))
    assert set(call.as_json()) == PUBLISHED


BY_PERSON = {
    "answer": ("answer", {}),
    "machine": ("answer", {"by": "machine"}),
    "reject": ("reject", {}),
    "hang up": ("hang-up", {}),
    "press": ("press", {"digits": "1"}),
    "wait": ("press", {"digits": ""}),
}
BY_ACCOUNT = {
    "cancel": {"Status": "canceled"},
    "end": {"Status": "completed"},
    "redirect": {"Twiml": "<Response><Gather action='https://a.example/key'><Say>New.</Say></Gather></Response>"},
}


@given(deeds=st.lists(st.sampled_from([*BY_PERSON, *BY_ACCOUNT]), max_size=6))
async def test_whatever_people_do_a_call_ends_once(deeds):
    async with open_receiver() as receiver, open_client(receiver) as client:
        receiver.answer("/voice/key", page_twiml())
        sid = await ringing(client, receiver, StatusCallbackEvent=["answered", "completed"])
        line = client.sandbox.calls.all[sid]
        for deed in deeds:
            if deed in BY_ACCOUNT:
                await client.ask("POST", f"{client.account}/Calls/{sid}.json", data=BY_ACCOUNT[deed])
            elif deed not in {"press", "wait"} or line.listening:
                await do(client, sid, BY_PERSON[deed][0], **BY_PERSON[deed][1])
        if line.status == "ringing":
            await do(client, sid, "reject")
        await do(client, sid, "hang-up")
        await until(lambda: line.status in FINAL, within=5, what="an end")
        path = [entry["status"] for entry in client.ledger("call_status")]
        assert path[:2] == ["initiated", "ringing"]
        assert path[2:] in (["busy"], ["canceled"], ["in-progress", "completed"])
        ends = await until(lambda: [f for f in receiver.forms("/voice/status") if f["CallStatus"] in FINAL])
        assert len(ends) == 1
        assert line.listening is None
