"""Make the table equal to a plan, in one transaction."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from services.notifier.context import Context
from services.notifier.domain.equalise import equalise
from services.notifier.store import outcomes, plans
from shared.kernel.errors import PermanentError
from shared.messages.base import Purpose
from shared.messages.envelope import Envelope
from shared.messages.plan import MessagesPlan
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing

_MAY_BE_REPEATED = timedelta(days=4)
"""A receipt, or its absence, is not heeded after that."""


def touches(_envelope: Envelope, plan: MessagesPlan) -> Iterable[str]:
    """Name what a plan changes: its subject, and its patient's snapshot."""
    return (f"subject:{plan.subject}", f"recipient:{recipient_id_of(plan)}")


def recipient_id_of(plan: MessagesPlan) -> str:
    """Return the id under which the plan's recipient is kept."""
    if plan.recipient.reply_to is not None:
        return plan.recipient.reply_to
    if plan.recipient.kind == "staff":
        return f"staff:{plan.subject}"
    return f"patient:{plan.clinic_id}:{plan.patient_ref}"


async def apply_plan(unit: UnitOfWork, _envelope: Envelope, plan: MessagesPlan, *, context: Context) -> None:
    """Apply a plan unless the same or a later revision was applied before.

    Raises:
        PermanentError: it answers a number that never wrote.
    """
    connection, recipient_id = unit.connection, recipient_id_of(plan)
    if not await plans.accept_revision(connection, plan.subject, plan.revision, now=unit.now):
        return
    if plan.recipient.reply_to is None:
        await plans.save_recipient(connection, unit.sealer, recipient_id, plan)
    elif not await plans.readdress(connection, unit.sealer, plan):
        raise PermanentError("data.recipient.reply_to: no text came from there")
    with tracing.span(
        "apply plan",
        subject_kind=plan.subject.partition(":")[0],
        clinic_id=plan.clinic_id,
        patient_ref=plan.patient_ref,
        count=len(plan.messages),
    ):
        await _equalise(unit, plan, recipient_id, context=context)


async def _equalise(unit: UnitOfWork, plan: MessagesPlan, recipient_id: str, *, context: Context) -> None:
    connection = unit.connection
    changes = equalise(plan, await plans.known_messages(connection, plan.subject))
    inserted = await plans.insert_messages(
        connection, unit.sealer, plan, recipient_id, changes.inserted, traceparent=tracing.current()
    )
    await plans.update_waiting(connection, unit.sealer, changes.updated, recipient_id)
    # What was sent is not sent again once it is untrue, should a late receipt say that it did not arrive.
    unwanted = [*changes.unwanted, *await _contradicted(unit, plan, changes.told)]
    regained = await plans.set_wanted(connection, changes.wanted, wanted=True)
    await plans.join_trace(connection, regained, tracing.current())
    withdrawn = await plans.set_wanted(connection, unwanted, wanted=False)
    await plans.close_prompts(connection, plan.subject, plan.closed_prompts)
    revision = f"revision {plan.revision}"
    await outcomes.remember_all(connection, inserted, "planned", now=unit.now, detail=revision)
    await outcomes.remember_all(connection, regained, "wanted again", now=unit.now, detail=revision)
    await outcomes.remember_all(connection, withdrawn, "no longer wanted", now=unit.now, detail=revision)
    context.metrics.planned.inc(len(inserted))
    rows = (*changes.inserted, *(row for _id, row in changes.updated))
    await plans.announce_due(connection, None if regained else {row.lane for row in rows})


async def _contradicted(unit: UnitOfWork, plan: MessagesPlan, told: Sequence[int]) -> list[int]:
    """Return which messages that were sent are no longer true.

    A notice of this plan tells otherwise of their visit; or they are pages, and an empty plan says that it is over.
    """
    if plan.recipient.kind == "staff":
        return list(told) if not plan.messages else []
    changed = {
        booking
        for message in plan.messages
        if message.purpose is Purpose.CHANGE_NOTICE
        for booking in message.values.get("bookings", ())
    }
    if not changed or not told:
        return []
    values = await plans.values_of(unit.connection, unit.sealer, told, since=unit.now - _MAY_BE_REPEATED)
    return [message_id for message_id, said in values.items() if changed.intersection(said.get("bookings", ()))]
