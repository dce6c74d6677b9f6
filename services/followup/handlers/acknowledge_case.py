"""Let a named person take a case on: by text, by phone key, or by command. Then nobody else is paged."""

from collections.abc import AsyncIterator, Iterable, Sequence

from services.followup.context import Context
from services.followup.domain.case import Case
from services.followup.domain.conversation import Read, answers_in
from services.followup.domain.page_reply import PageReply, named_case, read_page_reply
from services.followup.domain.reading import PromptKind
from services.followup.domain.safety import screen_safely
from services.followup.handlers.close_case import close
from services.followup.handlers.page_case import (
    ANSWER_UNTIL,
    ask_again,
    case_of_subject,
    page_sooner,
    person_of_subject,
    stop_paging,
    tell_taken,
)
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.store import cases, records
from shared.clinics.model import Person
from shared.clinics.roster import person_with_phone
from shared.kernel.contact import parse_phone
from shared.kernel.errors import PermanentError
from shared.messages.base import Channel
from shared.messages.envelope import Envelope
from shared.messages.reply import MessageReceived
from shared.messages.safety import (
    ACKNOWLEDGED,
    PAGE_GRAMMAR,
    AcknowledgeCase,
    Disposition,
    PageAnswered,
    SafetyAlertAcknowledged,
)
from shared.postgres.unit_of_work import UnitOfWork


def touches_case(_envelope: Envelope, command: AcknowledgeCase) -> Iterable[str]:
    """Name what a command changes: its case."""
    return (f"case:{command.case}",)


def touches_page(_envelope: Envelope, answered: PageAnswered) -> Iterable[str]:
    """Name what an answered page changes: its case."""
    return (f"case:{case_of_subject(answered.subject)}",)


async def acknowledge_by_command(
    unit: UnitOfWork, _envelope: Envelope, command: AcknowledgeCase, *, context: Context
) -> None:
    """Take a case on as a command says.

    Raises:
        PermanentError: there is no such case at that clinic.
    """
    case = await cases.find(unit.connection, command.case)
    if case is None or case.clinic_id != command.clinic_id:
        raise PermanentError("data.case: there is no case of that id at this clinic")
    await acknowledge(unit, case, who=command.who, how="command", context=context)


async def acknowledge_by_page(
    unit: UnitOfWork, _envelope: Envelope, answered: PageAnswered, *, context: Context
) -> None:
    """Take a case on as an answered page says; one who declines lets the next person be paged at once.

    Raises:
        PermanentError: the page names no case, or nobody of the roster.
    """
    case = await cases.find(unit.connection, case_of_subject(answered.subject))
    if case is None or case.clinic_id != answered.clinic_id:
        raise PermanentError("data.subject: names no case of this clinic")
    person = context.clinic(case.clinic_id).roster.people.get(person_of_subject(answered.subject))
    if person is None:
        raise PermanentError("data.subject: names nobody of the clinic's roster")
    if answered.answer == "declined":
        await page_sooner(unit, case)
        return
    how = "phone_key" if answered.channel is Channel.VOICE else "reply"
    await acknowledge(unit, case, who=person.name, how=how, context=context)


async def acknowledge_by_text(unit: UnitOfWork, reply: MessageReceived, read: Read, *, context: Context) -> bool:
    """Let somebody who was paged take a case on, or pass it on; return False if the text is to be read like anybody's.

    Whoever is on call may also be a patient: a text that no waiting page asked for, that tells of danger, or that
    answers a question to the patient which came after the page, is read like anybody's. What is neither yes nor no
    leaves the case waiting: the writer is asked again, and paging goes on.
    """
    meaning = read_page_reply(reply.text)
    if not _people_of(reply, context) or _answers_another_question(reply, meaning, read):
        return False
    waiting = _meant([found async for found in _waiting_for(unit, reply, context=context)], named_case(reply.text))
    if not waiting:
        return meaning is not PageReply.UNCLEAR and await _is_too_late(unit, reply, context=context)
    if meaning is PageReply.UNCLEAR and screen_safely(reply.text).tiers:
        return False
    for case, key, person in waiting:
        match meaning:
            case PageReply.TAKEN:
                await acknowledge(unit, case, who=person.name, how="reply", context=context)
            case PageReply.DECLINED:
                await page_sooner(unit, case)
            case PageReply.UNCLEAR:
                await ask_again(unit, case, key, about=reply.provider_reference, context=context)
    records.remember(
        unit,
        "reply read",
        clinic_id=reply.clinic_id,
        patient_ref=None,
        reference=reply.provider_reference,
        detail=f"answers a page: {meaning}",
    )
    if meaning is PageReply.UNCLEAR:
        await raise_task(
            unit,
            TaskKind.REPLY_TO_READ,
            clinic_id=reply.clinic_id,
            patient_ref=None,
            cause=reply.provider_reference,
            references={"provider_reference": reply.provider_reference},
        )
    return True


