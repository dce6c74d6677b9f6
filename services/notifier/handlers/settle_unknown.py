"""Find out what became of messages whose outcome is unknown, before anything is repeated (RELIABILITY.md 3.3)."""

from datetime import timedelta

from services.notifier.context import Context
from services.notifier.domain.answer import ProviderMessage
from services.notifier.domain.message import Message
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.settle import Absent, Finding, Found, LookAgain, Undecidable, settle
from services.notifier.domain.state import DeliveryStatus, Reason
from services.notifier.handlers.end_message import end_message
from services.notifier.handlers.fall_back import fall_back
from services.notifier.handlers.record_answer import adopt
from services.notifier.store import attempts, claims, outcomes
from services.notifier.store.attempts import Doubt, Proof
from shared.kernel.clock import Clock
from shared.kernel.errors import DependencyUnavailableError
from shared.messages.base import Channel
from shared.postgres.database import Database
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.telemetry.log import log

_AT_ONCE = 10
_GIVE_UP_AFTER = timedelta(hours=1)


class SettleUnknown:
    """Takes doubts one after another; a crash in between only delays the next look."""

    def __init__(self, database: Database, clock: Clock, context: Context) -> None:
        self._database = database
        self._clock = clock
        self._context = context

    async def run_once(self) -> int:
        """Look for evidence of every message whose time has come; return how many looks were made."""
        timing = self._context.timing
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            for message_id, attempt, channel in await attempts.abandoned(unit.connection, lease=timing.lease):
                grace = timing.grace_of(channel)
                if await attempts.make_unknown(unit.connection, message_id, attempt, grace=grace):
                    await outcomes.remember(
                        unit.connection, message_id, "unknown", now=unit.now, detail="no answer was recorded"
                    )
            doubts = await attempts.take_doubts(unit.connection, limit=_AT_ONCE, look_gap=timing.look_gap)
            recipients = {doubt.recipient_id for doubt in doubts}
            contacts, _sealed = await claims.readable_contacts(unit.connection, unit.sealer, recipients)
        for doubt in doubts:
            if doubt.channel is Channel.EMAIL:
                # Nothing lists e-mails: an event that names the attempt would have settled it by now.
                await self._give_up(doubt)
                continue
            if doubt.channel is Channel.VOICE:
                # Calls are not looked for: a page is repeated at once, since two calls do less harm than none.
                await self._conclude(doubt, [])
                continue
            contact = contacts.get(doubt.recipient_id)
            if contact is not None and contact.phone is not None:
                try:
                    listed = await self._context.provider.list_to(contact.phone)
                except DependencyUnavailableError:
                    log.warning("the provider gave no list: looking again later")
                    await self._give_up_if_long_past(doubt)
                    continue
                await self._conclude(doubt, listed)
        return 0

    async def _conclude(self, doubt: Doubt, listed: list[ProviderMessage]) -> None:
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            message = await attempts.open_message(unit.connection, unit.sealer, doubt.message_id)
            if message is None or message.state is not DeliveryStatus.UNKNOWN or message.attempt != doubt.attempt:
                return
            finding: Finding = settle(
                listed,
                is_ours=lambda body: unit.sealer.lookup(body) == doubt.body_hash,
                started_at=doubt.started_at,
                taken=await attempts.taken_references(unit.connection, [item.provider_reference for item in listed]),
                looks=doubt.looks + 1,
                attempt=doubt.attempt,
            )
            repeats = POLICIES[message.purpose].repeat_when_unsure
            match finding:
                case Found(provider_reference):
                    await adopt(unit, [Proof(message, doubt.attempt, provider_reference)], context=self._context)
                case LookAgain() if not repeats:
                    await attempts.count_look(unit.connection, message.id, doubt.attempt)
                case Undecidable() if not repeats:
                    await self._end(unit, message)
                case Absent() | LookAgain() | Undecidable():
                    await attempts.give_back(
                        unit.connection,
                        message.id,
                        doubt.attempt,
                        reason=Reason.NOT_FOUND,
                        retry_after=timedelta(0),
                        due_at=None,
                    )
                    await outcomes.remember(unit.connection, message.id, "not at the provider", now=unit.now)
                    await attempts.release_number(unit.connection, message.id)

    async def _give_up_if_long_past(self, doubt: Doubt) -> None:
        """Without any list nothing can be settled; once the message is long past its use, say so."""
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            message = await attempts.open_message(unit.connection, unit.sealer, doubt.message_id)
            if message is not None and unit.now > message.expires_at + _GIVE_UP_AFTER:
                await self._end(unit, message)

    async def _give_up(self, doubt: Doubt) -> None:
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            message = await attempts.open_message(unit.connection, unit.sealer, doubt.message_id)
            if message is not None and message.state is DeliveryStatus.UNKNOWN and message.attempt == doubt.attempt:
                await self._end(unit, message)

    async def _end(self, unit: UnitOfWork, message: Message) -> None:
        """It is not repeated on this channel, since it may have gone out; another channel does no harm."""
        if await end_message(unit, message, DeliveryStatus.UNKNOWN, Reason.NOT_RESENT, context=self._context):
            await attempts.release_number(unit.connection, message.id)
            await fall_back(unit, message, Reason.NOT_RESENT, failed=True, context=self._context)
