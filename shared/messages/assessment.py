"""``assessment.recorded.v1``: a score that the clinic took itself, a baseline above all (I1)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.messages.base import AboutPatient, Identifier, Instant

RECORDED = "assessment.recorded.v1"


class AssessmentRecorded(AboutPatient):
    """A questionnaire filled in at the clinic. Give the item values, or the total alone."""

    assessment_id: Identifier
    instrument: Literal["phq9", "phq8", "phq2", "gad2", "mood"]
    items: tuple[Annotated[int, Field(ge=0, le=10)] | None, ...] | None = None
    total: Annotated[int, Field(ge=0, le=27)] | None = None
    recorded_at: Instant

    @model_validator(mode="after")
    def _says_a_score(self) -> Self:
        if (self.items is None) == (self.total is None):
            raise ValueError("give either items or total")
        return self
