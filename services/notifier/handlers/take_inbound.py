"""Keep an inbound text before it is answered, act on keywords at once, and pass it on to be read."""

from dataclasses import dataclass
from datetime import timedelta

from services.notifier.context import Context
from services.notifier.domain.answer import TaskKind
from services.notifier.domain.equalise import Insertion
from services.notifier.domain.keyword import is_lone_cancel, read_keyword
from services.notifier.store import claims, outcomes, plans, received, suppressions
from shared.clinics.model import Clinic
from shared.kernel.contact import PhoneNumber
from shared.kernel.ids import digest
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.plan import MessagesPlan, PlannedMessage, Recipient
from shared.messages.reply import (
    OPTED_IN,
    OPTED_OUT,
    RECEIVED,
    Candidate,
    HandledAs,
    MessageReceived,
    RecipientOpted,
)
from shared.messages.staff_task import RAISED, StaffTaskRaised
from shared.postgres.database import lock_in_order
from shared.postgres.unit_of_work import UnitOfWork

_LONGEST_TEXT = 5000
_ANSWER_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text that the provider hands over. ``sender`` is the number it was sent to: ours."""

    provider_reference: str
    phone: PhoneNumber
    sender: str
    text: str
    media: int


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who wrote, as far as that is known: a number can be shared, or unknown."""

    clinic_id: str
    patients: tuple[tuple[str, str], ...]
    number: bytes
    reply_to: str

    @property
    def patient_ref(self) -> str | None:
        """The patient, if there is only one whom the number may belong to."""
        return self.patients[0][1] if len(self.patients) == 1 else None


async def take_inbound(unit: UnitOfWork, inbound: InboundText, *, context: Context) -> None:
    """Keep a text, once; a STOP closes the number in the same transaction."""
    number = unit.sealer.lookup(inbound.phone.e164)
    await lock_in_order(unit.connection, [f"number:{number.hex()}"])
    sender = await _identify(unit, inbound, number, context=context)
    handled_as = read_keyword(inbound.text)
    new = await received.save_inbound(
        unit.connection,
        unit.sealer,
        provider_reference=inbound.provider_reference,
        clinic_id=sender.clinic_id,
        phone=inbound.phone.e164,
        sender=inbound.sender,
        text=inbound.text[:_LONGEST_TEXT],
        media=inbound.media,
        handled_as=handled_as,
        now=unit.now,
    )
    if not new:
        return
    await _act(unit, inbound, sender, handled_as, context=context)
    _pass_on(unit, inbound, sender, handled_as)


async def _identify(unit: UnitOfWork, inbound: InboundText, number: bytes, *, context: Context) -> _Sender:
    numbers = unit.sealer.lookups(inbound.phone.e164)
    clinics = context.clinics.of_sender(PhoneNumber(inbound.sender)) or context.clinics.sharing_the_sender
    known = await received.patients_with_number(unit.connection, numbers)
    patients = tuple(pair for pair in known if pair[0] in clinics) or tuple(known)
    fallback = clinics[0] if clinics else next(iter(context.clinics.clinics))
    return _Sender(patients[0][0] if patients else fallback, patients, number, f"number:{number.hex()}")


async def _act(
    unit: UnitOfWork, inbound: InboundText, sender: _Sender, handled_as: HandledAs, *, context: Context
) -> None:
    clinic = context.clinic(sender.clinic_id)
    ours = context.sender_of(sender.clinic_id).name
    answers = clinic.opt_out_replies == "aftercare"
    if handled_as is HandledAs.OPT_OUT:
        closed = await suppressions.suppress(
            unit.connection, ours, sender.number, kind="all", how="keyword", now=unit.now
        )
        if closed:
            _tell(unit, OPTED_OUT, sender)
            if answers:
                await _answer(unit, inbound, sender, clinic, Purpose.OPT_OUT_CONFIRMATION, "opt_out_confirmation")
        if is_lone_cancel(inbound.text):
            await _ask_about_the_appointment(unit, inbound, sender)
    elif handled_as is HandledAs.OPT_IN:
        numbers = unit.sealer.lookups(inbound.phone.e164)
        opened = await suppressions.lift_suppressions(unit.connection, ours, numbers, now=unit.now)
        await plans.announce_due(unit.connection)
        if opened:
            _tell(unit, OPTED_IN, sender)
            if answers:
                await _answer(unit, inbound, sender, clinic, Purpose.ANSWER_REPLY, "opt_in_confirmation")
    elif handled_as is HandledAs.HELP and answers:
        await _answer(unit, inbound, sender, clinic, Purpose.ANSWER_REPLY, "help")


