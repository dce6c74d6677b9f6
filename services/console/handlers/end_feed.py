"""A person says that nothing more is to come from a booking feed: its silence is then no news."""

from services.console import store
from services.console.domain.access import Visitor
from shared.postgres.unit_of_work import UnitOfWork


async def end_feed(unit: UnitOfWork, visitor: Visitor, clinic_id: str, source: str) -> None:
    """Note it. A feed that is heard of again afterwards counts as any other."""
    await store.end_feed(unit.connection, clinic_id, source, by=visitor.person, now=unit.now)
    await store.audit(unit.connection, visitor, "said that a feed has ended", target=f"{clinic_id} {source}"[:300])
