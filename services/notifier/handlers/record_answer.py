"""Record what the provider answered to one attempt."""

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
from shared.messages import outcome as events
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log

_NOT_REACHED_PAUSE = timedelta(seconds=5)


async def record_answer(unit: UnitOfWork, attempt: Attempt, answer: Answer, *, context: Context) -> None:
    """Write an answer down. An answer that comes after the outcome was settled otherwise changes nothing."""
    message = await attempts.open_message(unit.connection, unit.sealer, attempt.message.id)
    if message is None:
        return
    await attempts.note_result(
        unit.connection,
        attempt.token,
        type(answer).__name__,
        answer.provider_reference if isinstance(answer, Accepted) else None,
    )
    match answer:
        case Accepted():
            await pauses.resume_provider(unit.connection, scope_of(message.channel))
            await adopt(unit, message, answer.provider_reference, attempt.number, answer.segments, context=context)
        case RateLimited():
            await _wait(unit, attempt, Reason.RATE_LIMITED, answer.retry_after)
        case NotReached():
            await _wait(unit, attempt, Reason.NOT_REACHED, _NOT_REACHED_PAUSE)
        case Rejected():
            await _reject(unit, message, attempt, answer.code, context=context)
        case Unsure() if POLICIES[message.purpose].repeat_when_unsure:
            # Two safety texts do no harm; silence might.
            await _wait(unit, attempt, Reason.NOT_FOUND, timedelta(0))
        case Unsure():
            if await attempts.make_unknown(
                unit.connection, message.id, attempt.number, grace=context.timing.grace_of(message.channel)
            ):
                await outcomes.remember(unit.connection, message.id, "unknown", now=unit.now, detail=answer.cause)


async def adopt(
    unit: UnitOfWork,
    message: Message,
    provider_reference: str,
    attempt: int,
    segments: int | None = None,
    *,
    context: Context,
) -> None:
    """Attach the provider's message to ours: it was sent. A second one for the same message is a duplicate."""
    if message.attempt == attempt and await attempts.adopt(
        unit.connection, message.id, provider_reference, segments=segments, now=unit.now
    ):
        await outcomes.remember(unit.connection, message.id, "sent", now=unit.now, detail=provider_reference)
        await attempts.release_number(unit.connection, message.id)
        publish_outcome(unit, message, events.SENT, provider_reference=provider_reference, segments=segments)
        count_outcome(context, message, DeliveryStatus.SENT)
        waited = (unit.now - max(message.due_at, message.send_at)).total_seconds()
        context.metrics.due_to_provider.observe(max(0.0, waited))
        await apply_known_receipts(unit, message, provider_reference, context=context)
        return
    if message.attempt == attempt and await attempts.note_late_proof(unit.connection, message.id, provider_reference):
        await outcomes.remember(unit.connection, message.id, "was sent after all", now=unit.now)
        await apply_known_receipts(unit, message, provider_reference, context=context)
        return
    if message.provider_reference == provider_reference:
        # Recorded meanwhile, by a transaction that could not see the receipt which brings us here.
        await apply_known_receipts(unit, message, provider_reference, context=context)
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