def _tell(unit: UnitOfWork, event: str, sender: _Sender) -> None:
    unit.publish(
        event,
        RecipientOpted(
            clinic_id=sender.clinic_id, patient_ref=sender.patient_ref, channel=Channel.SMS, kind="all", how="keyword"
        ),
        subject=sender.patient_ref or sender.reply_to,
    )


async def _answer(  # noqa: PLR0917 - one line per thing an answer needs
    unit: UnitOfWork, inbound: InboundText, sender: _Sender, clinic: Clinic, purpose: Purpose, template: str
) -> None:
    """Plan one automatic answer to the number that wrote, as any other message: judged, written down, sent once."""
    contacts = await claims.contacts(
        unit.connection, unit.sealer, [f"patient:{clinic_id}:{ref}" for clinic_id, ref in sender.patients]
    )
    language = next((contact.language for contact in contacts.values()), _language_of(inbound.text))
    plan = MessagesPlan(
        clinic_id=sender.clinic_id,
        patient_ref=sender.patient_ref or sender.reply_to,
        subject=f"replies:{inbound.provider_reference}",
        revision=1,
        recipient=Recipient(
            kind="staff",  # keeps the snapshot of the number apart from those of patients
            phone=inbound.phone.e164,
            language=language,
            time_zone=clinic.time_zone,
            consent=Consent(),
            as_of=unit.now,
            reply_to=sender.reply_to,
        ),
        messages=(
            PlannedMessage(
                key=template,
                purpose=purpose,
                template=template,
                values={
                    "clinic_name": clinic.name,
                    "clinic_phone": clinic.phone,
                    "time_zone": clinic.time_zone,
                },
                send_at=unit.now,
                expires_at=unit.now + _ANSWER_WITHIN,
            ),
        ),
    )
    await plans.save_recipient(unit.connection, unit.sealer, sender.reply_to, plan)
    insertion = Insertion(plan.messages[0], Channel.SMS)
    for message_id in await plans.insert_messages(unit.connection, unit.sealer, plan, sender.reply_to, [insertion]):
        await outcomes.remember(unit.connection, message_id, "planned", now=unit.now, detail="answer to a keyword")
    await plans.announce_due(unit.connection)


def _language_of(text: str) -> str:
    """Guess only from the keyword itself: a Spanish keyword is answered in Spanish."""
    spanish = ("alto", "parar", "baja", "detener", "basta", "cancelar", "mensajes", "ayuda", "empezar", "comenzar")
    return "es" if any(word in text.casefold() for word in spanish) else "en"


async def _ask_about_the_appointment(unit: UnitOfWork, inbound: InboundText, sender: _Sender) -> None:
    """A lone CANCEL closes the number, and may have meant the visit: a person asks (K3). No text deletes a booking."""
    task_id = digest("notifier", "cancel", inbound.provider_reference)[:32]
    references = {"provider_reference": inbound.provider_reference}
    await outcomes.save_task(
        unit.connection,
        task_id,
        clinic_id=sender.clinic_id,
        patient_ref=sender.patient_ref,
        kind=TaskKind.MAYBE_CANCELS_VISIT,
        references=references,
        due_by=None,
        now=unit.now,
    )
    unit.publish(
        RAISED,
        StaffTaskRaised(
            task_id=task_id,
            clinic_id=sender.clinic_id,
            patient_ref=sender.patient_ref,
            kind=TaskKind.MAYBE_CANCELS_VISIT,
            references=references,
        ),
        subject=task_id,
    )


def _pass_on(unit: UnitOfWork, inbound: InboundText, sender: _Sender, handled_as: HandledAs) -> None:
    """Every text is read by followup, keywords included: its safety screen sees them all."""
    unit.publish(
        RECEIVED,
        MessageReceived(
            clinic_id=sender.clinic_id,
            patient_ref=sender.patient_ref,
            text=inbound.text[:_LONGEST_TEXT],
            candidates=tuple(Candidate(clinic_id=c, patient_ref=ref) for c, ref in sender.patients[:20]),
            reply_to=sender.reply_to,
            phone=inbound.phone.e164,
            received_at=unit.now,
            provider_reference=inbound.provider_reference,
            handled_as=handled_as,
            media=inbound.media,
        ),
        subject=sender.patient_ref or sender.reply_to,
    )
