"""Making the table equal to a plan: which messages are new, which are wanted as before, which no longer."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.domain.lane import Lane, lane_of
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

    @property
    def fallbacks(self) -> tuple[Channel, ...]:
        """The channels to try after this one."""
        return fallbacks_of(self.message, self.channel)

    @property
    def lane(self) -> Lane:
        """Who sends it."""
        return lane_of(self.channel, urgent=self.message.urgency == "urgent")


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do to the rows of a subject."""

    inserted: tuple[Insertion, ...]
    updated: tuple[tuple[int, Insertion], ...]
    wanted: tuple[int, ...]
    unwanted: tuple[int, ...]
    told: tuple[int, ...]
    """Rows, on any channel, of messages that are not listed because they were sent: wanted until contradicted."""


def equalise(plan: MessagesPlan, known: Iterable[KnownMessage]) -> Changes:
    """Compare a plan with the rows of its subject, by key and channel (the table of DESIGN.md section 2, mechanism 2).

    Rows that wait take the plan's times and values; rows on their way or ended keep their state, and only ``wanted``
    follows the plan. With ``first_that_works`` a message starts on the first channel of its list; a row on a later one,
    which stands in for it, is as wanted as the message itself. A planner no longer lists what was sent; so what
    stands in for it, because it did not arrive, is not unwanted for that.
    """
    rows = {(row.key, row.channel): row for row in known}
    wished = {
        (message.key, channel): Insertion(message, channel) for message in plan.messages for channel in message.channels
    }
    present = {at: rows[at] for at in wished if at in rows}
    under_way = {key for key, _channel in present}
    sent = {row.key for row in rows.values() if row.state is DeliveryStatus.SENT}
    unlisted = [row for at, row in rows.items() if at not in wished]
    return Changes(
        inserted=tuple(
            insertion
            for at, insertion in wished.items()
            if at not in rows and (insertion.message.delivery == "all" or _starts(insertion, under_way))
        ),
        updated=tuple((row.id, wished[at]) for at, row in present.items() if row.state in WAITING),
        wanted=tuple(row.id for row in present.values()),
        unwanted=tuple(row.id for row in unlisted if row.key not in sent),
        told=tuple(row.id for row in unlisted if row.key in sent),
    )


def fallbacks_of(message: PlannedMessage, channel: Channel) -> tuple[Channel, ...]:
    """Return the channels that a message may still try after one of them has failed."""
    if message.delivery == "all":
        return ()
    return message.channels[message.channels.index(channel) + 1 :]


def _starts(insertion: Insertion, under_way: set[str]) -> bool:
    """Return whether a message begins here: on the first of its channels, unless another of them has taken over."""
    message = insertion.message
    return insertion.channel is message.channels[0] and message.key not in under_way
