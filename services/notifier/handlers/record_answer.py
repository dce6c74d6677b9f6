"""Record what the provider answered to one attempt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from services.notifier.context import Context, rule_for, scope_of
from services.notifier.domain.answer import (
    Accepted,
    Answer,
    NotReached,
    RateLimited,
    Rejected,
    Remedy,
    TaskKind,
    Unsure,
    repeat_after,
)
from services.notifier.domain.message import Attempt, Message
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.state import DeliveryStatus, Reason
from services.notifier.handlers.end_message import count_outcome, end_message, publish_outcome, raise_task
from services.notifier.handlers.fall_back import fall_back
from services.notifier.handlers.heed_error import heed_error
from services.notifier.handlers.stop_sending import stop_sending
from services.notifier.handlers.take_receipt import apply_known_receipts
from services.notifier.store import attempts, outcomes, pauses
from services.notifier.store.attempts import Proof
from shared.messages import outcome as events
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing
from shared.telemetry.log import log

_NOT_REACHED_PAUSE = timedelta(seconds=5)


async def record_answers(unit: UnitOfWork, answers: Sequence[tuple[Attempt, Answer]], *, context: Context) -> None:
    """Write answers down. An answer that comes after the outcome was settled otherwise changes nothing."""
    found = await attempts.open_messages(unit.connection, unit.sealer, {attempt.message.id for attempt, _ in answers})
    known = [
        (replace(found[attempt.message.id], traceparent=attempt.message.traceparent), attempt, answer)
        for attempt, answer in answers
        if attempt.message.id in found
    ]
    if not known:
        return
    await attempts.note_results(
        unit.connection,
        [
            (attempt.token, type(answer).__name__, answer.provider_reference if isinstance(answer, Accepted) else None)
            for _message, attempt, answer in known
        ],
    )
    proofs = [
        Proof(message, attempt.number, answer.provider_reference, answer.segments)
        for message, attempt, answer in known
        if isinstance(answer, Accepted)
    ]
    for scope in {scope_of(proof.message.channel) for proof in proofs}:
        await pauses.resume_provider(unit.connection, scope)
    await adopt(unit, proofs, context=context)
    for message, attempt, answer in known:
        with tracing.following(message.traceparent):
            await _record_otherwise(unit, message, attempt, answer, context=context)


async def _record_otherwise(
    unit: UnitOfWork, message: Message, attempt: Attempt, answer: Answer, *, context: Context
) -> None:
    """Write down what is no proof that the provider has a message."""
    match answer:
        case Accepted():
            pass  # adopted
        case RateLimited():
            await _wait(unit, attempt, Reason.RATE_LIMITED, answer.retry_after)
        case NotReached():
            await _wait(unit, attempt, Reason.NOT_REACHED, _NOT_REACHED_PAUSE)
        case Rejected():
            await _reject(unit, message, attempt, answer.code, context=context)
        case Unsure() if POLICIES[message.purpose].repeat_when_unsure:
            # Two safety texts do no harm; silence might.
            await _wait(unit, attempt, Reason.NOT_FOUND, repeat_after(attempt.number))
        case Unsure():
            if await attempts.make_unknown(
                unit.connection, message.id, attempt.number, grace=context.timing.grace_of(message.channel)
            ):
                await outcomes.remember(unit.connection, message.id, "unknown", now=unit.now, detail=answer.cause)


async def adopt(unit: UnitOfWork, proofs: Sequence[Proof], *, context: Context) -> None:
    """Attach the provider's messages to ours, all of them locked: they were sent. A second one is a duplicate."""
    first = {proof.message.id: proof for proof in reversed(proofs) if proof.message.attempt == proof.attempt}
    adopted = await attempts.adopt(unit.connection, list(first.values()), now=unit.now) if first else set()
    sent = [proof for message_id, proof in first.items() if message_id in adopted]
    if sent:
        await _tell_sent(unit, sent, context=context)
    for proof in proofs:
        if proof not in sent:
            await _attach_otherwise(unit, proof, context=context)


async def _tell_sent(unit: UnitOfWork, sent: Sequence[Proof], *, context: Context) -> None:
    entries = [(proof.message.id, "sent", proof.provider_reference) for proof in sent]
    await outcomes.remember_each(unit.connection, entries, now=unit.now)
    await attempts.release_numbers(unit.connection, [proof.message.id for proof in sent])
    for proof in sent:
        message = proof.message
        publish_outcome(
            unit, message, events.SENT, provider_reference=proof.provider_reference, segments=proof.segments
        )
        count_outcome(context, message, DeliveryStatus.SENT)
        waited = (unit.now - max(message.due_at, message.send_at)).total_seconds()
        context.metrics.due_to_provider.observe(max(0.0, waited))
    messages = {proof.provider_reference: replace(proof.message, receipt=None) for proof in sent}
    await apply_known_receipts(unit, messages, context=context)


async def _attach_otherwise(unit: UnitOfWork, proof: Proof, *, context: Context) -> None:
    message, provider_reference = proof.message, proof.provider_reference
    if message.attempt == proof.attempt and await attempts.note_late_proof(
        unit.connection, message.id, provider_reference
    ):
        await outcomes.remember(unit.connection, message.id, "was sent after all", now=unit.now)
        await apply_known_receipts(unit, {provider_reference: message}, context=context)
        return
    if message.provider_reference == provider_reference:
        # Recorded meanwhile, by a transaction that could not see the receipt which brings us here.
        await apply_known_receipts(unit, {provider_reference: message}, context=context)
    else:
        context.metrics.duplicates_suspected.inc()
        log.error("a message may have gone out twice", provider_reference=provider_reference)
        await outcomes.remember(
            unit.connection, message.id, "possible duplicate", now=unit.now, detail=provider_reference
        )
        await raise_task(unit, TaskKind.POSSIBLE_DUPLICATE, message)


async def _wait(unit: UnitOfWork, attempt: Attempt, reason: Reason, pause: timedelta) -> None:
    message = attempt.message
    await attempts.give_back(unit.connection, message.id, attempt.number, reason=reason, retry_after=pause, due_at=None)
    await outcomes.remember(unit.connection, message.id, "not processed", now=unit.now, detail=reason)
    await attempts.release_number(unit.connection, message.id)


async def _reject(unit: UnitOfWork, message: Message, attempt: Attempt, code: str, *, context: Context) -> None:
    rule = rule_for(message.channel, code)
    await attempts.release_number(unit.connection, message.id)
    if rule.remedy is Remedy.STOP_SENDING:
        await _keep_and_stop(unit, message, attempt, code, context=context)
        return
    delay = rule.retry_delay(message.resends)
    if delay is not None and message.wanted and unit.now + delay < message.expires_at:
        await attempts.give_back(
            unit.connection,
            message.id,
            attempt.number,
            reason=code,
            retry_after=timedelta(0),
            due_at=unit.now + delay,
        )
        await outcomes.remember(unit.connection, message.id, "to be tried again", now=unit.now, detail=code)
    else:
        await end_message(unit, message, DeliveryStatus.FAILED, code, context=context)
        await fall_back(unit, message, code, failed=True, context=context)
    await heed_error(unit, message, code, context=context)


async def _keep_and_stop(unit: UnitOfWork, message: Message, attempt: Attempt, code: str, *, context: Context) -> None:
    """No text can leave until this is put right: keep the message, stop asking, and say so."""
    await attempts.give_back(
        unit.connection,
        message.id,
        attempt.number,
        reason=Reason.PROVIDER_STOPPED,
        retry_after=timedelta(0),
        due_at=None,
    )
    await stop_sending(unit, message, code, context=context)