def _people_of(reply: MessageReceived, context: Context) -> list[tuple[str, str, Person]]:
    """Return whom of which clinics' rosters a number belongs to."""
    phone = parse_phone(reply.phone)
    if phone is None:
        return []
    found = ((clinic_id, person_with_phone(clinic, phone)) for clinic_id, clinic in context.clinics.clinics.items())
    return [(clinic_id, *one) for clinic_id, one in found if one is not None]


def _answers_another_question(reply: MessageReceived, meaning: PageReply, read: Read) -> bool:
    """Return whether the newest open question that accepts a text is one that the writer was asked as a patient."""
    kinds = {kind.value: kind for kind in PromptKind}
    for prompt in sorted(reply.open_prompts, key=lambda prompt: prompt.sent_at, reverse=True):
        if prompt.expects == PAGE_GRAMMAR and meaning is not PageReply.UNCLEAR:
            return False
        kind = kinds.get(prompt.expects)
        if kind is not None and answers_in(kind, read(kind)):
            return True
    return False


async def _is_too_late(unit: UnitOfWork, reply: MessageReceived, *, context: Context) -> bool:
    """Answer somebody who was paged about a case that another person has; return False if there is no such case."""
    for clinic_id, key, person in _people_of(reply, context):
        case = await cases.taken_lately(unit.connection, clinic_id, key, since=unit.now - ANSWER_UNTIL)
        if case is not None:
            if not case.is_drill and case.acknowledged_by != person.name:
                await tell_taken(unit, case, key, about=reply.provider_reference, context=context)
            return True
    return False


async def _waiting_for(
    unit: UnitOfWork, reply: MessageReceived, *, context: Context
) -> AsyncIterator[tuple[Case, str, Person]]:
    """Give every case that the writer was paged about and nobody has, the one paged about last at the end.

    Nobody takes on what they cannot know of: a text that has waited says nothing about a case that opened meanwhile.
    """
    for clinic_id, key, person in _people_of(reply, context):
        for case in await cases.waiting_for(unit.connection, clinic_id, key):
            if case.clock_at <= reply.received_at:
                yield case, key, person


def _meant(waiting: Sequence[tuple[Case, str, Person]], named: str | None) -> Sequence[tuple[Case, str, Person]]:
    """Return what an answer is about: the case that it names, else all that wait.

    An answer to a test page that came last says nothing about a real case.
    """
    if named is not None:
        return [one for one in waiting if one[0].case_id == named]
    if waiting and waiting[-1][0].is_drill:
        return [one for one in waiting if one[0].is_drill]
    return waiting


async def acknowledge(unit: UnitOfWork, case: Case, *, who: str, how: str, context: Context) -> None:
    """Write down who has a case and take back every page. A test page is over with that."""
    if not await cases.acknowledge(unit.connection, case.case_id, who=who, now=unit.now):
        return
    await stop_paging(unit, case, context=context)
    records.remember(
        unit,
        "case acknowledged",
        clinic_id=case.clinic_id,
        patient_ref=case.patient_ref,
        reference=case.case_id,
        detail=f"by {who} ({how})",
    )
    unit.publish(
        ACKNOWLEDGED,
        SafetyAlertAcknowledged(
            clinic_id=case.clinic_id,
            patient_ref=case.patient_ref,
            case=case.case_id,
            tier=case.tier,
            who=who,
            how=how,
            after_s=max(0.0, (unit.now - case.clock_at).total_seconds()),
        ),
        subject=case.case_id,
    )
    if case.is_drill:
        await close(unit, case, who=who, disposition=Disposition.DRILL, context=context)
