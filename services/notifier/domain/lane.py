"""Which sender takes care of a message: every one belongs to one lane of one provider."""

from dataclasses import dataclass

from shared.messages.base import Channel


@dataclass(frozen=True, slots=True)
class Lane:
    """What one sender takes care of."""

    name: str
    channel: Channel
    others: tuple[Channel, ...] = ()
    """Channels without a carrier, whose messages this lane ends."""
    urgent: tuple[bool, ...] = (True, False)

    @property
    def is_urgent(self) -> bool:
        """Whether it carries urgent messages and no others."""
        return self.urgent == (True,)


URGENT = Lane("urgent", Channel.SMS, (Channel.VOICE,), urgent=(True,))
ROUTINE = Lane("routine", Channel.SMS, (Channel.VOICE,), urgent=(False,))
EMAILS = Lane("e-mail", Channel.EMAIL)
LANES = (URGENT, ROUTINE, EMAILS)


def lane_of(channel: Channel, *, urgent: bool) -> Lane:
    """Return the lane that a message belongs to."""
    return next(lane for lane in LANES if channel in (lane.channel, *lane.others) and urgent in lane.urgent)
