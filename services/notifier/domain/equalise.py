"""Making the table equal to a plan: which messages are new, which are wanted as before, which no longer."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.domain.state import WAITING, DeliveryStatus
from shared.messages.base import Channel
from shared.messages.plan import MessagesPlan, PlannedMessage


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A row of the plan's subject, as far as equality is concerned."""

    id: int
    key: str
    channel: Channel
    state: DeliveryStatus


@dataclass(frozen=True, slots=True)
class Insertion:
    """A message to be added on one channel."""

    message: PlannedMessage
    channel: Channel


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do to the rows of a subject."""

    inserted: tuple[Insertion, ...]
    updated: tuple[tuple[int, PlannedMessage], ...]
    wanted: tuple[int, ...]
    unwanted: tuple[int, ...]


def equalise(plan: MessagesPlan, known: Iterable[KnownMessage]) -> Changes:
    """Compare a plan with the rows of its subject, by key and channel (the table of DESIGN.md section 2, mechanism 2).

    Rows that wait take the plan's times and values; rows on their way or ended keep their state, and only ``wanted``
    follows the plan. With ``first_that_works`` a message travels on the first channel of its list.
    """
    rows = {(row.key, row.channel): row for row in known}
    wished = {(message.key, channel): message for message in plan.messages for channel in _channels(message)}
    present = {at: rows[at] for at in wished if at in rows}
    return Changes(
        inserted=tuple(Insertion(message, at[1]) for at, message in wished.items() if at not in rows),
        updated=tuple((row.id, wished[at]) for at, row in present.items() if row.state in WAITING),
        wanted=tuple(row.id for row in present.values()),
        unwanted=tuple(row.id for at, row in rows.items() if at not in wished),
    )


def _channels(message: PlannedMessage) -> tuple[Channel, ...]:
    return message.channels if message.delivery == "all" else message.channels[:1]
