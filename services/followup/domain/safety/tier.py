"""How urgent a text is, and by which rules."""

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """How soon a human must look (DOMAIN.md 3.2)."""

    S1 = "s1"
    """Crisis: explicit intent, plan, means or act. Page the person on call now."""
    M = "m"
    """Medical: page the nurse, 15 minutes."""
    S2 = "s2"
    """Possible crisis: a clinician within two hours, outside staffed hours as S1."""
    S3 = "s3"
    """Review: a human reads it the same business day."""


_URGENCY = (Tier.S3, Tier.S2, Tier.M, Tier.S1)


@dataclass(frozen=True, slots=True)
class Screening:
    """What the detector found: every tier that holds and the ids of the rules, never the words."""

    tiers: frozenset[Tier] = frozenset()
    rules: tuple[str, ...] = ()

    @property
    def tier(self) -> Tier | None:
        """The most urgent tier, or None when nothing was found."""
        return max(self.tiers, key=_URGENCY.index) if self.tiers else None

    def joined(self, tier: Tier, rule: str) -> "Screening":
        """Return the same with one more finding; a tier is never lowered by it."""
        return Screening(self.tiers | {tier}, (*self.rules, rule))


NOTHING_FOUND = Screening()
