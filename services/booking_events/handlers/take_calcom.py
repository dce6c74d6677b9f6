"""Take in one delivery from Cal.com: all of what it means, in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.booking_events.domain.appointment import Identity
from services.booking_events.domain.calcom import (
    SOURCE,
    Became,
    Booked,
    CalComDelivery,
    Cancelled,
    Ignored,
    Said,
    read_delivery,
)
from services.booking_events.handlers.keep_booking import keep_booking, report_contradiction, touches
from services.booking_events.handlers.keep_status import keep_status
from shared.broker.handler import Handler
from shared.clinics.model import Clinics
from shared.kernel.errors import PermanentError
from shared.messages.booking import CANCELLED, CREATED, Booking
from shared.messages.envelope import Envelope
from shared.postgres.unit_of_work import UnitOfWork

TYPE = "calcom.delivery"


@dataclass(frozen=True, slots=True)
class TakeCalCom:
    """Takes deliveries for one clinic."""

    clinics: Clinics
    clinic_id: str

    def handler(self) -> Handler:
        """Return the row for the pipeline that every message goes through."""
        return Handler(TYPE, self.take, self.touches, on_refused=self.report)

    def concerns_visits(self, delivery: CalComDelivery) -> bool:
        """Return whether a delivery means anything to us.

        Raises:
            PermanentError: it should, and cannot be read.
        """
        return not isinstance(self._said(delivery), Ignored)

    def touches(self, envelope: Envelope, delivery: CalComDelivery) -> Iterable[str]:
        """Name what a delivery changes."""
        match self._said(delivery):
            case Booked(booking, moved_from):
                both = (booking, moved_from) if moved_from else (booking,)
                return tuple(name for one in both for name in touches(envelope, one))
            case Cancelled(booking):
                return touches(envelope, booking)
            case Became(uid=uid):
                return (f"booking:{self.clinic_id}/{self._identity(uid)}",)
            case Ignored():
                return ()

    async def take(self, unit: UnitOfWork, envelope: Envelope, delivery: CalComDelivery) -> None:
        """Let a delivery take effect. A move ends the old booking and begins the new one."""
        match self._said(delivery):
            case Booked(booking, moved_from):
                if moved_from is not None:
                    await self._keep(unit, envelope, CANCELLED, moved_from)
                await self._keep(unit, envelope, CREATED, booking)
            case Cancelled(booking):
                await self._keep(unit, envelope, CANCELLED, booking)
            case Became(uid, status, at, of):
                await keep_status(
                    unit,
                    self._identity(uid),
                    status,
                    at=at,
                    of=of,
                    clinic=self.clinics.clinics[self.clinic_id],
                    clinics=self.clinics,
                )
            case Ignored():
                pass

    async def report(
        self, unit: UnitOfWork, envelope: Envelope, delivery: CalComDelivery, error: PermanentError
    ) -> None:
        """Ask a person to look at a delivery that contradicts another."""
        said = self._said(delivery)
        if isinstance(said, Booked | Cancelled):
            await report_contradiction(unit, envelope, said.booking, error)

    async def _keep(self, unit: UnitOfWork, envelope: Envelope, event: str, booking: Booking) -> None:
        await keep_booking(unit, envelope.model_copy(update={"type": event}), booking, clinics=self.clinics)

    def _said(self, delivery: CalComDelivery) -> Said:
        return read_delivery(delivery, self.clinic_id, self.clinics.clinics[self.clinic_id].calcom)

    def _identity(self, uid: str) -> Identity:
        return Identity(self.clinic_id, SOURCE, uid)
