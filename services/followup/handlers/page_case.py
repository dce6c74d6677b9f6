"""Page people about a case until a named person has it: by text at once, then by phone, then the next person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.followup.context import Context
from services.followup.domain.case import Case
from services.followup.domain.escalation import CALL_AFTER, INCIDENT_STEP, climb
from services.followup.handlers.publish_plan import clinic_values, publish_plan
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.store import cases, records
from shared.clinics.model import Clinic
from shared.kernel.clock import Clock
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.plan import Expects, PlannedMessage, Recipient
from shared.messages.safety import ESCALATED, PAGE_GRAMMAR, SafetyAlertEscalated
from shared.postgres.database import Database
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.runtime.one_at_a_time import one_at_a_time
from shared.telemetry import tracing
from shared.telemetry.log import log

_BATCH = 200
_PAGE_EXPIRES = timedelta(minutes=30)
ANSWER_UNTIL = timedelta(hours=12)
_LAST_DRILL_STEP = 2
TELL_MORE_EVERY = timedelta(minutes=15)
Variant = Literal["first", "again", "more", "taken"]


def subject_of(case_id: str, person: str) -> str:
    """Return the subject of the pages to one person about one case."""
    return f"pages:{case_id}/{person}"


def case_of_subject(subject: str) -> str:
    """Return the case that a page's subject names."""
    return subject.partition(":")[2].partition("/")[0]


def person_of_subject(subject: str) -> str:
    """Return the person that a page's subject names."""
    return subject.partition("/")[2]


@dataclass(slots=True)
class EscalateCases:
    """The ticker of cases: pages the next person wherever nobody has taken a case on."""

    database: Database
    clock: Clock
    context: Context

    async def run_once(self) -> int:
        """Page about every case whose time has come; return how many there were."""
        now, paged = self.clock.now(), 0
        async with self.database.connection() as connection:
            waiting = await cases.to_page(connection, now=now, limit=_BATCH)
        for case_id in waiting:
            with one_at_a_time("a case could not be paged about", case=case_id):
                async with unit_of_work(self.database, now=now) as unit:
                    case = await cases.find_to_page(unit.connection, case_id, now=now)
                    if case is not None:
                        with tracing.span("page the next person", parent=case.traceparent, case=case_id):
                            await page_next(unit, case, context=self.context)
                        paged += 1
        return paged


async def page_next(unit: UnitOfWork, case: Case, *, context: Context) -> None:
    """Climb the next rung: page whom it names, and say so."""
    clinic = context.clinic(case.clinic_id)
    step = climb(clinic, case.tier, clock_at=case.clock_at, done=case.step, already=case.paged, now=unit.now)
    next_at = None if case.is_drill and step.number >= _LAST_DRILL_STEP else step.next_at
    await cases.note_page(
        unit.connection, case.case_id, step=step.number + 1, people=step.people, now=unit.now, next_page_at=next_at
    )
    for person in step.people:
        await _page(unit, case, clinic, person, step.number)
    if not step.people:
        log.error("a case waits and nobody can be paged", clinic_id=case.clinic_id, case=case.case_id)
    records.remember(
        unit,
        "paged" if step.people else "nobody to page",
        clinic_id=case.clinic_id,
        patient_ref=case.patient_ref,
        reference=case.case_id,
        detail=", ".join(step.people) or None,
    )
    if step.number > 0:
        await _tell_escalated(unit, case, step.number, step.people)


async def page_sooner(unit: UnitOfWork, case: Case) -> None:
    """Page the next person at once. When everybody has been paged there is none, and the next round keeps its time."""
    if case.step <= INCIDENT_STEP:
        await cases.page_now(unit.connection, case.case_id, now=unit.now)


async def _tell_escalated(unit: UnitOfWork, case: Case, number: int, people: Sequence[str]) -> None:
    if number >= INCIDENT_STEP and not case.is_drill:
        log.error("a case waits for an hour: an incident", clinic_id=case.clinic_id, case=case.case_id)
    if case.is_drill and number >= _LAST_DRILL_STEP:
        await raise_task(
            unit, TaskKind.TEST_PAGE_MISSED, clinic_id=case.clinic_id, patient_ref=None, cause=case.case_id
        )
    unit.publish(
        ESCALATED,
        SafetyAlertEscalated(
            clinic_id=case.clinic_id,
            patient_ref=case.patient_ref,
            case=case.case_id,
            tier=case.tier,
            step=number,
            paged=tuple(people),
            incident=number >= INCIDENT_STEP and not case.is_drill,
        ),
        subject=case.case_id,
    )


