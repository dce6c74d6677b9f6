"""The consumer pipeline: read, enter into the inbox, handle in one transaction, then acknowledge; or recover."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from aio_pika.abc import AbstractIncomingMessage
from aiormq import Channel
from aiormq.exceptions import ChannelInvalidStateError

from shared.broker.connection import declare_on, declare_topology, let_go, link_errors, open_connection
from shared.broker.handler import Handler, Job, handle_once, handle_together, handling, report_refusal
from shared.broker.publisher import Headers, Publication, Publisher, UnroutableError
from shared.broker.recoverability import Breaker, DeadLetter, Retry, recover
from shared.broker.topology import QUEUES, TOPOLOGY, Queue, dead_letter_queue, family_of, retry_queue
from shared.kernel.backoff import exponential
from shared.kernel.clock import Clock
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.kernel.traceparent import TRACEPARENT, read_traceparent
from shared.messages.catalogue import read_payload
from shared.messages.envelope import read_envelope
from shared.postgres import inbox
from shared.postgres.database import Database
from shared.telemetry import tracing
from shared.telemetry.log import log
from shared.telemetry.metrics import Metrics

ATTEMPT = "x-aftercare-attempt"
REASON = "x-aftercare-reason"
QUEUE = "x-aftercare-queue"
ROUTING_KEY = "x-aftercare-routing-key"
CAUSE = "x-aftercare-cause"

_PROBE_EVERY_S = 5.0
_SET_ASIDE = "1m"
_WENT_WRONG = {"retried", "set_aside", "dead_lettered", "handed_back"}
_WATCH_EVERY_S = 5.0
_DRAIN_S = 10.0
_MOST_TOGETHER = 20
_LONGEST_ROUTING_KEY = 255


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A delivery as it was understood, or why it was not."""

    message: AbstractIncomingMessage
    understood: Job | Exception

    @property
    def names(self) -> frozenset[str]:
        """What it touches, and what another delivery of the same message touches too."""
        if isinstance(self.understood, Exception):
            return frozenset()
        envelope = self.understood.envelope
        return self.understood.touches | {f"message:{envelope.source}:{envelope.id}"}

    @property
    def may_join(self) -> bool:
        """Whether it is handled in a transaction that others may share: one that went wrong before goes alone."""
        job = self.understood
        if isinstance(job, Exception) or not job.handler.joins or not job.is_ours:
            return False
        return not (self.message.redelivered or ATTEMPT in self.message.headers)


