"""Send what is due: claim, judge, write the attempt down, ask the provider, record the answer."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.notifier.context import Context, rule_for, scope_of
from services.notifier.domain.answer import Accepted, Answer, RateLimited, Rejected, Remedy, Unsure
from services.notifier.domain.budget import is_in_series
from services.notifier.domain.judge import Due, End, Facts, Hold, Send, is_hopeless, judge
from services.notifier.domain.lane import Lane
from services.notifier.domain.message import Address, Attempt, Contact, Message
from services.notifier.domain.pace import Bucket, Concurrency
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.rendering import TemplateError
from services.notifier.domain.state import DeliveryStatus, Reason
from services.notifier.handlers.compose import Composed, compose
from services.notifier.handlers.end_message import end_message
from services.notifier.handlers.fall_back import fall_back
from services.notifier.handlers.record_answer import record_answers
from services.notifier.store import attempts, claims, outcomes, pauses, recalled, suppressions
from shared.kernel.backoff import exponential
from shared.kernel.clock import Clock
from shared.kernel.contact import PhoneNumber, can_receive_texts
from shared.kernel.errors import DependencyUnavailableError
from shared.kernel.ids import new_token
from shared.messages.base import Channel, Consent
from shared.messages.plan import ANSWERS
from shared.postgres.database import Database, lock_in_order
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.runtime.batches import Batches
from shared.runtime.give_way import GiveWay
from shared.telemetry import tracing
from shared.telemetry.log import log

_START_WITHIN_S = 0.8
"""A call that starts later than this after its claim is given back: a STOP may have come since."""
_BUSY_WAIT_S = 5.0
_REST_S = 0.05
_AT_ONCE_WHEN_BUSY = 2
"""Of texts that can wait, while many patients write."""
_TRIAL_FOR = timedelta(seconds=30)
_MOST_ANSWERS_PER_HOUR = 6
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_AUTOMATIC = ("replies:", ANSWERS)
"""Subjects of texts that answer a text by themselves: two machines could keep each other busy with them."""
_NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True)
class _Start:
    """One request to the provider that is about to be written down, and then made."""

    message: Message
    start: claims.Start
    request: Composed


@dataclass(frozen=True, slots=True)
class _Call:
    """One request to the provider that is written down and about to be made."""

    attempt: Attempt
    request: Composed


@dataclass(slots=True)
class _Round:
    """What is true of the messages of one claim."""

    contacts: dict[str, Contact]
    addresses: dict[str, list[bytes]]
    suppressed: set[tuple[str, bytes, str]]
    paused: set[str]
    busy: set[bytes]
    traffic: dict[bytes, claims.Traffic]
    recalled: set[bytes]
    allowances: dict[str, claims.Allowance]
    heard: dict[bytes, datetime]
    starts: list[_Start] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


class SendDue:
    """Sends one lane: urgent texts never wait behind routine ones, nor one provider behind another."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        context: Context,
        lane: Lane,
        *,
        slots: int,
        wake: asyncio.Event,
        per_second: float | None = None,
        may_start: Callable[[], bool] = lambda: True,
        give_way: GiveWay | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._context = context
        self._lane = lane
        self._concurrency = Concurrency.full(slots)
        self._bucket = Bucket(None if lane.is_urgent else per_second)
        self._wake = wake
        self._may_start = may_start
        self._give_way = None if lane.is_urgent else give_way
        self._calls: set[asyncio.Task[None]] = set()
        self._answers = Batches(self._record)
        self._not_before = 0.0
        self._was_full = False
        self._claimed_at = -math.inf
        self._resting: asyncio.TimerHandle | None = None

    async def run_once(self) -> int:
        """Claim and start as many messages as slots and pace allow; return how many were looked at.

        Raises:
            DependencyUnavailableError: the database is away; nothing is sent then.
        """
        asked_at = time.monotonic()
        free = self._bucket.available(asked_at, self._concurrency.slots - len(self._calls))
        if self._give_way is not None and self._give_way.is_busy:
            free = min(free, _AT_ONCE_WHEN_BUSY)
        if free <= 0 or asked_at < self._not_before or not self._may_start():
            self._was_full = True
            return 0
        if self._was_full and free < self._concurrency.slots / 2 and self._rest(asked_at):
            return 0
        self._claimed_at = asked_at
        calls: Sequence[_Call] = ()
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            claimed, calls = await self._claim(unit, free)
        started = time.monotonic()
        self._bucket = self._bucket.take(len(calls), started)
        for call in calls:
            task = asyncio.create_task(self._deliver(call, started))
            self._calls.add(task)
            task.add_done_callback(self._finished)
        return claimed

    @property
    def _provider(self) -> str:
        """What figures call the provider of this lane."""
        return "sendgrid" if self._lane.channel is Channel.EMAIL else "twilio"

    def is_more(self, claimed: int) -> bool:
        """Return whether a claim took all that it might, so that more may be due."""
        return claimed > 0 and self._was_full

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if self._was_full or True in self._lane.urgent:
            self._wake.set()  # a slot is free, or an urgent text that had to follow this one may go
        if not task.cancelled() and task.exception() is not None:
            # The attempt stands written down; the settler finds out what became of it.
            log.error("recording an answer failed", exc_info=task.exception())

    def _rest(self, now: float) -> bool:
        """Return whether it is too soon for another claim, and have one made when it is not.

        Behind a full claim many messages wait, and finding the next among them costs as much for one as for several.
        """
        wait_s = self._claimed_at + _REST_S - now
        if wait_s <= 0 or True in self._lane.urgent:
            return False
        if self._resting is None:
            self._resting = asyncio.get_running_loop().call_later(wait_s, self._rouse)
        return True

    def _rouse(self) -> None:
        self._resting = None
        self._wake.set()

    async def finish(self) -> None:
        """Wait for the calls under way, at most ten seconds."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=10)

    async def _claim(self, unit: UnitOfWork, free: int) -> tuple[int, list[_Call]]:
        scope = scope_of(self._lane.channel)
        gate = await pauses.provider_gate(unit.connection, scope, trial_for=_TRIAL_FOR)
        self._context.metrics.sending_paused.labels(self._provider).set(gate.state != "open")
        limit = 1 if gate.state == "trial" else free
        messages = await claims.claim_due(
            unit.connection,
            unit.sealer,
            now=unit.now,
            channels=(self._lane.channel, *self._lane.others),
            urgent=self._lane.urgent,
            limit=limit,
            only_expired=gate.state == "closed",
        )
        self._was_full = len(messages) >= limit
        calls = await self._judge_all(unit, messages) if messages else []
        if gate.state == "trial" and not calls:
            await pauses.give_trial_back(unit.connection, scope)
        return len(messages), calls

    async def _judge_all(self, unit: UnitOfWork, messages: Sequence[Message]) -> list[_Call]:
        recipients = {message.recipient_id for message in messages}
        contacts, sealed = await claims.readable_contacts(unit.connection, unit.sealer, recipients)
        await claims.put_off_sealed(unit.connection, [one.id for one in messages if one.recipient_id in sealed])
        messages = [message for message in messages if message.recipient_id not in sealed]
        current = await self._facts(unit, messages, contacts)
        for message in messages:
            await self._judge(unit, message, current)
        await attempts.wait_for_number(unit.connection, current.waiting, for_s=_BUSY_WAIT_S)
        numbers = await claims.start_attempts(unit.connection, [one.start for one in current.starts], now=unit.now)
        return [
            _Call(Attempt(one.message, numbers[one.message.id], one.start.token), one.request) for one in current.starts
        ]

    async def _facts(self, unit: UnitOfWork, messages: Sequence[Message], contacts: dict[str, Contact]) -> _Round:
        """Gather what is true now, under a lock per number or mailbox: no STOP can slip in between."""
        connection = unit.connection
        addresses = {
            contact.recipient_id: unit.sealer.lookups(address.key)
            for contact in contacts.values()
            if (address := contact.address(self._lane.channel)) is not None
        }
        await lock_in_order(connection, [f"number:{hashes[0].hex()}" for hashes in addresses.values()])
        every = [one for hashes in addresses.values() for one in hashes]
        traffic = await claims.traffic(connection, every, answers_since=unit.now - _HOUR, texts_since=unit.now - _DAY)
        return _Round(
            contacts=contacts,
            addresses=addresses,
            suppressed=await suppressions.suppressed(connection, every, now=unit.now),
            paused=await pauses.paused_clinics(connection),
            busy={number for number, seen in traffic.items() if seen.is_busy},
            traffic=traffic,
            recalled=await recalled.numbers_with_any(connection, every),
            allowances=await claims.allowances(connection, list(contacts), now=unit.now),
            heard=await self._heard(unit, messages, contacts, addresses),
        )

    async def _heard(
        self,
        unit: UnitOfWork,
        messages: Sequence[Message],
        contacts: Mapping[str, Contact],
        addresses: Mapping[str, Sequence[bytes]],
    ) -> dict[bytes, datetime]:
        """Return when those wrote whom an answer would reach outside the hours for texts; by day nobody asks."""
        late = [
            number
            for message in messages
            if POLICIES[message.purpose].answers
            and (contact := contacts.get(message.recipient_id)) is not None
            and not self._context.clinic(message.clinic_id).window.hours.contains(unit.now, ZoneInfo(contact.time_zone))
            for number in addresses.get(message.recipient_id, ())
        ]
        return await claims.last_heard(unit.connection, late) if late else {}

    async def _judge(self, unit: UnitOfWork, message: Message, current: _Round) -> None:
        contact = current.contacts.get(message.recipient_id)
        address = contact.address(message.channel) if contact else None
        hashes = current.addresses.get(message.recipient_id, [])
        due = Due(message.purpose, message.channel, message.wanted, message.expires_at, message.reason)
        match judge(due, self._facts_of(message, contact, address, current), unit.now):
            case Hold(reason, until) as hold:
                await claims.hold(unit.connection, message.id, reason=reason, until=until)
                if reason != message.reason:
                    await outcomes.remember(unit.connection, message.id, "held", now=unit.now, detail=reason)
                if is_hopeless(hold, due):
                    await fall_back(unit, message, reason, failed=hold.is_failure, context=self._context)
            case End(status, reason):
                await end_message(unit, message, status, reason, context=self._context)
            case Send():
                assert contact is not None
                assert address is not None
                await self._start(unit, message, contact, address, hashes, current)

    def _facts_of(self, message: Message, contact: Contact | None, address: Address | None, current: _Round) -> Facts:
        hashes = current.addresses.get(message.recipient_id, [])
        clinic = self._context.clinic(message.clinic_id)
        sender = self._context.sender_name(message.clinic_id, message.channel)
        traffic = [current.traffic[one] for one in hashes if one in current.traffic]
        allowance = current.allowances.get(message.recipient_id, claims.Allowance())
        budget = clinic.budget
        return Facts(
            consent=contact.consent if contact else _NO_CONSENT,
            zone=ZoneInfo(contact.time_zone) if contact else clinic.zone,
            window=clinic.window.hours,
            has_channel=self._context.can_send(message.clinic_id, message.channel),
            has_address=address is not None,
            is_usable=not any((sender, one, "unusable") in current.suppressed for one in hashes),
            takes_texts=not isinstance(address, PhoneNumber) or can_receive_texts(address),
            has_opted_out=any(
                (sender, one, kind) in current.suppressed
                for one in hashes
                for kind in ("all", POLICIES[message.purpose].consent)
            ),
            is_paused=message.clinic_id in current.paused and not message.urgent,
            is_allowed_here=address is None or self._context.may_reach(address),
            weekly=budget.weekly_in_series if is_in_series(allowance.visits) else budget.weekly,
            slots=allowance.texts,
            last_text_at=max((seen.last_text_at for seen in traffic if seen.last_text_at), default=None),
            last_heard_at=max((current.heard[one] for one in hashes if one in current.heard), default=None),
            spacing=budget.spacing,
            too_many_this_hour=message.subject.startswith(_AUTOMATIC)
            and sum(seen.answers for seen in traffic) >= _MOST_ANSWERS_PER_HOUR,
        )

    async def _start(  # noqa: PLR0917 - one step of _judge, split off to be readable
        self,
        unit: UnitOfWork,
        message: Message,
        contact: Contact,
        address: Address,
        hashes: list[bytes],
        current: _Round,
    ) -> None:
        """Have the attempt written down with the others; it is made once this transaction has committed."""
        if not message.urgent and current.busy.intersection(hashes):
            current.waiting.append(message.id)
            return
        token = new_token()
        try:
            request = compose(
                message, address, language=contact.language, token=token, context=self._context, now=unit.now
            )
        except TemplateError:
            log.error("a template cannot be rendered", template=message.template, language=contact.language)
            await end_message(unit, message, DeliveryStatus.FAILED, Reason.TEMPLATE, context=self._context)
            return
        if current.recalled.intersection(hashes):
            request = await self._recall(unit, hashes, request)
        start = claims.Start(message.id, token, hashes[0], unit.sealer.lookup(request.words))
        current.starts.append(_Start(message, start, request))
        if message.channel is not Channel.EMAIL:
            current.busy.update(hashes)

    async def _recall(self, unit: UnitOfWork, hashes: Sequence[bytes], request: Composed) -> Composed:
        """Where the provider has this very text from before a restore, take its word instead of asking again."""
        reference = await recalled.take(unit.connection, hashes, unit.sealer.lookups(request.words))
        if reference is None:
            return request

        async def known() -> Answer:
            return Accepted(reference)

        return Composed(request.words, known)

    async def _deliver(self, call: _Call, claimed_at: float) -> None:
        attempt = call.attempt
        if time.monotonic() - claimed_at > _START_WITHIN_S:
            answer: Answer = RateLimited(timedelta(0))  # nothing was asked: the message simply waits again
        else:
            attempt, answer = await self._try(call)
            self._heed(answer, begun_at=claimed_at)
        failures = 0
        while True:
            try:
                await self._answers.do((attempt, answer))
            except DependencyUnavailableError:
                failures += 1
                await asyncio.sleep(exponential(failures, first=0.1, cap=2.0))
            else:
                return

    async def _record(self, answers: Sequence[tuple[Attempt, Answer]]) -> None:
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            await record_answers(unit, answers, context=self._context)

    async def _try(self, call: _Call) -> tuple[Attempt, Answer]:
        """Ask the provider, in the trace that the message was planned in; its outcome comes below this."""
        message = call.attempt.message
        with tracing.span(
            f"send {message.channel}",
            parent=message.traceparent,
            clinic_id=message.clinic_id,
            patient_ref=message.patient_ref,
            purpose=message.purpose,
            attempt=call.attempt.number,
        ) as span:
            answer = await self._ask(call.request)
            span.note(outcome=type(answer).__name__)
            return replace(call.attempt, message=replace(message, traceparent=tracing.current())), answer

    async def _ask(self, request: Composed) -> Answer:
        started = time.monotonic()
        answer = await request.ask()
        self._context.metrics.provider_seconds.labels(self._provider).observe(time.monotonic() - started)
        self._context.metrics.provider_answers.labels(self._provider, type(answer).__name__).inc()
        return answer

    def _heed(self, answer: Answer, *, begun_at: float) -> None:
        """Slow down when the provider says that it is too much, or says nothing; grow again when it goes well."""
        now = time.monotonic()
        match answer:
            case Accepted():
                self._concurrency = self._concurrency.went_well()
            case RateLimited(retry_after):
                # Too many requests concerns every message, not this one alone.
                self._not_before = max(self._not_before, now + retry_after.total_seconds())
                self._concurrency = self._concurrency.was_too_much(begun_at=begun_at, now=now)
            case Unsure():
                self._concurrency = self._concurrency.was_too_much(begun_at=begun_at, now=now)
            case Rejected(code) if rule_for(self._lane.channel, code).remedy is Remedy.RETRY_LATER:
                self._concurrency = self._concurrency.was_too_much(begun_at=begun_at, now=now)
        self._context.metrics.send_slots.labels(self._lane.name).set(self._concurrency.slots)


async def drain(lanes: Sequence[SendDue]) -> None:
    """Finish what is under way in every lane."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*(lane.finish() for lane in lanes))