async def _page(unit: UnitOfWork, case: Case, clinic: Clinic, person: str, number: int) -> None:
    """Plan one person's text and calls. The page says no more than that a case waits and where to look."""
    text = _text(case, clinic, f"{number}", unit.now)
    await _publish(unit, case, clinic, person, [text, *_calls(case, clinic, number, unit.now)])


def _calls(case: Case, clinic: Clinic, number: int, now: datetime) -> list[PlannedMessage]:
    return [
        _message(case, clinic, f"{number}/call{index}", Channel.VOICE, now + wait)
        for index, wait in enumerate(CALL_AFTER, start=1)
    ]


def _text(case: Case, clinic: Clinic, key: str, now: datetime, *, variant: Variant = "first") -> PlannedMessage:
    return _message(case, clinic, f"{key}/text", Channel.SMS, now, variant=variant)


def _message(
    case: Case, clinic: Clinic, key: str, channel: Channel, send_at: datetime, *, variant: Variant = "first"
) -> PlannedMessage:
    return PlannedMessage(
        key=f"{case.case_id}/{key}",
        purpose=Purpose.PAGE,
        template="page" if channel is Channel.SMS else "page_call",
        values={
            **clinic_values(clinic),
            "look_at": clinic.roster.look_at,
            "case": case.case_id,
            "drill": case.is_drill,
            "variant": variant,
            "who": case.acknowledged_by or "",
        },
        channels=(channel,),
        send_at=send_at,
        expires_at=send_at + _PAGE_EXPIRES,
        urgency="urgent",
        expects=Expects(grammar=PAGE_GRAMMAR, until=send_at + ANSWER_UNTIL),
    )


async def _publish(
    unit: UnitOfWork, case: Case, clinic: Clinic, person: str, messages: Sequence[PlannedMessage]
) -> None:
    await publish_plan(
        unit,
        clinic_id=case.clinic_id,
        patient_ref=case.patient_ref or case.thread,
        subject=subject_of(case.case_id, person),
        recipient=Recipient(
            kind="staff",
            phone=clinic.roster.people[person].phone,
            time_zone=clinic.time_zone,
            consent=Consent(),
            as_of=unit.now,
        ),
        messages=messages,
    )


async def stop_paging(unit: UnitOfWork, case: Case, *, context: Context) -> None:
    """Take back every page of a case that has not left: somebody has it."""
    clinic = context.clinic(case.clinic_id)
    for person in dict.fromkeys((*case.paged, _holder(clinic, case))):
        if person in clinic.roster.people:
            await _publish(unit, case, clinic, person, [])


def _holder(clinic: Clinic, case: Case) -> str:
    """Return the id of the person who has a case; nothing where it is nobody of the roster."""
    return next((key for key, one in clinic.roster.people.items() if case.acknowledged_by in (key, one.name)), "")


async def ask_again(unit: UnitOfWork, case: Case, person: str, *, about: str, context: Context) -> None:
    """Tell somebody who was paged that their answer, ``about``, took nothing on; the phone still rings after that."""
    clinic = context.clinic(case.clinic_id)
    text = _text(case, clinic, f"again/{about}", unit.now, variant="again")
    await _publish(unit, case, clinic, person, [text, *_calls(case, clinic, case.step - 1, unit.now)])


async def tell_taken(unit: UnitOfWork, case: Case, person: str, *, about: str, context: Context) -> None:
    """Tell somebody whose answer, ``about``, came too late who has the case."""
    clinic = context.clinic(case.clinic_id)
    await _publish(unit, case, clinic, person, [_text(case, clinic, f"taken/{about}", unit.now, variant="taken")])


async def tell_more(unit: UnitOfWork, case: Case, *, context: Context) -> None:
    """Tell the one who has a case that more has come in: the first time at once, then once every quarter of an hour."""
    clinic = context.clinic(case.clinic_id)
    person = _holder(clinic, case)
    if not person:
        return
    at = await cases.tell_more_at(unit.connection, case.case_id, now=unit.now, every=TELL_MORE_EVERY)
    if at is not None:
        await _publish(
            unit, case, clinic, person, [_text(case, clinic, f"more/{at:%Y%m%dT%H%M%S}", at, variant="more")]
        )