class Consumer:
    """Reads one queue until told to stop, and never loses or repeats the effect of a delivery."""

    def __init__(
        self,
        queue: str,
        handlers: Sequence[Handler],
        *,
        url: str,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        metrics: Metrics,
        concurrency: int = 2,
        rest_after: Callable[[float], float] = lambda _worked_s: 0.0,
        came: Callable[[], None] = lambda: None,
        prefetch: int = 40,
        breaker_limit: int = 20,
        probe_every_s: float = _PROBE_EVERY_S,
    ) -> None:
        self.queue = queue
        self._handlers = {handler.type: handler for handler in handlers}
        self._url = url
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics
        self._prefetch = prefetch
        self._concurrency = concurrency
        self._rest_after = rest_after
        self._came = came
        self._arrived: deque[_Delivery] = deque()
        self._in_hand: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._breaker = Breaker(limit=breaker_limit)
        self._probe_every_s = probe_every_s
        self._probing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._complaint: str | None = "is not connected yet"

    def complaint(self) -> str | None:
        """Return why this consumer is not at work, for health."""
        if self._breaker.is_open:
            return "stopped: every delivery fails, see the log"
        return self._complaint

    async def run(self) -> None:
        """Consume until ``stop``; whenever the link breaks, open it again."""
        failures = 0
        needed = family_of(self.queue)
        while not self._stopping.is_set():
            try:
                await self._consume(needed)
                failures = 0
            except DependencyUnavailableError as error:
                failures += 1
                self._complaint = str(error)
                log.warning("consumer waits for its link", queue=self.queue, attempt=failures, reason=str(error))
            needed = TOPOLOGY  # a link that broke may come back to a broker that has lost everything
            await self._pause(exponential(failures, first=0.2, cap=1.0) if failures else 0.0)
        self._ended.set()

    async def stop(self) -> None:
        """Take no more deliveries, finish those in hand within ten seconds, hand the others back."""
        self._stopping.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S + 3):
                await self._ended.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _consume(self, needed: Sequence[Queue]) -> None:
        """Hold one link until it breaks or we stop. Closing it hands back what is not acknowledged.

        What is ``needed`` is declared first: our own family where ``migrate`` has declared the rest.
        """
        connection = await open_connection(self._url, name=self.queue)
        try:
            async with link_errors("the link to the broker broke"):
                channel = await connection.channel()
                await channel.set_qos(prefetch_count=self._prefetch)
                await declare_topology(channel, needed)
                queue = await channel.get_queue(self.queue)
                broken = asyncio.Event()
                channel.close_callbacks.add(lambda *_: broken.set())
                connection.close_callbacks.add(lambda *_: broken.set())
                tag = await queue.consume(self._receive)
                self._complaint = None
                log.info("consuming", queue=self.queue)
                while not broken.is_set() and not self._stopping.is_set():
                    await self._wait_for(broken)
                    if not broken.is_set() and not self._stopping.is_set():
                        # Asking the broker proves the link, and that the queue still counts us among its consumers.
                        state = await channel.declare_queue(self.queue, passive=True, timeout=_WATCH_EVERY_S)
                        if not state.declaration_result.consumer_count:
                            broken.set()
                if self._stopping.is_set() and not broken.is_set():
                    await queue.cancel(tag)
                    await self._finish()
                else:
                    raise DependencyUnavailableError("the link to the broker broke")
        finally:
            await let_go(connection, within=2.0)

    async def _wait_for(self, broken: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(broken.wait()), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=_WATCH_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_S)

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        """Start work in a task of our own: when a channel closes, the library cancels its callbacks in mid-await."""
        if self._stopping.is_set():
            return  # closing the link hands it back
        self._came()
        self._arrived.append(self._understand(message))
        if len(self._tasks) < self._concurrency:
            task = asyncio.create_task(self._work_off())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _understand(self, message: AbstractIncomingMessage) -> _Delivery:
        """Read a delivery; one that cannot be understood, however odd, costs no other anything."""
        try:
            return _Delivery(message, self._read(message))
        except Exception as error:  # noqa: BLE001 - decided on when it is its turn
            return _Delivery(message, error)

    def _read(self, message: AbstractIncomingMessage) -> Job:
        """Understand a delivery.

        Raises:
            PermanentError: it can never be understood.
        """
        beside = message.headers.get(TRACEPARENT)
        envelope = read_envelope(message.body, routing_key=_routing_key(message), traceparent=beside)
        handler = self._handlers.get(envelope.type)
        payload = read_payload(envelope)
        if handler is None:
            raise PermanentError(f"type: not handled by the queue {self.queue}")
        return Job(envelope, payload, handler)

    async def _work_off(self) -> None:
        """Handle what has arrived, several at once where several wait, until nothing waits."""
        while batch := self._next():
            began = time.monotonic()
            names = {name for delivery in batch for name in delivery.names}
            self._in_hand |= names
            try:
                for delivery in await self._together(batch):
                    await self._work(delivery)
            finally:
                self._in_hand -= names
            if (rest_s := self._rest_after(time.monotonic() - began)) > 0:
                await self._pause(rest_s)

    def _next(self) -> list[_Delivery]:
        """Take the oldest delivery, and with it those behind it that touch neither the same nor anything in hand.

        What touches the same stays in its order: whatever is left behind keeps back what follows it.
        """
        batch: list[_Delivery] = []
        left: list[_Delivery] = []
        names = set(self._in_hand)
        while self._arrived and len(batch) < _MOST_TOGETHER and not self._stopping.is_set():
            delivery = self._arrived.popleft()
            if _is_gone(delivery.message):
                continue  # its link broke while it waited: the broker gives it again
            fits = delivery.names.isdisjoint(names) and (not batch or (delivery.may_join and batch[0].may_join))
            (batch if fits else left).append(delivery)
            names |= delivery.names
        self._arrived.extendleft(reversed(left))
        return batch

    async def _together(self, batch: Sequence[_Delivery]) -> Sequence[_Delivery]:
        """Handle several deliveries in one transaction; return those that have to be handled alone."""
        if len(batch) == 1 or self._breaker.is_open:
            return batch
        started = time.monotonic()
        jobs = [delivery.understood for delivery in batch if isinstance(delivery.understood, Job)]
        try:
            done = await handle_together(self._database, jobs, queue=self.queue, now=self._clock.now())
        except Exception as error:  # noqa: BLE001 - each shows alone what is wrong with it
            log.info("handling one by one", queue=self.queue, count=len(batch), reason=type(error).__name__)
            return batch
        self._breaker.succeeded()
        await self._settle(_acknowledge([one.message for one, is_done in zip(batch, done, strict=True) if is_done]))
        for job, is_done in zip(jobs, done, strict=True):
            if is_done:
                self._count(job.envelope.type, "handled", started)
        return [delivery for delivery, is_done in zip(batch, done, strict=True) if not is_done]

    async def _work(self, delivery: _Delivery) -> None:
        message, job, started = delivery.message, delivery.understood, time.monotonic()
        if _is_gone(message):
            return
        if isinstance(job, Exception):
            self._count("unreadable", await self._recover(message, job, attempt=attempt_of(message) + 1), started)
            return
        try:
            with handling(job, queue=self.queue, attempt=attempt_of(message) + 1) as span:
                outcome = await self._handle_until_decided(message, job)
                span.note(outcome=outcome)
                if outcome in _WENT_WRONG:
                    span.fail(outcome)
        except DependencyUnavailableError:
            outcome = "handed_back"
            await self._settle(message.nack(requeue=True))
        except Exception as error:  # noqa: BLE001 - no content, however odd, costs more than its own delivery
            outcome = await self._recover(message, error, attempt=attempt_of(message) + 1)
        self._count(job.envelope.type, outcome, started)

    def _count(self, kind: str, outcome: str, started: float) -> None:
        self._metrics.handled.labels(self.queue, kind, outcome).inc()
        self._metrics.handling_seconds.labels(self.queue, kind).observe(time.monotonic() - started)

    async def _handle_until_decided(self, message: AbstractIncomingMessage, job: Job) -> str:
        """Handle a delivery; wait in place while the database is away: no other delivery could be handled either."""
        waits = 0
        while True:
            try:
                async with self._one_at_a_time_while_probing():
                    arrival = await handle_once(self._database, job, now=self._clock.now())
            except DependencyUnavailableError:
                if self._stopping.is_set() or _is_gone(message):
                    raise
                waits += 1
                await self._pause(exponential(waits, first=0.1, cap=2.0))
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is decided by kind, here and nowhere else
                return await self._after_failure(message, job, error)
            else:
                self._breaker.succeeded()
                self._metrics.consumer_stopped.labels(self.queue).set(0)
                await self._settle(message.ack())
                return "handled" if arrival is inbox.Arrival.NEW else arrival.value

    async def _after_failure(self, message: AbstractIncomingMessage, job: Job, error: Exception) -> str:
        """Recover a failed delivery. While everything fails, what would be given up is set aside instead."""
        attempt = attempt_of(message) + 1
        decision = recover(error, attempt=attempt)
        if isinstance(error, PermanentError):
            await report_refusal(self._database, job, error, now=self._clock.now())
            return await self._recover(message, error, attempt=attempt)
        log.warning("handling failed", queue=self.queue, type=job.envelope.type, attempt=attempt, exc_info=error)
        if isinstance(decision, DeadLetter):
            self._breaker.gave_up()
        if self._breaker.is_open:
            self._metrics.consumer_stopped.labels(self.queue).set(1)
            log.error("everything fails: probing with one delivery at a time", queue=self.queue)
            # Not counted as an attempt: the fault is probably ours, and the next probe should be another delivery.
            headers: Headers = {ATTEMPT: attempt - 1, QUEUE: self.queue, ROUTING_KEY: _routing_key(message)}
            return await self._forward(message, retry_queue(self.queue, _SET_ASIDE), headers, outcome="set_aside")
        return await self._recover(message, error, attempt=attempt)

    @contextlib.asynccontextmanager
    async def _one_at_a_time_while_probing(self) -> AsyncIterator[None]:
        if not self._breaker.is_open:
            yield
            return
        async with self._probing:
            if self._breaker.is_open:
                await self._pause(self._probe_every_s)
            yield

    async def _recover(self, message: AbstractIncomingMessage, error: Exception, *, attempt: int) -> str:
        """Move a delivery to where it waits for its next try or for a person."""
        decision = recover(error, attempt=attempt)
        headers: Headers = {ATTEMPT: attempt, QUEUE: self.queue, ROUTING_KEY: _routing_key(message)}
        if isinstance(decision, Retry):
            return await self._forward(message, retry_queue(self.queue, decision.delay), headers, outcome="retried")
        headers = {**headers, REASON: decision.reason, CAUSE: decision.cause}
        outcome = await self._forward(message, dead_letter_queue(self.queue), headers, outcome="dead_lettered")
        if outcome == "dead_lettered":
            self._metrics.dead_lettered.labels(self.queue, decision.cause).inc()
            log.warning(
                "dead-lettered", queue=self.queue, reason=decision.reason, cause=decision.cause, attempt=attempt
            )
        return outcome

    async def _forward(self, message: AbstractIncomingMessage, target: str, headers: Headers, *, outcome: str) -> str:
        """Put a copy where it belongs, and let go of the delivery only once the broker has the copy.

        Waits in place while the broker takes no messages: handing back would only wear the delivery out.
        """
        waits = 0
        while True:
            try:
                await self._publisher.publish(_forwarded(message, target, headers))
            except (DependencyUnavailableError, UnroutableError) as error:
                if self._stopping.is_set() or _is_gone(message):
                    await self._settle(message.nack(requeue=True))
                    return "handed_back"
                if isinstance(error, UnroutableError):
                    await self._declare_anew()
                waits += 1
                await self._pause(exponential(waits, first=0.2, cap=3.0))
            else:
                await self._settle(message.ack())
                return outcome

    async def _declare_anew(self) -> None:
        """Make queues again that somebody has deleted."""
        log.error("a queue of ours is gone: declaring it anew", queue=self.queue)
        with contextlib.suppress(DependencyUnavailableError):
            await declare_on(self._url)

    async def _settle(self, answer: Awaitable[None]) -> None:
        """Acknowledge or hand back; if the link is gone, the broker gives it again and the inbox knows it."""
        with contextlib.suppress(DependencyUnavailableError):
            async with link_errors("acknowledging"):
                await answer


