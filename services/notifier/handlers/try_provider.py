"""Try a provider that refuses us at once, with the next message: a person has put right what was wrong."""

from collections.abc import Iterable

from services.notifier.store import pauses
from shared.messages.envelope import Envelope
from shared.messages.pause import TryProvider
from shared.postgres.unit_of_work import UnitOfWork


def touches(_envelope: Envelope, wish: TryProvider) -> Iterable[str]:
    """Name what it changes: the way to its provider."""
    return (f"provider:{wish.provider}",)


async def try_provider(unit: UnitOfWork, _envelope: Envelope, wish: TryProvider) -> None:
    """Make the next message the trial; where it is refused too, the pause goes on, and longer."""
    await pauses.try_provider(unit.connection, wish.provider)
