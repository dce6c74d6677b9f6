"""What a span holds, what it hangs below, and that no collector, however broken, is in anybody's way."""

import asyncio
import time

import pytest

from shared.kernel.errors import PermanentError, TransientError
from shared.telemetry import tracing
from shared.telemetry.tracing import current, following, span, start_tracing, stop_tracing
from tests.collector import collecting

TRACE, SPAN = "a" * 32, "b" * 16
PARENT, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
OTHER = f"00-{'c' * 32}-{'d' * 16}-01"
NAME, NUMBER = "Canaria", "+12125550666"


@pytest.fixture
async def collector(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    async with collecting() as opened:
        start_tracing("test", opened.url)
        yield opened
        await asyncio.to_thread(stop_tracing)


async def sent(collector):
    """Send what there is; return the spans by name."""
    await asyncio.to_thread(stop_tracing)
    return {one.name: one for one in collector.spans}


async def test_spans_hang_below_one_another_and_say_what_is_allowed(collector):
    with span("outer", kind="server", http_status=200, phone=NUMBER), span("inner", reason=f"call {NUMBER}", code=None):
        assert current().split("-")[0] == "00"
    assert current() is None
    found = await sent(collector)
    assert found["inner"].parent == found["outer"].id
    assert found["outer"].parent == ""
    assert found["outer"].attributes == {"http_status": 200, "redacted": 1}
    assert found["inner"].attributes == {"reason": "call [redacted]"}
    assert NUMBER not in str(collector.spans)


async def test_an_error_is_its_type_alone(collector):
    with pytest.raises(PermanentError), span("work"):
        raise PermanentError(f"{NAME} called from {NUMBER}")
    found = await sent(collector)
    assert found["work"].failed
    assert found["work"].attributes == {"exception": "PermanentError"}
    assert NAME not in found["work"].text


async def test_what_joins_another_trace_is_linked_to_where_it_was_done(collector):
    with span("request"):
        at_hand = current()
        with span("work", parent=PARENT):
            assert current().startswith(f"00-{TRACE}-")
        assert current() == at_hand
    found = await sent(collector)
    assert (found["work"].trace, found["work"].parent, found["work"].links) == (TRACE, SPAN, (found["request"].trace,))


async def test_what_is_at_hand_in_the_same_trace_is_the_parent(collector):
    with span("request", parent=PARENT), span("work", parent=PARENT):
        pass
    found = await sent(collector)
    assert found["work"].parent == found["request"].id
    assert found["work"].links == ()


async def test_what_begins_no_trace_is_recorded_only_inside_one(collector):
    with span("outside", is_root=False):
        assert current() is None
    with following(PARENT), span("inside", is_root=False):
        pass
    assert (await sent(collector)).keys() == {"inside"}


async def test_what_others_chose_not_to_record_is_passed_on_unrecorded(collector):
    with span("work", parent=UNSAMPLED):
        trace, flags = current().split("-")[1], current().split("-")[3]
    assert (trace, flags) == (TRACE, "00")
    assert await sent(collector) == {}


async def test_the_librarys_own_switch_turns_it_off_and_traces_still_pass_through(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with collecting() as collector:
        start_tracing("test", collector.url)
        with span("work", parent=PARENT):
            assert current() == PARENT
        with span("more"):
            assert current() is None
        assert await sent(collector) == {}


async def test_each_try_of_a_delivery_hangs_below_the_one_before(line, collector):
    def fail_once(booking):
        if line.tries[booking.booking_id] == 1:
            raise TransientError

    line.behave = fail_once
    async with line.consuming():
        await line.publish(booking_id="a")
        await line.took_effect("a")
    await sent(collector)
    first, second = sorted(
        (one for one in collector.spans if one.name == "handle booking.created.v1"),
        key=lambda one: one.attributes["attempt"],
    )
    assert (first.parent, second.parent) == ("", first.id)
    assert (first.failed, first.attributes["outcome"], second.failed) == (True, "retried", False)


@pytest.mark.parametrize("traceparent", [PARENT, None])
def test_switched_off_a_trace_passes_through(traceparent):
    with span("work", parent=traceparent, http_status=200) as work, span("more"):
        work.note(outcome="x")
        work.fail("y")
        assert current() == traceparent
        with following(OTHER):
            assert current() == OTHER
        with following(None):
            assert current() == traceparent
    assert current() is None


async def test_tasks_at_once_do_not_mix_their_traces():
    async def work(traceparent):
        with following(traceparent):
            for _ in range(10):
                await asyncio.sleep(0)
                assert current() == traceparent

    await asyncio.gather(*(work(f"00-{number:032x}-{SPAN}-01") for number in range(1, 50)))


def test_a_collector_that_is_away_keeps_nobody_from_ending():
    start_tracing("test", "http://127.0.0.1:1")
    with span("work"):
        pass
    began = time.monotonic()
    stop_tracing()
    assert time.monotonic() - began < 3
    assert tracing._recorder is None
