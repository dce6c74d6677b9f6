"""Read a reply: screened for danger before anything else, then given to the question it answers; always answered."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from services.followup.context import Context
from services.followup.domain.case import Finding, worst
from services.followup.domain.checkin import Answer, CheckIn, Status, subject_of
from services.followup.domain.conversation import (
    CORRECTION_WITHIN,
    Belonging,
    OpenItem,
    OtherPrompt,
    Prompt,
    find_owner,
)
from services.followup.domain.reading import Interpretation, PromptKind, Reading, read_reply
from services.followup.domain.safety import Tier as SafetyTier
from services.followup.domain.safety import screen_safely
from services.followup.handlers.acknowledge_case import acknowledge_by_text
from services.followup.handlers.act_on_reply import Talk, act_on_reply
from services.followup.handlers.answer_patient import answer_patient
from services.followup.handlers.ask_checkin import end_checkin
from services.followup.handlers.note_outcome import note_sent
from services.followup.handlers.page_case import case_of_subject
from services.followup.handlers.raise_case import raise_case
from services.followup.handlers.sender import Sender
from services.followup.store import checkins, patients, records
from services.followup.store.patients import Patient
from shared.messages.envelope import Envelope
from shared.messages.reading import MESSAGE_READ, MessageRead, join_reads
from shared.messages.reply import HandledAs, MessageReceived
from shared.messages.safety import Tier
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log

_LOOK_BACK = timedelta(days=7)
_Asked = tuple[CheckIn, Mapping[int, Answer]]


def touches(_envelope: Envelope, reply: MessageReceived) -> Iterable[str]:
    """Name what a reply changes: everybody whom it may be from, and the cases whose pages it may answer."""
    refs = {candidate.patient_ref for candidate in reply.candidates}
    if reply.patient_ref:
        refs.add(reply.patient_ref)
    paged = {case_of_subject(prompt.subject) for prompt in reply.open_prompts if prompt.subject.startswith("pages:")}
    return (*(f"patient:{ref}" for ref in refs), f"patient:{reply.reply_to}", *(f"case:{case}" for case in paged))


async def read_and_act(unit: UnitOfWork, _envelope: Envelope, reply: MessageReceived, *, context: Context) -> None:
    """Keep a reply, see whether somebody is in danger, and do what it asks for.

    Raises:
        PermanentError: an unknown clinic.
    """
    read = MessageRead(clinic_id=reply.clinic_id, provider_reference=reply.provider_reference)
    unit.publish_joined(MESSAGE_READ, read, join=join_reads)
    is_new, known, asked = await asyncio.gather(
        records.save_reply(unit.connection, unit.sealer, reply, now=unit.now),
        patients.find(unit.connection, unit.sealer, _refs(reply)),
        checkins.with_answers_of_patients(unit.connection, _refs(reply), since=reply.received_at - _LOOK_BACK),
    )
    if not is_new:
        return
    if await acknowledge_by_text(unit, reply, lambda kind: _read_safely(reply.text, kind, "en"), context=context):
        return
    talk = await _understand(unit, reply, known, asked, context=context)
    records.note_reading(
        unit,
        reply.provider_reference,
        reading="+".join((talk.reading.interpretation, *talk.reading.also)),
        patient_ref=talk.sender.patient_ref,
        belongs_to=_name_of(talk.belonging),
    )
    records.remember(
        unit,
        "reply read",
        clinic_id=talk.sender.clinic_id,
        patient_ref=talk.sender.patient_ref,
        reference=reply.provider_reference,
        detail="+".join((talk.reading.interpretation, *talk.reading.also)),
    )
    answer, findings = await act_on_reply(unit, talk, context=context)
    tier = await _raise_findings(unit, talk, findings, known, context=context)
    if answer is not None and tier in (None, "S3"):
        await answer_patient(
            unit,
            answer,
            clinic_id=talk.sender.clinic_id,
            patient_ref=talk.sender.thread,
            recipient=talk.sender.as_recipient(context.clinic(talk.sender.clinic_id), unit.now),
            reference=reply.provider_reference,
            context=context,
        )
    context.metrics.reply_to_answer.observe(max(0.0, (unit.now - reply.received_at).total_seconds()))


def _refs(reply: MessageReceived) -> list[str]:
    refs = [candidate.patient_ref for candidate in reply.candidates]
    return list(dict.fromkeys([*([reply.patient_ref] if reply.patient_ref else []), *refs]))


async def _understand(
    unit: UnitOfWork, reply: MessageReceived, known: Mapping[str, Patient], asked: Sequence[_Asked], *, context: Context
) -> Talk:
    """Find the question that the reply answers, and read it in that question's grammar."""
    languages = [patient.recipient.language for patient in known.values() if patient.recipient]
    hint = "es" if languages and languages[0].lower().startswith("es") else "en"
    prompts: list[Prompt] = [*await _open_items(unit, reply, known, asked, context=context), *_other_prompts(reply)]
    belonging = find_owner(prompts, cache(lambda kind: _read_safely(reply.text, kind, hint)), reply.received_at)
    patient_ref = _patient_of(reply, belonging)
    clinic_id = known[patient_ref].clinic_id if patient_ref and patient_ref in known else reply.clinic_id
    context.clinic(clinic_id)
    recipient = known[patient_ref].recipient if patient_ref and patient_ref in known else None
    sender = Sender(
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        candidates=tuple(_refs(reply)),
        reply_to=reply.reply_to,
        phone=reply.phone,
        language=hint if languages else belonging.reading.language,
        is_opted_out=reply.handled_as is HandledAs.OPT_OUT,
        time_zone=recipient.time_zone if recipient else None,
    )
    return Talk(reply, belonging, sender, known.get(patient_ref) if patient_ref else None)


