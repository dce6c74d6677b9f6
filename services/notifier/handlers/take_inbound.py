"""Keep an inbound text before it is answered, act on keywords at once, and pass it on to be read."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notifier.context import Context
from services.notifier.domain.answer import TaskKind
from services.notifier.domain.keyword import is_lone_cancel, read_keyword
from services.notifier.domain.sender import Correspondent, name_of_number
from services.notifier.handlers.answer_sender import answer_sender, language_of
from services.notifier.handlers.close_number import close_number, open_number
from services.notifier.handlers.end_message import raise_named_task
from services.notifier.store import received
from services.notifier.store.received import Holder
from shared.kernel.contact import PhoneNumber
from shared.kernel.storable import storable
from shared.messages.base import Purpose
from shared.messages.envelope import Cause
from shared.messages.reply import CANCEL_WORD, RECEIVED, Candidate, HandledAs, MessageReceived, OpenPrompt
from shared.postgres.database import Database, lock_in_order
from shared.postgres.side_by_side import run_side_by_side
from shared.postgres.unit_of_work import UnitOfWork, units_side_by_side
from shared.telemetry import tracing

_LONGEST_TEXT = 5000
_MOST_CANDIDATES = 20
_MOST_PROMPTS = 20
_PROMPT_SLACK = timedelta(seconds=5)
"""A patient may answer a text before its sending is recorded here."""


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text that the provider hands over. ``sender`` is the number it was sent to: ours.

    ``waited`` is how long ago the provider received it, where its webhook was lost and a sweep found it.
    """

    provider_reference: str
    phone: PhoneNumber
    sender: str
    text: str
    media: int
    waited: timedelta = timedelta(0)
    traceparent: str | None = None


async def take_inbound(
    database: Database, texts: Sequence[InboundText], *, now: datetime, context: Context
) -> list[bool]:
    """Keep texts that came in at the same time; a STOP closes the number in the same transaction.

    Each number's are taken in their order, under its lock, those of several numbers side by side. Return which are new.
    """
    are_new = [False] * len(texts)

    async def take_in_order(unit_of: Sequence[UnitOfWork], places: Sequence[int]) -> None:
        for place in places:
            with tracing.following(texts[place].traceparent):
                are_new[place] = await _take(unit_of[place], texts[place], context=context)

    of_number: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        of_number[text.phone.e164].append(place)
    causes = [Cause(traceparent=text.traceparent) for text in texts]
    async with units_side_by_side(database, causes, now=now) as units:
        names = [name_of_number(database.sealer.lookups(phone)) for phone in of_number]
        # What is read about a number travels behind its lock, in the same journey.
        await asyncio.gather(
            lock_in_order(units[0].connection, names),
            run_side_by_side(take_in_order(units, places) for places in of_number.values()),
        )
    return are_new


async def _take(unit: UnitOfWork, inbound: InboundText, *, context: Context) -> bool:
    inbound = replace(inbound, text=storable(inbound.text))
    numbers, received_at = unit.sealer.lookups(inbound.phone.e164), unit.now - inbound.waited
    holders, prompts = await asyncio.gather(
        received.holders_of(unit.connection, numbers),
        received.open_prompts(
            unit.connection, numbers, at=received_at, sent_before=received_at + _PROMPT_SLACK, limit=_MOST_PROMPTS
        ),
    )
    who, language = _identify(unit, inbound, holders, context=context)
    handled_as = read_keyword(inbound.text)
    new = await received.save_inbound(
        unit.connection,
        unit.sealer,
        provider_reference=inbound.provider_reference,
        clinic_id=who.clinic_id,
        phone=inbound.phone.e164,
        sender=inbound.sender,
        text=inbound.text[:_LONGEST_TEXT],
        media=inbound.media,
        handled_as=handled_as,
        now=unit.now,
    )
    if not new:
        return False
    if all(holder.recipient_id != who.reply_to for holder in holders):
        # Whoever writes can be answered: a plan names the number by its opaque name.
        await received.save_number(
            unit.connection,
            unit.sealer,
            who.reply_to,
            clinic_id=who.clinic_id,
            phone=inbound.phone.e164,
            language=language,
            time_zone=context.clinic(who.clinic_id).time_zone,
            now=unit.now,
        )
    await _act(unit, inbound, who, handled_as, language=language, context=context)
    _pass_on(unit, inbound, who, prompts, handled_as)
    return True