def _routing_key(message: AbstractIncomingMessage) -> str:
    """Return the routing key that a message first came with, also when it comes back from a retry queue.

    Whatever a stranger has written there goes no further than a routing key can be long: it must fit beside the rest.
    """
    return str(message.headers.get(ROUTING_KEY) or message.routing_key or "")[:_LONGEST_ROUTING_KEY]


async def _acknowledge(messages: Sequence[AbstractIncomingMessage]) -> None:
    """Acknowledge several deliveries, without waiting for each to reach the socket."""
    for message in messages:
        assert isinstance(message.channel, Channel)
        assert message.delivery_tag is not None
        await message.channel.basic_ack(message.delivery_tag, wait=False)


def _is_gone(message: AbstractIncomingMessage) -> bool:
    """Return whether the link that a delivery came by has closed: the broker will then give it again."""
    try:
        return bool(message.channel.is_closed)
    except ChannelInvalidStateError:
        return True


def attempt_of(message: AbstractIncomingMessage) -> int:
    """Return how often a delivery has failed before: anybody may have written anything there."""
    value = message.headers.get(ATTEMPT, 0)
    return value if isinstance(value, int) and 0 <= value < 1_000 else 0


def _forwarded(message: AbstractIncomingMessage, target: str, headers: Headers) -> Publication:
    return Publication(
        routing_key=target,
        exchange=QUEUES,
        body=message.body,
        message_id=message.message_id or "",
        type=message.type or "",
        correlation_id=str(message.correlation_id) if message.correlation_id else None,
        headers=headers | _trace_of(message),
        content_type=message.content_type or "application/octet-stream",
    )


def _trace_of(message: AbstractIncomingMessage) -> Headers:
    """Return the header by which the next try belongs to the trace of this one: a body may have no place for it."""
    traceparent = tracing.current() or read_traceparent(message.headers.get(TRACEPARENT))
    return {TRACEPARENT: traceparent} if traceparent else {}
