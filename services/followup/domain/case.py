"""A safety case: how it opens, rises and ends (DOMAIN.md 3.2, S-5 to S-7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.messages.safety import Tier

_RANK: Final[dict[Tier, int]] = {"S3": 0, "S2": 1, "M": 2, "S1": 3}
PAGED_TIERS: Final[tuple[Tier, ...]] = ("S1", "S2", "M")
TEXT_EVERY: Final = timedelta(hours=4)
"""At most one automatic text per case in this time (S-7)."""


def higher(one: Tier, other: Tier) -> Tier:
    """Return the tier that asks for more: a case is raised by what comes later, never lowered (S-5)."""
    return one if _RANK[one] >= _RANK[other] else other


@dataclass(frozen=True, slots=True)
class Case:
    """One case. ``clock_at`` is when its clock started: at its opening, or when it was last raised.

    ``thread`` names whom it is about: the patient, or the number that wrote where that is nobody we know.
    """

    case_id: str
    clinic_id: str
    thread: str
    patient_ref: str | None
    tier: Tier
    rules: tuple[str, ...]
    opened_at: datetime
    clock_at: datetime
    step: int = 0
    paged: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    closed_at: datetime | None = None
    texted_at: datetime | None = None
    texted_tier: Tier | None = None
    automatic_text: str = "none"
    is_drill: bool = False
    traceparent: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return self.closed_at is None

    @property
    def waits(self) -> bool:
        """Whether nobody has taken it on."""
        return self.is_open and self.acknowledged_at is None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one text, or one answer, gives reason for."""

    tier: Tier
    rules: tuple[str, ...]


def worst(findings: list[Finding]) -> Finding | None:
    """Join findings into one: the highest tier, every rule."""
    if not findings:
        return None
    tier = findings[0].tier
    for finding in findings[1:]:
        tier = higher(tier, finding.tier)
    return Finding(tier, tuple(dict.fromkeys(rule for finding in findings for rule in finding.rules)))


@dataclass(frozen=True, slots=True)
class Risen:
    """What a further finding changes about an open case. ``restarts``: the clock runs anew and pages go out again."""

    tier: Tier
    rules: tuple[str, ...]
    restarts: bool


def rise(case: Case, finding: Finding) -> Risen:
    """Add a finding to an open case (S-5). A higher tier starts its own clock, acknowledged or not."""
    tier = higher(case.tier, finding.tier)
    rules = tuple(dict.fromkeys((*case.rules, *finding.rules)))
    return Risen(tier, rules, restarts=tier != case.tier)


def may_text(case: Case, tier: Tier, now: datetime) -> bool:
    """Return whether the case's automatic text may go out (S-7): once in four hours, at once when it became graver."""
    if tier == "S3":
        return False
    if case.texted_at is None or case.texted_tier is None or now - case.texted_at >= TEXT_EVERY:
        return True
    return _RANK[tier] > _RANK[case.texted_tier]
