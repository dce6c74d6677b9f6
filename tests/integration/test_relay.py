"""The relay: what a transaction committed reaches the broker, in order, at least once and with one id."""

import asyncio
import json
from datetime import timedelta

import pytest

from shared.broker.connection import declare_on, open_connection
from shared.broker.publisher import Publication, Publisher
from shared.broker.topology import EVENTS, FOLLOWUP_URGENT, NOTIFIER, NOTIFIER_URGENT
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.messages import outcome
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.envelope import Cause, wrap
from shared.messages.plan import MESSAGES_PLAN, MessagesPlan, PlannedMessage, Recipient
from shared.messages.reply import RECEIVED, MessageReceived
from shared.messages.staff_task import RAISED, StaffTaskRaised
from shared.postgres import outbox
from shared.postgres.database import Database
from shared.postgres.sealing import Sealer, SealingKey
from shared.postgres.unit_of_work import unit_of_work
from shared.runtime.relay import OutboxGauge, OutboxRelay
from shared.telemetry.metrics import Metrics
from tests.builders import ny
from tests.integration.proxy import Proxy
from tests.waiting import until

NOW = ny("2026-12-01 12:00")


class Relays:
    """A database, its two relays, and the queues they publish to."""

    def __init__(self, amqp_url, database):
        self.url = amqp_url
        self.database = database
        self.metrics = Metrics()
        self.publisher = Publisher(amqp_url, name="test")
        self.routine = OutboxRelay(database, self.publisher, self.metrics, urgent=False)

    async def commit(self, *envelopes):
        async with self.database.transaction(last=lambda: outbox.appending(self.database.sealer, envelopes)):
            pass

    async def waiting(self):
        async with self.database.connection() as connection:
            return (await outbox.backlog(connection))[0]

    async def take(self, queue):
        """Take all messages of a queue; return their ids."""
        return [message.message_id for message in await self.messages(queue)]

    async def messages(self, queue):
        """Take all messages of a queue."""
        connection = await open_connection(self.url, name="test")
        taken = []
        async with connection:
            channel = await connection.channel()
            source = await channel.get_queue(queue)
            while message := await source.get(fail=False):
                await message.ack()
                taken.append(message)
        return taken


@pytest.fixture
async def relays(amqp_url, database_url, sealer):
    async with Database(database_url, schema="notifier", sealer=sealer, size=4) as database:
        built = Relays(amqp_url, database)
        yield built
        await built.publisher.close()


def plan(number=1):
    recipient = Recipient(
        kind="patient", phone="+12125550123", consent=Consent(), as_of=NOW, time_zone="America/New_York"
    )
    return MessagesPlan(
        clinic_id="harbor",
        patient_ref="pt_1",
        subject="reminders:pt_1",
        revision=number,
        recipient=recipient,
        messages=(),
    )


def plans(count):
    return [wrap(MESSAGES_PLAN, plan(number), source="test", now=NOW) for number in range(1, count + 1)]


def ids_of(envelopes):
    return [envelope.id for envelope in envelopes]


async def test_what_was_committed_leaves_oldest_first_and_is_then_forgotten(relays):  # I7
    envelopes = plans(30)
    await relays.commit(*envelopes)
    assert await relays.routine.run_once() == 30
    assert await relays.take(NOTIFIER) == ids_of(envelopes)
    assert await relays.waiting() == 0


async def test_its_trace_stands_in_a_message_and_beside_it(relays):
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    await relays.commit(wrap(MESSAGES_PLAN, plan(), source="test", now=NOW, cause=Cause(traceparent=traceparent)))
    await relays.routine.run_once()
    (message,) = await relays.messages(NOTIFIER)
    assert json.loads(message.body)["traceparent"] == traceparent
    assert message.headers["traceparent"] == traceparent


async def test_what_was_rolled_back_never_leaves(relays):
    async def fail():
        async with unit_of_work(relays.database, now=NOW) as unit:
            unit.publish(MESSAGES_PLAN, plan())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await relays.routine.run_once() == 0


async def test_an_owned_message_that_no_queue_takes_is_kept_and_shown_and_leaves_later(relays):  # F18
    await unbind(relays.url)
    envelopes = plans(2)
    task = wrap(RAISED, StaffTaskRaised(task_id="t", clinic_id="harbor", kind="x", references={}), source="t", now=NOW)
    await relays.commit(*envelopes, task)
    assert await relays.routine.run_once() == 1, "what nobody owns may go where nobody listens"
    assert await relays.waiting() == 2
    assert relays.metrics.unroutable.labels(MESSAGES_PLAN)._value.get() == 2
    gauge = OutboxGauge(relays.database, relays.metrics, too_old_s=0.0)
    await gauge.run_once()
    assert relays.metrics.outbox_pending._value.get() == 2
    assert gauge.complaint() is not None

    await declare_on(relays.url)
    async with relays.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET retry_at = clock_timestamp()")
    assert await relays.routine.run_once() == 2
    assert await relays.take(NOTIFIER) == ids_of(envelopes)
    await gauge.run_once()
    assert gauge.complaint() is None


