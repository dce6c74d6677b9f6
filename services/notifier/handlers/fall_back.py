"""Try the next channel when one will not do; where none is left, ask a person to tell the patient."""

from services.notifier.context import Context
from services.notifier.domain.answer import TaskKind
from services.notifier.domain.judge import SHORTEST_USE
from services.notifier.domain.lane import lane_of
from services.notifier.domain.message import Message
from services.notifier.domain.policy import POLICIES, Policy
from services.notifier.domain.state import Reason
from services.notifier.handlers.end_message import raise_task
from services.notifier.store import claims, outcomes, plans
from shared.messages.base import Channel
from shared.postgres.unit_of_work import UnitOfWork


async def fall_back(unit: UnitOfWork, message: Message, cause: str, *, failed: bool, context: Context) -> None:
    """Let another channel carry a message that is still wanted and of use.

    ``failed`` tells a channel that was tried from one that was closed from the start, such as after a STOP: then a
    person is asked only where the patient would otherwise come at the wrong time.
    """
    if not message.wanted:
        return
    channel = await _next_channel(unit, message, context=context)
    if channel is not None:
        await _go_on(unit, message, channel, cause, context=context)
    if not _needs_person(POLICIES[message.purpose], cause, failed=failed, goes_on=channel is not None):
        return
    if channel is not None or not await plans.is_on_its_way_otherwise(unit.connection, message):
        visit = str(message.values.get("starts_at") or message.key)
        await raise_task(
            unit,
            TaskKind.PATIENT_NOT_REACHED,
            message,
            due_by=message.expires_at,
            once_per=f"{message.recipient_id}:{visit}",
        )


async def _go_on(unit: UnitOfWork, message: Message, channel: Channel, cause: str, *, context: Context) -> None:
    new = await plans.insert_fallback(unit.connection, unit.sealer, message, channel, now=unit.now)
    if new is not None:
        detail = f"instead of {message.channel}: {cause}"
        await outcomes.remember(unit.connection, new, "planned", now=unit.now, detail=detail)
        context.metrics.planned.inc()
        await plans.announce_due(unit.connection, [lane_of(channel, urgent=message.urgent)])


def _needs_person(policy: Policy, cause: str, *, failed: bool, goes_on: bool) -> bool:
    """A change that only an e-mail of the night tells of may be read too late."""
    if goes_on:
        return policy.person == "always" and cause == Reason.OUTSIDE_WINDOW
    return policy.person == "always" or (policy.person == "when_it_fails" and failed)


async def _next_channel(unit: UnitOfWork, message: Message, *, context: Context) -> Channel | None:
    """Return the first channel left that can reach the recipient in time and that they agreed to."""
    if not message.fallbacks or unit.now >= message.expires_at - SHORTEST_USE:
        return None
    contacts = await claims.contacts(unit.connection, unit.sealer, [message.recipient_id])
    contact = contacts.get(message.recipient_id)
    if contact is None:
        return None
    policy = POLICIES[message.purpose]
    return next(
        (
            channel
            for channel in message.fallbacks
            if context.can_send(message.clinic_id, channel)
            and contact.address(channel) is not None
            and policy.is_agreed_to(contact.consent, channel)
        ),
        None,
    )
