"""One trace from the event to the provider's receipt, through processes, queues and tables, with nobody's data in it."""

import os
import subprocess
import sys

import psycopg
import pytest

from shared.kernel.ids import new_id
from shared.telemetry.tracing import ENDPOINT, LOCK
from tests.builders import ROOT
from tests.collector import collecting
from tests.integration.stack import WITHOUT_OPENTELEMETRY, own_place, running_stack, two_clinics, zone_where_it_is_noon
from tests.integration.test_canary import CANARIES, PHONE, push_through_everything
from tests.integration.test_settings import GOOD
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ON_CALL = "+12125550150"
ROSTER = f"""
[clinics.harbor.roster]
look_at = "console.example.org/cases"

[clinics.harbor.roster.people.osei]
name = "Dr. Osei"
phone = "{ON_CALL}"
role = "clinician"

[[clinics.harbor.roster.shifts]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
starts = "00:00"
ends = "00:00"
people = ["osei"]
"""
FROM_PLAN_TO_RECEIPT = {
    ("booking_events", "publish messages.plan.v1"),
    ("notifier", "handle messages.plan.v1"),
    ("notifier", "apply plan"),
    ("notifier", "send sms"),
    ("notifier", "POST twilio"),
    ("notifier", "publish message.sent.v1"),
    ("booking_events", "handle message.sent.v1"),
    ("notifier", "receipt delivered"),
}


@pytest.fixture(scope="module")
async def collector():
    async with collecting() as opened:
        yield opened


@pytest.fixture(scope="module")
async def running(servers, template, tmp_path_factory, collector):
    """A whole system of this module's own, with tracing switched on."""
    environment = {ENDPOINT: collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    home = tmp_path_factory.mktemp("traced")
    config = two_clinics(home, zone_where_it_is_noon(), roster=ROSTER)
    with own_place(servers, template) as place:
        async with running_stack(home, config=config, environment=environment, **place) as system:
            yield system


def new_trace():
    """Return a trace that somebody else began, its id, and the id of what they were doing."""
    trace, span = new_id().replace("-", ""), new_id().replace("-", "")[:16]
    return f"00-{trace}-{span}-01", trace, span


async def is_complete(collector, trace, wanted=FROM_PLAN_TO_RECEIPT):
    await until(lambda: wanted <= collector.of(trace), within=40, what=f"the rest of a trace: {wanted}")


def way_up(collector, span):
    """Return the names of what a span hangs below, the nearest first."""
    by_id, names = {one.id: one for one in collector.spans}, []
    while span.parent in by_id:
        span = by_id[span.parent]
        names.append(f"{span.service}: {span.name}")
    return names


@pytest.mark.parametrize("where", ["extension", "header"])
async def test_from_an_event_on_the_queue_to_the_receipt(running, collector, where):
    traceparent, trace, span = new_trace()
    number = {"extension": 1, "header": 2}[where]
    if where == "extension":
        await running.publish(number=number, traceparent=traceparent)
    else:
        await running.publish(number=number, headers={"traceparent": traceparent})
    await is_complete(collector, trace)
    (call,) = collector.named("POST twilio", trace=trace)
    assert way_up(collector, call) == [
        "notifier: send sms",
        "notifier: apply plan",
        "notifier: handle messages.plan.v1",
        "booking_events: handle booking.created.v1",
    ]
    (handled,) = collector.named("handle booking.created.v1", trace=trace)
    assert handled.parent == span
    assert (call.attributes["http_status"], handled.attributes["outcome"]) == (201, "handled")
    (told,) = collector.named("handle message.sent.v1", trace=trace)
    assert way_up(collector, told)[0] == "notifier: send sms"
    (receipt,) = collector.named("receipt delivered", trace=trace)
    assert way_up(collector, receipt)[0] == "notifier: apply plan"
    # The request ends after what it begins, and may come with the next delivery of spans.
    linked = await until(
        lambda: {one.name for one in collector.spans if one.trace in receipt.links}, what="the request"
    )
    assert linked == {"POST /twilio/status"}


async def test_an_event_that_belongs_to_no_trace_begins_one(running, collector):
    before = len(collector.spans)
    await running.publish(number=3)
    (handled, *_) = await until(
        lambda: [one for one in collector.spans[before:] if one.name == "handle booking.created.v1"],
        what="the event's span",
    )
    assert handled.parent == ""
    await is_complete(collector, handled.trace)


async def test_from_a_posted_booking_to_the_receipt(running, collector):
    traceparent, trace, span = new_trace()
    booking = running.booking(booking_id="bk_4", patient={"patient_id": "p_4", "phone": "+12125550004"})
    assert (await running.post_booking(running.event(booking), traceparent=traceparent))[0] == 202
    await is_complete(collector, trace)
    (posted,), (handled,) = (
        collector.named(name, trace=trace) for name in ("POST /bookings/native", "handle booking.created.v1")
    )
    assert (posted.parent, handled.parent) == (span, posted.id)


async def test_from_a_word_of_danger_to_the_page(running, collector):
    phone = await running.publish(number=5)
    await running.texts_to([phone])
    assert (await running.post_form("/twilio/inbound", running.inbound("I want to die tonight", phone=phone)))[0] == 200

    def paged():
        return [one for one in collector.named("send sms") if one.attributes["purpose"] == "page" and root(one)]

    def root(span):
        return way_up(collector, span)[-1:] == ["notifier: POST /twilio/inbound"]

    (page,) = await until(paged, within=40, what="the page, in the trace of the text")
    assert way_up(collector, page) == [
        "notifier: apply plan",
        "notifier: handle messages.plan.v1",
        "followup: handle message.received.v1",
        "notifier: POST /twilio/inbound",
    ]
    await is_complete(
        collector, page.trace, {("notifier", "POST twilio"), ("followup", "publish safety.alert.raised.v1")}
    )
    purposes = {one.attributes["purpose"] for one in collector.named("send sms", trace=page.trace)}
    assert purposes == {"page", "safety"}
    assert ON_CALL in {to for to, _body in await running.texts()}


async def test_no_span_holds_a_number_a_name_a_word_or_a_secret(running, collector):  # S18, F49
    await push_through_everything(running)
    traceparent, trace, _span = new_trace()
    await running.publish(number=6, traceparent=traceparent)
    await is_complete(collector, trace)  # what was done before has come in before
    environment = running.stack.environment
    async with await psycopg.AsyncConnection.connect(environment["AFTERCARE_DATABASE_URL"]) as connection:
        rows = await (await connection.execute("SELECT token FROM notifier.attempts")).fetchall()
    secrets = [
        environment[name] for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "AFTERCARE_FEED_NATIVE_SECRET")
    ]
    sent = b"".join(collector.raw)
    assert rows
    assert len(collector.named("POST /twilio/inbound")) > 3
    for canary in (*CANARIES, PHONE[1:], ON_CALL, *secrets, *(token for (token,) in rows), "?a="):
        assert canary.encode() not in sent, canary