def _identify(
    unit: UnitOfWork, inbound: InboundText, holders: Sequence[Holder], *, context: Context
) -> tuple[Correspondent, str]:
    """Return whose a number may be, among the clinics that text from the number it wrote to, and their language."""
    clinics = context.clinics.of_sender(PhoneNumber(inbound.sender)) or context.clinics.sharing_the_sender
    known = [holder for holder in holders if holder.patient_ref is not None]
    patients = [holder for holder in known if holder.clinic_id in clinics] or known
    fallback = clinics[0] if clinics else next(iter(context.clinics.clinics))
    who = Correspondent(
        patients[0].clinic_id if patients else fallback,
        tuple((holder.clinic_id, holder.patient_ref) for holder in patients if holder.patient_ref is not None),
        tuple(unit.sealer.lookups(inbound.phone.e164)),
    )
    return who, patients[0].language(unit.sealer) if patients else language_of(inbound.text)


async def _act(
    unit: UnitOfWork,
    inbound: InboundText,
    who: Correspondent,
    handled_as: HandledAs,
    *,
    language: str,
    context: Context,
) -> None:
    """Do what a keyword asks. Where the provider answers keywords itself, nothing is said twice (K6)."""
    clinic, ours = context.clinic(who.clinic_id), context.sender_of(who.clinic_id).name
    answer: tuple[Purpose, str] | None = None
    match handled_as:
        case HandledAs.OPT_OUT:
            may_mean_visit = is_lone_cancel(inbound.text)
            asks_booking = may_mean_visit and who.patient_ref is not None
            closed = await close_number(unit, who, ours=ours, how=CANCEL_WORD if asks_booking else "keyword")
            if closed:
                answer = (Purpose.OPT_OUT_CONFIRMATION, "opt_out_confirmation")
            if may_mean_visit and not (closed and asks_booking):
                await _ask_about_the_appointment(unit, inbound, who)
        case HandledAs.OPT_IN:
            if await open_number(unit, who, ours=ours, how="keyword"):
                answer = (Purpose.ANSWER_REPLY, "opt_in_confirmation")
        case HandledAs.HELP:
            answer = (Purpose.ANSWER_REPLY, "help")
    if answer is not None and clinic.opt_out_replies == "aftercare":
        purpose, template = answer
        await answer_sender(
            unit,
            who,
            clinic,
            purpose=purpose,
            template=template,
            cause=inbound.provider_reference,
            language=language,
        )


async def _ask_about_the_appointment(unit: UnitOfWork, inbound: InboundText, who: Correspondent) -> None:
    """A lone CANCEL closes the number, and may have meant the visit: a person asks (K3). No text deletes a booking.

    Where the patient is known and the number was open, booking_events hears of it and asks about the visit itself.
    """
    await raise_named_task(
        unit,
        TaskKind.MAYBE_CANCELS_VISIT,
        cause=inbound.provider_reference,
        clinic_id=who.clinic_id,
        patient_ref=who.patient_ref,
        references={"provider_reference": inbound.provider_reference},
    )


def _pass_on(
    unit: UnitOfWork, inbound: InboundText, who: Correspondent, prompts: Sequence[OpenPrompt], handled_as: HandledAs
) -> None:
    """Every text is read by followup, keywords included: its safety screen sees them all (S-1)."""
    unit.publish(
        RECEIVED,
        MessageReceived(
            clinic_id=who.clinic_id,
            patient_ref=who.patient_ref,
            text=inbound.text[:_LONGEST_TEXT],
            candidates=tuple(
                Candidate(clinic_id=clinic_id, patient_ref=ref) for clinic_id, ref in who.patients[:_MOST_CANDIDATES]
            ),
            reply_to=who.reply_to,
            phone=inbound.phone.e164,
            received_at=unit.now - inbound.waited,
            provider_reference=inbound.provider_reference,
            open_prompts=tuple(prompts),
            handled_as=handled_as,
            media=inbound.media,
        ),
        subject=who.patient_ref or who.reply_to,
    )
