"""Delivery receipts: a declared state machine that only moves forward (DOMAIN.md 5.2)."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Receipt(StrEnum):
    """What the provider reports of a message it has accepted, in our words."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    READ = "read"


class Rank(IntEnum):
    """How far a receipt is along; only a higher one is applied."""

    ACCEPTED = 0
    QUEUED = 1
    SENDING = 2
    SENT = 3
    FINAL = 4
    READ = 5


RANK = {
    Receipt.ACCEPTED: Rank.ACCEPTED,
    Receipt.QUEUED: Rank.QUEUED,
    Receipt.SENDING: Rank.SENDING,
    Receipt.SENT: Rank.SENT,
    Receipt.DELIVERED: Rank.FINAL,
    Receipt.UNDELIVERED: Rank.FINAL,
    Receipt.FAILED: Rank.FINAL,
    Receipt.READ: Rank.READ,
}
NOT_DELIVERED = (Receipt.UNDELIVERED, Receipt.FAILED)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a receipt changes: whether it is applied, and whether it contradicts a final one."""

    applies: bool
    contradicts: bool = False


def advance(current: Receipt | None, reported: Receipt) -> Progress:
    """Decide on a receipt that may come late, twice or out of order."""
    if current is None:
        return Progress(applies=True)
    if RANK[reported] > RANK[current]:
        # A read receipt proves delivery, even after a carrier said otherwise; nothing else leaves a final state.
        return Progress(applies=True)
    both_final = RANK[reported] == RANK[current] == Rank.FINAL
    return Progress(applies=False, contradicts=both_final and reported is not current)