async def test_every_service_has_a_name_and_only_allowed_things_to_say(running, collector):
    from shared.telemetry.log import ALLOWED_KEYS

    assert {one.service for one in collector.spans} >= {"booking_events", "notifier", "followup"}
    assert {key for one in collector.spans for key in one.attributes} <= ALLOWED_KEYS


async def test_the_log_names_the_trace(running, collector):
    traceparent, trace, _span = new_trace()
    booking = running.booking(booking_id="bk_7", patient={"patient_id": "p_7", "phone": "+12125550007"})
    await running.send(running.event(booking | {"clinic_id": "nowhere"}, traceparent=traceparent))
    log = running.stack.home / "logs" / "booking_events.log"
    await until(lambda: f'"trace_id": "{trace}"' in log.read_text(encoding="utf-8"), what="a line that names the trace")
    (handled,) = await collector.has("handle booking.created.v1", trace=trace)
    assert handled.failed
    assert handled.attributes["outcome"] == "dead_lettered"


def start(**environment):
    """Start a service where OpenTelemetry is not installed; return how it ended and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "services.booking_events"],
        env={"PATH": os.environ["PATH"], **GOOD, **WITHOUT_OPENTELEMETRY, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


def test_switched_on_without_the_libraries_a_service_says_what_to_install():
    code, said = start(**{ENDPOINT: "http://127.0.0.1:1"})
    assert code == 1
    assert said.splitlines()[0] == "booking_events cannot start:"
    assert f"{ENDPOINT}: is set" in said
    assert f"pip install -r {LOCK}" in said
    assert (ROOT / LOCK).exists()
    assert "Traceback" not in said


def test_an_endpoint_that_is_none_is_refused_without_showing_it():
    code, said = start(**{ENDPOINT: "collector-CANARY:4317"})
    assert (code, "CANARY" in said) == (1, False)
    assert f"{ENDPOINT}: " in said


def test_switched_off_nothing_of_it_is_loaded():
    """The other tests of this folder run whole systems in which it could not be."""
    program = "import sys, services.notifier.__main__; print(sorted(n for n in sys.modules if 'opentelemetry' in n))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
