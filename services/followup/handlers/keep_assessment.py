"""Keep a score that the clinic took itself: what ours are measured against (I1)."""

from collections.abc import Iterable

from services.followup.context import Context
from services.followup.domain.instrument import CURRENT
from services.followup.domain.scoring import score, total_of
from services.followup.store import checkins, patients, records
from shared.kernel.errors import PermanentError
from shared.messages.assessment import AssessmentRecorded
from shared.messages.checkin import Score
from shared.messages.envelope import Envelope
from shared.postgres.unit_of_work import UnitOfWork


def touches(_envelope: Envelope, assessment: AssessmentRecorded) -> Iterable[str]:
    """Name what an assessment changes: its patient."""
    return (f"patient:{assessment.patient_ref}",)


async def keep_assessment(
    unit: UnitOfWork, _envelope: Envelope, assessment: AssessmentRecorded, *, context: Context
) -> None:
    """Keep an assessment.

    Raises:
        PermanentError: an unknown clinic, or values that the instrument does not have.
    """
    context.clinic(assessment.clinic_id)
    await patients.know(unit.connection, patient_ref=assessment.patient_ref, clinic_id=assessment.clinic_id)
    instrument = CURRENT[assessment.instrument]
    checkins.save_score(
        unit,
        score_id=f"clinic:{assessment.assessment_id}",
        clinic_id=assessment.clinic_id,
        patient_ref=assessment.patient_ref,
        taken_by="clinic",
        moment=None,
        instrument=instrument.name,
        version=instrument.version,
        items=assessment.items,
        score=_score(assessment),
        at=assessment.recorded_at,
    )
    records.remember(
        unit,
        "assessment kept",
        clinic_id=assessment.clinic_id,
        patient_ref=assessment.patient_ref,
        reference=assessment.assessment_id,
        detail=instrument.name,
    )


def _score(assessment: AssessmentRecorded) -> Score:
    instrument = CURRENT[assessment.instrument]
    highest = instrument.items * instrument.high
    if assessment.items is None:
        total = float(assessment.total or 0)
        if total > highest:
            raise PermanentError(f"data.total: {instrument.name} goes up to {highest}")
        return Score(total=total, direction=instrument.direction, band=instrument.band_of(total))
    if len(assessment.items) != instrument.items:
        raise PermanentError(f"data.items: {instrument.name} has {instrument.items} items")
    if any(value is not None and not instrument.low <= value <= instrument.high for value in assessment.items):
        raise PermanentError(f"data.items: each is {instrument.low} to {instrument.high}, or null")
    if total_of(instrument, assessment.items) is None:
        raise PermanentError("data.items: too many are missing for a total")
    return score(instrument, assessment.items, None)
