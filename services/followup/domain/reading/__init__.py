"""Understand what a patient answered (DOMAIN.md 6)."""

from services.followup.domain.reading.reading import Interpretation, PromptKind, Reading
from services.followup.domain.reading.reply import read_reply

__all__ = ["Interpretation", "PromptKind", "Reading", "read_reply"]
