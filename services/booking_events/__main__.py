"""Composition root of booking_events."""

from pathlib import Path

from services.booking_events.consumers import handlers
from services.booking_events.handlers.assume_completed import AssumeCompleted
from services.booking_events.settings import BookingEventsSettings
from services.booking_events.webhooks import Webhooks
from shared.broker.topology import BOOKING_EVENTS
from shared.runtime.loop import Loop
from shared.runtime.service import Kit, Parts, Queues, main
from shared.runtime.settings import load_settings

MIGRATIONS = Path(__file__).parent / "migrations"


async def build(kit: Kit, settings: BookingEventsSettings) -> Parts:
    """Put booking_events together."""
    table = handlers(kit.clinics)
    by_type = {handler.type: handler for handler in table}
    webhooks = Webhooks(kit.database, kit.clock, kit.clinics, by_type, settings.feed_secrets)
    endings = AssumeCompleted(kit.database, kit.clock, kit.clinics)
    return Parts(
        queues=[Queues([BOOKING_EVENTS], table, concurrency=4)],  # bookings share no transactions
        routes=webhooks.routes(),
        loops=[Loop("assuming completed visits", endings.run_once, every_s=1.0)],
    )


if __name__ == "__main__":
    main(
        "booking_events",
        lambda: load_settings(BookingEventsSettings),
        migrations=MIGRATIONS,
        port=lambda settings: settings.booking_events_port,
        build=build,
    )