def _read_safely(text: str, kind: PromptKind, language: str) -> Reading:
    """Read a text; where the reader itself fails, somebody looks as if it had been a possible crisis (S-4)."""
    try:
        return read_reply(text, kind, language=language)
    except Exception as error:  # noqa: BLE001 - S-4: a text that breaks the reader must not end in a dead-letter queue
        log.error("the reader failed", exc_info=error)
        screening = screen_safely(text, language=language).joined(SafetyTier.S2, "reader_failed")
        return Reading(Interpretation.POSSIBLE_CRISIS, language=language, screening=screening, human_reads=True)


def _patient_of(reply: MessageReceived, belonging: Belonging) -> str | None:
    prompt = belonging.prompt
    if isinstance(prompt, OpenItem):
        return prompt.checkin.patient_ref
    if isinstance(prompt, OtherPrompt):
        named = prompt.subject.partition(":")[2]
        if named in _refs(reply):
            return named
    return reply.patient_ref or (_refs(reply)[0] if len(_refs(reply)) == 1 else None)


async def _open_items(
    unit: UnitOfWork, reply: MessageReceived, known: Mapping[str, Patient], asked: Sequence[_Asked], *, context: Context
) -> list[OpenItem]:
    """Return the items that the reply may answer: the open one of each patient, and those answered just now.

    When a question was sent is known from the notifier, or from the reply itself where that overtook the news.
    """
    told = {(prompt.subject, prompt.key): prompt.sent_at for prompt in reply.open_prompts}
    items = []
    for checkin, answers in asked:
        if checkin.asked_at is None:
            continue
        current = await _with_sending(unit, checkin, told, known[checkin.patient_ref], context=context)
        for number in range(1, current.item + 1):
            answer = answers.get(number)
            if answer is not None:
                if reply.received_at - answer.last_said_at <= CORRECTION_WITHIN:
                    asked_at = answer.received_at - timedelta(seconds=answer.latency_s)
                    items.append(OpenItem(current, number, asked_at, answer))
            elif number == current.item and current.sent_at is not None:
                # A closed question counts too: what is said to it is not scored, but it is understood (S-1).
                items.append(OpenItem(current, number, current.sent_at))
    return items


async def _with_sending(
    unit: UnitOfWork, checkin: CheckIn, told: Mapping[tuple[str, str], datetime], patient: Patient, *, context: Context
) -> CheckIn:
    if checkin.status is not Status.ASKING or checkin.sent_at is not None or patient.recipient is None:
        return checkin
    sent_at = told.get((subject_of(checkin.patient_ref), checkin.key))
    if sent_at is None:
        return checkin
    return await note_sent(unit, checkin, sent_at, patient.recipient, context=context)


def _other_prompts(reply: MessageReceived) -> list[OtherPrompt]:
    """Return the open questions of other services whose grammar we can read."""
    kinds = {kind.value: kind for kind in PromptKind}
    return [
        OtherPrompt(prompt.subject, prompt.key, kinds[prompt.expects], prompt.sent_at)
        for prompt in reply.open_prompts
        if prompt.expects in kinds and not prompt.subject.startswith(("checkins:", "pages:"))
    ]


def _name_of(belonging: Belonging) -> str | None:
    prompt = belonging.prompt
    if isinstance(prompt, OpenItem):
        return f"{prompt.checkin.checkin_id}/{prompt.item}"
    return f"{prompt.subject}/{prompt.key}" if prompt else None


async def _raise_findings(
    unit: UnitOfWork, talk: Talk, findings: list[Finding], known: Mapping[str, Patient], *, context: Context
) -> Tier | None:
    """Open or raise the patient's case with everything that was found; return the tier of what was found now."""
    found = worst(findings)
    if found is None:
        return None
    if found.tier != "S3":
        # People take over: nothing automatic goes on asking meanwhile, whoever of a shared number it was.
        for checkin in await checkins.of_patients(unit.connection, list(known), since=unit.now):
            if checkin.status is Status.ASKING:
                recipient = known[checkin.patient_ref].recipient
                await end_checkin(unit, checkin, Status.EXPIRED, "case_open", recipient=recipient)
    await raise_case(
        unit,
        talk.sender,
        found,
        text=talk.reply.text,
        provider_reference=talk.reply.provider_reference,
        received_at=talk.reply.received_at,
        context=context,
    )
    return found.tier
