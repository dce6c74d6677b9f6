"""Take in what a lost webhook missed: list inbound texts at the provider and feed the unknown ones through."""

from datetime import UTC, datetime, timedelta

from services.notifier.context import Context
from services.notifier.domain.answer import ListedText
from services.notifier.handlers.take_inbound import InboundText, take_inbound
from services.notifier.store import received
from shared.kernel.clock import Clock
from shared.kernel.contact import parse_phone
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.postgres.database import Database
from shared.runtime.one_at_a_time import one_at_a_time
from shared.telemetry import tracing
from shared.telemetry.log import log


class SweepInbound:
    """Looks back over ``back`` of real time, at all of our numbers."""

    def __init__(self, database: Database, clock: Clock, context: Context, *, back: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._context = context
        self._back = back

    async def run_once(self) -> int:
        """Take in every text that is not known yet.

        Without a list from the provider the next sweep looks again: that is no reason to hear webhooks no more.
        """
        async with self._database.transaction() as connection:
            began_at = await received.sweeping_since(connection)
        # The provider tells times in whole seconds.
        since = max(began_at, datetime.now(UTC) - self._back).replace(microsecond=0)
        try:
            listed = await self._context.provider.list_inbound(self._context.our_numbers, since=since)
        except DependencyUnavailableError:
            log.warning("the provider gave no list of inbound texts: looking again later")
            return 0
        async with self._database.connection() as connection:
            unknown = await received.unknown_of(connection, [text.provider_reference for text in listed])
        missed = [text for text in listed if text.provider_reference in unknown]
        taken = 0
        for text in sorted(missed, key=lambda item: item.created_at):
            with one_at_a_time("a missed text cannot be taken in", provider_reference=text.provider_reference):
                await self._take(text)
                taken += 1
        if taken < len(missed):
            raise PermanentError("missed texts cannot be taken in")  # for whoever watches this loop
        return 0

    async def _take(self, listed: ListedText) -> None:
        phone = parse_phone(listed.phone)
        if phone is None:
            return
        waited = max(timedelta(0), datetime.now(UTC) - listed.created_at)
        with tracing.span("take in a missed text", provider_reference=listed.provider_reference):
            inbound = InboundText(
                listed.provider_reference,
                phone,
                listed.sender,
                listed.text,
                listed.media,
                waited=waited,
                traceparent=tracing.current(),
            )
            (new,) = await take_inbound(self._database, [inbound], now=self._clock.now(), context=self._context)
        if new:
            self._context.metrics.inbound_recovered.inc()
            log.warning("a text whose webhook was lost", provider_reference=listed.provider_reference)
