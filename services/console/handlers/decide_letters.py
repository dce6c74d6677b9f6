"""A person decides that dead letters are sent back, or that they are let go."""

from collections.abc import Sequence
from enum import StrEnum

from services.console import store
from services.console.domain.access import Visitor
from services.console.store import Group
from shared.postgres.database import Connection


class Decision(StrEnum):
    """What becomes of a dead letter, as its state says it."""

    REPLAY = "replaying"
    DISCARD = "discarded"


_VERBS = {Decision.REPLAY: "replayed", Decision.DISCARD: "discarded"}


async def decide_letters(
    connection: Connection,
    visitor: Visitor,
    decision: Decision,
    *,
    ids: Sequence[int] | None = None,
    group: Group | None = None,
    up_to: int | None = None,
    why: str | None = None,
) -> int:
    """Note a decision on letters, by id or by group (only those up to an id: what the person saw); return how many."""
    decided = await store.decide_letters(
        connection, ids=ids, group=group, up_to=up_to, state=decision, by=visitor.person, why=why
    )
    if decided:
        target = f"{group.queue}: {group.reason}" if group else ", ".join(str(each) for each in ids or ())
        noun = "dead letter" if decided == 1 else "dead letters"
        await store.audit(connection, visitor, f"{_VERBS[decision]} {decided} {noun}", target=target[:300], detail=why)
    return decided