async def test_a_crash_between_publishing_and_forgetting_repeats_the_same_id(relays):  # F5
    async def crash():
        async with relays.database.transaction() as connection:
            (row,) = await outbox.take(connection, relays.database.sealer, urgent=False, limit=9)
            await relays.publisher.publish(
                Publication(routing_key=row.routing_key, body=row.body, message_id=row.message_id, type=row.routing_key)
            )
            raise ZeroDivisionError

    (envelope,) = plans(1)
    await relays.commit(envelope)
    with pytest.raises(ZeroDivisionError):
        await crash()
    await relays.routine.run_once()
    assert await relays.take(NOTIFIER) == [envelope.id, envelope.id]


async def test_two_relays_share_the_work(relays):
    envelopes = plans(300)
    await relays.commit(*envelopes)
    other = OutboxRelay(relays.database, relays.publisher, relays.metrics, urgent=False)
    done = await asyncio.gather(relays.routine.run_once(), other.run_once())
    assert sum(done) == 300
    assert sorted(await relays.take(NOTIFIER)) == sorted(ids_of(envelopes))


async def test_the_urgent_lane_does_not_wait_for_the_routine_one(relays):  # I17
    alarm = wrap(RECEIVED, received(), source="test", now=NOW)
    urgent = OutboxRelay(relays.database, relays.publisher, relays.metrics, urgent=True)
    async with Proxy(relays.url) as proxy:
        publisher = Publisher(proxy.url, name="stalled")
        stuck = OutboxRelay(relays.database, publisher, relays.metrics, urgent=False)
        await relays.commit(*plans(1))
        await stuck.run_once()
        proxy.stall()
        await relays.commit(*plans(50), alarm)
        waiting = asyncio.create_task(stuck.run_once())
        assert await until(urgent.run_once, within=1.0, what="the urgent message") == 1
        assert await relays.take(FOLLOWUP_URGENT) == [alarm.id]
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await publisher.close()
    assert await relays.waiting() == 50


async def test_an_urgent_plan_has_a_queue_of_its_own(relays):
    page = plan().model_copy(update={"messages": (message(urgency="urgent"),)})
    urgent = OutboxRelay(relays.database, relays.publisher, relays.metrics, urgent=True)
    await relays.commit(wrap(MESSAGES_PLAN, page, source="test", now=NOW), *plans(1))
    assert await urgent.run_once() == 1
    assert (len(await relays.take(NOTIFIER_URGENT)), len(await relays.take(NOTIFIER))) == (1, 0)


async def test_while_the_broker_is_away_everything_stays(relays, servers):
    nowhere = Publisher("amqp://u:p@127.0.0.1:1/", name="test")
    relay = OutboxRelay(relays.database, nowhere, relays.metrics, urgent=False)
    await relays.commit(*plans(3))
    with pytest.raises(DependencyUnavailableError):
        await relay.run_once()
    assert await relays.waiting() == 3
    assert await relays.routine.run_once() == 3


async def test_a_message_that_cannot_be_read_holds_up_no_other(relays, database_url):
    envelopes = plans(2)
    lost = Sealer([SealingKey("lost", bytes(32))])

    def rows():
        return outbox.appending(lost, plans(1)) + outbox.appending(relays.database.sealer, envelopes)

    async with relays.database.transaction(last=rows) as connection:
        await connection.execute(
            "INSERT INTO outbox (urgent, routing_key, message_id, body) VALUES (false, 'newer.type.v9', 'x', '')"
        )
    assert await relays.routine.run_once() == 2
    assert await relays.routine.run_once() == 0
    assert await relays.waiting() == 2
    assert await relays.take(NOTIFIER) == ids_of(envelopes)


async def test_what_its_reader_would_refuse_is_not_sent(relays):
    huge = wrap(outcome.SENT, told(reason="x" * 200_000), source="test", now=NOW)
    with pytest.raises(PermanentError, match=r"message\.sent\.v1: .* larger than"):
        await relays.commit(huge)


def message(**changes):
    facts = {
        "key": "k",
        "purpose": "safety",
        "template": "help",
        "values": {},
        "send_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
    }
    return PlannedMessage.model_validate({**facts, **changes})


def received():
    return MessageReceived(
        clinic_id="harbor",
        text="hi",
        phone="+12125550123",
        reply_to="number:1",
        received_at=NOW,
        provider_reference="SM1",
        handled_as="none",
        candidates=(),
    )


def told(**changes):
    facts = {"clinic_id": "harbor", "patient_ref": "pt_1", "subject": "s", "key": "k"}
    facts |= {"channel": Channel.SMS, "purpose": Purpose.CONFIRMATION}
    return outcome.MessageOutcome.model_construct(**facts, **changes)


async def unbind(url):
    connection = await open_connection(url, name="test")
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(NOTIFIER)
        await queue.unbind(EVENTS, routing_key=MESSAGES_PLAN)
