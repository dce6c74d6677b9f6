"""Do what a reply asks for, and say what it gives reason to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.followup.context import Context
from services.followup.domain.case import Finding
from services.followup.domain.checkin import Status
from services.followup.domain.conversation import (
    Belonging,
    Effect,
    Follow,
    OpenItem,
    OtherPrompt,
    effect_of,
    follow_unreadable,
    is_accepted,
)
from services.followup.domain.escalation import end_of_business_day
from services.followup.domain.opt_out import closes_email_too
from services.followup.domain.reading import Interpretation, Reading
from services.followup.domain.safety import Screening
from services.followup.handlers.ask_checkin import ask_to_clarify
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.handlers.record_answer import NOT_HOME_SAFE, Value, needs_help, record_answer
from services.followup.handlers.sender import Sender
from services.followup.store import checkins
from services.followup.store.patients import Patient
from shared.messages.reading import (
    RECIPIENT_REVOKE,
    REPLY_READ,
    RecipientRevoke,
    ReplyPrompt,
    ReplyRead,
    ReplyResult,
)
from shared.messages.reply import HandledAs, MessageReceived
from shared.messages.safety import Tier
from shared.postgres.unit_of_work import UnitOfWork

# A wish comes before a yes: "C for Tuesday, R for Friday" confirms nothing until a person has seen to it.
_APPOINTMENT = {
    Interpretation.RESCHEDULE: ReplyResult.RESCHEDULE,
    Interpretation.CANCEL_REQUEST: ReplyResult.CANCEL_REQUEST,
    Interpretation.CONFIRM: ReplyResult.CONFIRM,
}
_NEEDS_NO_ANSWER = {Interpretation.ACK, Interpretation.TAPBACK, Interpretation.AUTO_REPLY, Interpretation.EMPTY}
_TIERS: Mapping[str, Tier] = {"s1": "S1", "s2": "S2", "s3": "S3", "m": "M"}


@dataclass(slots=True)
class Talk:
    """One reply and what is known around it."""

    reply: MessageReceived
    belonging: Belonging
    sender: Sender
    patient: Patient | None

    @property
    def reading(self) -> Reading:
        """The reply as read in the grammar of the question that it belongs to."""
        return self.belonging.reading

    @property
    def in_checkin(self) -> bool:
        """Whether it belongs to a check-in."""
        return isinstance(self.belonging.prompt, OpenItem)

    @property
    def is_accepted(self) -> bool:
        """Whether it answers the question that it belongs to."""
        return self.belonging.prompt is not None and is_accepted(self.belonging.prompt, self.reading)


async def act_on_reply(unit: UnitOfWork, talk: Talk, *, context: Context) -> tuple[str | None, list[Finding]]:
    """Do what a reply asks for; return the answer to send and what gives reason to look, the screening included."""
    findings = _screened(talk.reading.screening)
    reply, reading = talk.reply, talk.reading
    if (reply.handled_as is HandledAs.HELP or Interpretation.HELP in reading.says) and talk.in_checkin:
        # A patient in distress may type exactly that (3.3).
        findings.append(Finding("S3", ("help_in_checkin",)))
    if reply.handled_as is not HandledAs.NONE:
        return None, findings
    if (reading.human_reads or reply.media) and not findings:  # a case is read anyway
        await _have_it_read(unit, talk, context=context)
    if Interpretation.OPT_OUT in reading.says or Interpretation.WRONG_NUMBER in reading.says:
        await _revoke(unit, talk)
        return None, findings
    if talk.in_checkin and talk.is_accepted:
        return await _take_answer(unit, talk, findings, context=context)
    return await _act_without_value(unit, talk, is_in_case=bool(findings), context=context), findings


async def _act_without_value(unit: UnitOfWork, talk: Talk, *, is_in_case: bool, context: Context) -> str | None:
    reading = talk.reading
    appointment = next((result for kind, result in _APPOINTMENT.items() if kind in reading.says), None)
    if appointment is None and reading.interpretation is Interpretation.QUESTION and not talk.in_checkin:
        appointment = ReplyResult.QUESTION
    if appointment is not None:
        return await _pass_to_booking(unit, talk, appointment, context=context)
    if reading.interpretation in _NEEDS_NO_ANSWER and not talk.reply.media:
        return None
    if talk.in_checkin and reading.interpretation in (Interpretation.CLARIFY, Interpretation.OUT_OF_RANGE):
        return await _clarify(unit, talk, context=context)
    if not is_in_case:
        await _have_it_read(unit, talk, context=context)
    return "help" if reading.interpretation in (Interpretation.HELP, Interpretation.OPT_IN) else "passed_on"


def _screened(screening: Screening) -> list[Finding]:
    return [Finding(_TIERS[screening.tier], screening.rules)] if screening.tier else []


async def _take_answer(
    unit: UnitOfWork, talk: Talk, findings: list[Finding], *, context: Context
) -> tuple[str | None, list[Finding]]:
    item, reading, reply = talk.belonging.prompt, talk.reading, talk.reply
    assert isinstance(item, OpenItem)
    assert talk.patient is not None
    assert talk.patient.recipient is not None
    if reading.value is None:
        return await _clarify(unit, talk, context=context), findings
    value = float(reading.value)
    effect = effect_of(item, value, reply.received_at)
    if effect is Effect.REPEATS:
        if item.answer is not None and item.answer.value == value:
            await checkins.note_said_again(unit.connection, item.checkin.checkin_id, item.item, at=reply.received_at)
        return None, findings
    if effect is Effect.COMES_LATE:
        if needs_help(item.checkin.instrument, value):
            return None, [*findings, NOT_HOME_SAFE]
        await _have_it_read(unit, talk, context=context)
        return "question_closed", findings
    confidence = reading.confidence
    if talk.belonging.is_ambiguous:
        confidence = round(confidence / 2, 3)
        await raise_task(
            unit,
            TaskKind.WHO_ANSWERED,
            clinic_id=talk.sender.clinic_id,
            patient_ref=talk.sender.patient_ref,
            cause=reply.provider_reference,
            references={"provider_reference": reply.provider_reference, "checkin_id": item.checkin.checkin_id},
        )
    recorded = await record_answer(
        unit,
        item,
        Value(
            value=value,
            value_to=_other_end(reading, value),
            confidence=confidence,
            provider_reference=reply.provider_reference,
            received_at=reply.received_at,
        ),
        effect,
        talk.patient.recipient,
        stops=any(finding.tier != "S3" for finding in findings),
        context=context,
    )
    return recorded.answer_with, [*findings, *recorded.findings]


def _other_end(reading: Reading, value: float) -> float | None:
    if reading.pair is None:
        return None
    return next((float(end) for end in reading.pair if float(end) != value), None)


async def _clarify(unit: UnitOfWork, talk: Talk, *, context: Context) -> str | None:
    """Ask once, while the question is open; then a human reads, and the patient is told so once."""
    item = talk.belonging.prompt
    assert isinstance(item, OpenItem)
    is_open = item.answer is None and item.checkin.status is Status.ASKING
    if not is_open or talk.patient is None or talk.patient.recipient is None:
        await _have_it_read(unit, talk, context=context)
        return "passed_on"
    if follow_unreadable(item.checkin) is Follow.ASK_AGAIN:
        await ask_to_clarify(unit, item.checkin, talk.patient.recipient, context=context)
        return None
    await _have_it_read(unit, talk, context=context)
    if item.checkin.handed_over:
        return None
    await checkins.save(unit.connection, [replace(item.checkin, clarified=True, handed_over=True)])
    return "passed_on"


async def _pass_to_booking(unit: UnitOfWork, talk: Talk, result: ReplyResult, *, context: Context) -> str | None:
    """Let booking_events act on what concerns an appointment; it answers. For a stranger a person does."""
    sender, reply = talk.sender, talk.reply
    if sender.patient_ref is None:
        await _have_it_read(unit, talk, context=context)
        return "passed_on"
    prompt = talk.belonging.prompt
    unit.publish(
        REPLY_READ,
        ReplyRead(
            clinic_id=sender.clinic_id,
            patient_ref=sender.patient_ref,
            prompt=ReplyPrompt(subject=prompt.subject, key=prompt.key) if isinstance(prompt, OtherPrompt) else None,
            result=result,
            confidence=talk.reading.confidence,
            language=sender.language,
            reply_to=reply.reply_to,
            provider_reference=reply.provider_reference,
            received_at=reply.received_at,
        ),
        subject=sender.patient_ref,
    )
    return None


async def _revoke(unit: UnitOfWork, talk: Talk) -> None:
    """Take consent back as the patient asked; the notifier closes the number and says that appointments stand (K6)."""
    sender, reply, says = talk.sender, talk.reply, talk.reading.says
    is_wrong_number = Interpretation.WRONG_NUMBER in says
    unit.publish(
        RECIPIENT_REVOKE,
        RecipientRevoke(
            clinic_id=sender.clinic_id,
            patient_ref=sender.patient_ref,
            reply_to=reply.reply_to,
            channels=("sms", "voice", "email") if closes_email_too(reply.text) else ("sms", "voice"),
            how="wrong_number" if is_wrong_number else "own_words",
            language=talk.reading.language,
            provider_reference=reply.provider_reference,
            received_at=reply.received_at,
        ),
        subject=sender.patient_ref or reply.reply_to,
    )
    if Interpretation.CANCEL_REQUEST in says:
        await raise_task(
            unit,
            TaskKind.MAYBE_CANCELS_VISIT,
            clinic_id=sender.clinic_id,
            patient_ref=sender.patient_ref,
            cause=reply.provider_reference,
            references={"provider_reference": reply.provider_reference},
        )


async def _have_it_read(unit: UnitOfWork, talk: Talk, *, context: Context) -> None:
    """Put a reply on the list of those that a person reads the same business day."""
    await raise_task(
        unit,
        TaskKind.REPLY_TO_READ,
        clinic_id=talk.sender.clinic_id,
        patient_ref=talk.sender.patient_ref,
        cause=talk.reply.provider_reference,
        references={"provider_reference": talk.reply.provider_reference},
        due_by=end_of_business_day(context.clinic(talk.sender.clinic_id), unit.now),
    )
