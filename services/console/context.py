"""What the pages and handlers of the console are built from."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from services.console.domain.figures import Figures
from services.console.templates import Pages
from shared.clinics.model import Clinics
from shared.kernel.clock import Clock
from shared.postgres.database import Database

LONGEST_SESSION = timedelta(hours=12)


class Board:
    """The newest figures, and a way to wait for newer ones: measured once for everybody who looks."""

    def __init__(self) -> None:
        self.figures: Figures | None = None
        self._changed = asyncio.Condition()
        self._turn = 0

    async def put(self, figures: Figures) -> None:
        """Show new figures to all who wait."""
        async with self._changed:
            self.figures = figures
            self._turn += 1
            self._changed.notify_all()

    async def newer_than(self, turn: int) -> int:
        """Wait for figures after ``turn``; return their turn."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._turn > turn)
            return self._turn


@dataclass(frozen=True, slots=True)
class Context:
    """Read-only parts, shared by all requests."""

    database: Database
    clock: Clock
    clinics: Clinics
    pages: Pages
    address: str
    idle: timedelta
    oidc_name: str | None = None
    framed_by: str | None = None
    board: Board = field(default_factory=Board)
    replay_wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_secure(self) -> bool:
        """Whether people come over https."""
        return urlsplit(self.address).scheme == "https"

    @property
    def cookie(self) -> str:
        """The session cookie's name; over https the browser itself guards its origin."""
        return "__Host-aftercare" if self.is_secure else "aftercare"

    def zone_of(self, clinic_id: str | None) -> ZoneInfo:
        """Return a clinic's zone, or UTC."""
        clinic = self.clinics.get(clinic_id) if clinic_id else None
        return clinic.zone if clinic else ZoneInfo("UTC")


def house_zone(clinics: Clinics) -> ZoneInfo:
    """Return the zone of what concerns no patient: the zone that the first clinic of the file lives in."""
    return next(iter(clinics.clinics.values())).zone
