"""Open a case, or add to the one that stands open: the page and the text to the patient leave with the same commit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.followup.context import Context
from services.followup.domain.case import Case, Finding, may_text, rise
from services.followup.domain.escalation import acknowledge_by, starts_paging_at
from services.followup.handlers.page_case import page_next, tell_more
from services.followup.handlers.publish_plan import clinic_values, publish_plan
from services.followup.handlers.raise_task import TaskKind, raise_task
from services.followup.handlers.sender import Sender
from services.followup.store import cases, records
from services.followup.store.written import Words, save_behind_case
from shared.clinics.model import Clinic
from shared.clinics.roster import has_roster
from shared.kernel.ids import digest, new_id
from shared.messages.base import Purpose
from shared.messages.plan import PlannedMessage
from shared.messages.safety import RAISED, SafetyAlertRaised, Tier
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing

_TEXT_EXPIRES = timedelta(minutes=30)


async def raise_case(
    unit: UnitOfWork,
    sender: Sender,
    finding: Finding,
    *,
    text: str,
    provider_reference: str,
    received_at: datetime,
    context: Context,
) -> Tier:
    """Put what was found into the patient's one open case (S-5); return the case's tier."""
    clinic = context.clinic(sender.clinic_id)
    words = Words(received_at, text, sender.phone, sender.candidates)
    case = await cases.open_of(unit.connection, sender.clinic_id, sender.thread)
    what = "case opened" if case is None else "added to the case"
    if case is None:
        case = await _open(unit, sender, finding, clinic)
        await save_behind_case(unit.connection, unit.sealer, case.case_id, provider_reference, words)
        is_news = True
    else:
        await save_behind_case(unit.connection, unit.sealer, case.case_id, provider_reference, words)
        had, case, is_news = case, *(await _add(unit, case, finding, clinic))
        if not is_news and not had.waits and finding.tier != "S3":
            await tell_more(unit, had, context=context)
    if is_news and case.waits and _pages_now(clinic, case, unit.now):
        await page_next(unit, case, context=context)
    automatic = await _text_patient(unit, sender, case, finding.tier, clinic)
    if is_news:
        what = "case raised" if what == "added to the case" else what
        _tell_raised(unit, case, automatic, acknowledge_by(clinic, case.tier, case.clock_at))
    records.remember(
        unit,
        what,
        clinic_id=sender.clinic_id,
        patient_ref=sender.patient_ref,
        reference=case.case_id,
        detail=f"{case.tier}: {', '.join(finding.rules)}",
    )
    return case.tier


def _pages_now(clinic: Clinic, case: Case, now: datetime) -> bool:
    first = starts_paging_at(clinic, case.tier, case.clock_at)
    return first is not None and first <= now


async def _open(unit: UnitOfWork, sender: Sender, finding: Finding, clinic: Clinic) -> Case:
    case = Case(
        case_id=f"case-{digest(new_id())[:10]}",
        clinic_id=sender.clinic_id,
        thread=sender.thread,
        patient_ref=sender.patient_ref,
        tier=finding.tier,
        rules=finding.rules,
        opened_at=unit.now,
        clock_at=unit.now,
        traceparent=tracing.current(),
    )
    await cases.insert(
        unit.connection,
        case,
        acknowledge_by=acknowledge_by(clinic, case.tier, unit.now),
        next_page_at=starts_paging_at(clinic, case.tier, unit.now),
    )
    return case


async def _add(unit: UnitOfWork, case: Case, finding: Finding, clinic: Clinic) -> tuple[Case, bool]:
    risen = rise(case, finding)
    await cases.raise_tier(
        unit.connection,
        case.case_id,
        tier=risen.tier,
        rules=risen.rules,
        restarts=risen.restarts,
        clock_at=unit.now,
        acknowledge_by=acknowledge_by(clinic, risen.tier, unit.now),
        next_page_at=starts_paging_at(clinic, risen.tier, unit.now),
        traceparent=tracing.current(),
    )
    if not risen.restarts:
        return replace(case, rules=risen.rules), False
    return (
        replace(
            case,
            tier=risen.tier,
            rules=risen.rules,
            clock_at=unit.now,
            step=0,
            acknowledged_at=None,
            acknowledged_by=None,
        ),
        True,
    )


def _tell_raised(unit: UnitOfWork, case: Case, automatic: str, by: datetime) -> None:
    unit.publish(
        RAISED,
        SafetyAlertRaised(
            clinic_id=case.clinic_id,
            patient_ref=case.patient_ref,
            case=case.case_id,
            tier=case.tier,
            rules=case.rules,
            automatic_text=automatic,
            acknowledge_by=by,
            drill=case.is_drill,
        ),
        subject=case.case_id,
    )


async def _text_patient(unit: UnitOfWork, sender: Sender, case: Case, tier: Tier, clinic: Clinic) -> str:
    """Plan the automatic text, at most once in four hours (S-7); to a number that opted out a person phones (3.3)."""
    if tier == "S3":
        return "none"
    if sender.is_opted_out:
        await cases.note_text(unit.connection, case.case_id, "blocked_opt_out", tier=None, at=None)
        await raise_task(
            unit,
            TaskKind.PHONE_THE_PATIENT,
            clinic_id=case.clinic_id,
            patient_ref=case.patient_ref,
            cause=case.case_id,
            references={"case": case.case_id},
            due_by=unit.now,
        )
        return "blocked_opt_out"
    if not may_text(case, tier, unit.now):
        return "sent_before"
    await cases.note_text(unit.connection, case.case_id, "planned", tier=tier, at=unit.now)
    await publish_plan(
        unit,
        clinic_id=case.clinic_id,
        patient_ref=case.thread,
        subject=f"safety:{case.thread}",
        recipient=sender.as_recipient(clinic, unit.now),
        messages=_safety_texts(case, tier, clinic, unit.now),
    )
    return "planned"


def _safety_texts(case: Case, tier: Tier, clinic: Clinic, now: datetime) -> list[PlannedMessage]:
    """Return the texts of 3.5, in order. That the team was alerted is said only where there is one to alert."""
    names: Sequence[str] = {"S1": ("safety_crisis", "safety_alerted"), "S2": ("safety_possible",)}.get(
        tier, ("safety_medical",)
    )
    if not has_roster(clinic):
        names = [name for name in names if name != "safety_alerted"]
    stem = f"{case.case_id}/{now:%Y%m%dT%H%M%S}"
    return [
        PlannedMessage(
            key=f"{stem}/{name}",
            purpose=Purpose.SAFETY,
            template=name,
            values=clinic_values(clinic),
            send_at=now,
            expires_at=now + _TEXT_EXPIRES,
            urgency="urgent",
            after=f"{stem}/{names[index - 1]}" if index else None,
        )
        for index, name in enumerate(names)
    ]
