"""Settling an unknown outcome by evidence, before anything is repeated (RELIABILITY.md 3.3)."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.domain.answer import ProviderMessage

CREATED_BEFORE = timedelta(seconds=5)
"""The provider's clock may be this much behind ours."""
LOOKS_NEEDED = 2
MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has the message: adopt it."""

    provider_reference: str


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Not in the list yet; one look does not prove that it never will be."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Looked for often enough, after the grace period: it may be sent again, if it is still of use."""


@dataclass(frozen=True, slots=True)
class Undecidable:
    """Something is there that may be it: it is not repeated, and people are told."""


Finding = Found | LookAgain | Absent | Undecidable


def settle(
    listed: Iterable[ProviderMessage],
    *,
    is_ours: Callable[[str], bool],
    started_at: datetime,
    taken: Collection[str],
    looks: int,
    attempt: int,
) -> Finding:
    """Decide from a listing of what the provider sent to the number.

    ``taken`` are references that belong to other messages; ``looks`` counts this look. A message whose text the
    provider does not keep may be ours: then nothing is certain.
    """
    candidates = sorted(
        (
            message
            for message in listed
            if message.is_outbound
            and message.created_at >= started_at - CREATED_BEFORE
            and message.provider_reference not in taken
        ),
        key=lambda message: message.created_at,
    )
    for message in candidates:
        if message.body is not None and is_ours(message.body):
            return Found(message.provider_reference)
    if any(message.body is None for message in candidates):
        return Undecidable()
    if looks < LOOKS_NEEDED:
        return LookAgain()
    return Absent() if attempt < MOST_ATTEMPTS else Undecidable()
