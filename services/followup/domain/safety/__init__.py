"""Look for a person in danger in what a patient wrote (DOMAIN.md 3.2 and 3.6)."""

from services.followup.domain.safety.detector import idioms_in, look_alikes, screen, screen_safely
from services.followup.domain.safety.tier import NOTHING_FOUND, Screening, Tier

__all__ = ["NOTHING_FOUND", "Screening", "Tier", "idioms_in", "look_alikes", "screen", "screen_safely"]
