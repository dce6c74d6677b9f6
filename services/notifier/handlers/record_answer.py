"""Record what the provider answered to one attempt."""

from datetime import UTC, datetime, timedelta

from services.notifier.context import Context
from services.notifier.domain.answer import (
    Accepted,
    Answer,
    ErrorRule,
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
from services.notifier.handlers.take_receipt import apply_known_receipts
from services.notifier.providers.twilio_errors import rule_for
from services.notifier.store import attempts, claims, outcomes, pauses, suppressions
from shared.messages import outcome as events
from shared.messages.base import Channel
from shared.messages.reply import OPTED_OUT, RecipientOpted
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
            await pauses.resume_provider(unit.connection)
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
            if await attempts.make_unknown(unit.connection, message.id, attempt.number, grace=context.timing.grace):
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
    if message.provider_reference != provider_reference:
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


async def _reject(unit: UnitOfWork, message: Message, attempt: Attempt, code: int, *, context: Context) -> None:
    rule = rule_for(code)
    await attempts.release_number(unit.connection, message.id)
    if rule.remedy is Remedy.STOP_SENDING:
        await _stop_sending(unit, message, attempt, code, context=context)
        return
    delay = rule.retry_delay(message.resends)
    if delay is not None and message.wanted and unit.now + delay < message.expires_at:
        await attempts.give_back(
            unit.connection,
            message.id,
            attempt.number,
            reason=str(code),
            retry_after=timedelta(0),
            due_at=unit.now + delay,
        )
        await outcomes.remember(unit.connection, message.id, "to be tried again", now=unit.now, detail=str(code))
    else:
        await end_message(unit, message, DeliveryStatus.FAILED, str(code), context=context)
    await _consequences(unit, message, rule, code, context=context)


async def _consequences(unit: UnitOfWork, message: Message, rule: ErrorRule, code: int, *, context: Context) -> None:
    if rule.remedy is Remedy.SUPPRESS:
        await _suppress(unit, message, code, context=context)
    if rule.task is not None:
        await raise_task(unit, rule.task, message, due_by=message.expires_at)


async def _suppress(unit: UnitOfWork, message: Message, code: int, *, context: Context) -> None:
    """The provider says that the number opted out: believe it."""
    contact = (await claims.contacts(unit.connection, unit.sealer, [message.recipient_id])).get(message.recipient_id)
    if contact is None or contact.phone is None:
        return
    sender = context.sender_of(message.clinic_id).name
    number = unit.sealer.lookup(contact.phone.e164)
    if await suppressions.suppress(unit.connection, sender, number, kind="all", how=f"provider {code}", now=unit.now):
        unit.publish(
            OPTED_OUT,
            RecipientOpted(
                clinic_id=message.clinic_id,
                patient_ref=message.patient_ref,
                channel=Channel.SMS,
                kind="all",
                how="provider",
            ),
            subject=message.patient_ref,
        )


async def _stop_sending(unit: UnitOfWork, message: Message, attempt: Attempt, code: int, *, context: Context) -> None:
    """No text can leave until this is put right: keep the message, stop asking, and say so."""
    await attempts.give_back(
        unit.connection,
        message.id,
        attempt.number,
        reason=Reason.PROVIDER_STOPPED,
        retry_after=timedelta(0),
        due_at=None,
    )
    timing = context.timing
    first = await pauses.pause_provider(unit.connection, str(code), first=timing.pause, longest=timing.longest_pause)
    if first:
        log.error("the provider refuses us: all sending is paused", code=code)
        await outcomes.remember(unit.connection, message.id, "provider refuses us", now=unit.now, detail=str(code))
        day = datetime.now(UTC).date().isoformat()
        await raise_task(unit, TaskKind.PROVIDER_STOPPED, message, cause=f"{code}:{day}")
