"""A followup without its process: real database, a clock that steps, messages handed in and taken out by hand."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from services.followup.consumers import handlers, urgent_handlers
from services.followup.context import Context
from services.followup.handlers.page_case import EscalateCases
from services.followup.handlers.run_checkins import RunCheckins
from services.followup.handlers.try_alarm import TryAlarm
from shared.broker.handler import Job, handle_once
from shared.kernel.clock import SteppedClock
from shared.kernel.ids import new_id
from shared.messages import assessment, infusions, outcome, reply, safety
from shared.messages.catalogue import read_payload
from shared.messages.envelope import Envelope
from shared.messages.plan import ACCEPTED, ANSWERS, MESSAGES_PLAN
from shared.postgres.database import Database
from shared.telemetry.metrics import Metrics
from tests.builders import example_clinics, ny
from tests.outboxes import empty_outbox

ANA, ANAS_PHONE, ANAS_NUMBER = "pt_ana", "+12125550123", "number:ana"
OSEI, LIND, ABARA, DESK = "+12125550150", "+12125550151", "+12125550152", "+12125550153"


@dataclass
class FollowupRoom:
    """Followup's handlers and tickers, and everything that they have published."""

    database: Database
    clock: SteppedClock
    context: Context
    reader: AsyncConnection
    published: list = field(default_factory=list)
    serial: int = 0
    traceparent: str | None = None
    """The trace of whatever is handed in."""

    async def infused(self, *ends, patient=ANA, next_starts_at=None, voided=(), consent=True, language="en"):
        """Hand in a snapshot: infusions that ended at these New York times, each after two hours and ten minutes."""
        self.serial += 1
        past = [
            {
                "infusion_id": f"ehr/{end}",
                "started_at": (ny(end) - timedelta(minutes=130)).isoformat(),
                "ended_at": ny(end).isoformat(),
            }
            for end in ends
        ]
        await self.take(
            infusions.PATIENT_INFUSIONS,
            {
                "clinic_id": "harbor",
                "patient_ref": patient,
                "revision": self.serial,
                "infusions": past,
                "voided": [f"ehr/{end}" for end in voided],
                "next_starts_at": ny(next_starts_at).isoformat() if next_starts_at else None,
                "recipient": {
                    "phone": ANAS_PHONE,
                    "language": language,
                    "time_zone": "America/New_York",
                    "consent": {"checkins": consent},
                    "as_of": self.clock.now().isoformat(),
                },
            },
        )

    async def assessed(self, items, *, at="2026-11-20 12:00", patient=ANA):
        """Hand in a PHQ-9 that the clinic took."""
        await self.take(
            assessment.RECORDED,
            {
                "clinic_id": "harbor",
                "patient_ref": patient,
                "assessment_id": new_id(),
                "instrument": "phq9",
                "items": items,
                "recorded_at": ny(at).isoformat(),
            },
        )

    async def reply(self, text, *, patients=(ANA,), reply_to=ANAS_NUMBER, phone=ANAS_PHONE, **changes):
        """Hand in a text."""
        data = {
            "clinic_id": "harbor",
            "text": text,
            "candidates": [{"clinic_id": "harbor", "patient_ref": ref} for ref in patients],
            "reply_to": reply_to,
            "phone": phone,
            "received_at": self.clock.now().isoformat(),
            "provider_reference": f"SM{new_id()}",
            **changes,
        }
        if len(patients) == 1:
            data["patient_ref"] = patients[0]
        return await self.take(reply.RECEIVED, {key: value for key, value in data.items() if value is not None})

    async def send(self, *, event=outcome.SENT, reason=None):
        """Report every question that was asked since the last time as sent, now."""
        for plan in self.take_plans("checkins:"):
            for message in plan["messages"]:
                await self.outcome(plan, message["key"], event=event, reason=reason)

    async def outcome(self, plan, key, *, event=outcome.SENT, reason=None):
        """Report what became of one text."""
        purpose = next((one["purpose"] for one in plan["messages"] if one["key"] == key), "checkin")
        data = {
            "clinic_id": plan["clinic_id"],
            "patient_ref": plan["patient_ref"],
            "subject": plan["subject"],
            "key": key,
            "purpose": purpose,
            "channel": "sms",
            "reason": reason,
        }
        await self.take(event, {name: value for name, value in data.items() if value is not None})

    async def take(self, event, data, *, message_id=None):
        """Let one message take effect; return it, so that it can be handed in again."""
        envelope = Envelope(
            id=message_id or new_id(),
            source="test",
            type=event,
            time=self.clock.now(),
            data=data,
            traceparent=self.traceparent,
        )
        await self.again(envelope)
        return envelope

    async def again(self, envelope):
        """Hand a message in."""
        table = {handler.type: handler for handler in [*handlers(self.context), *urgent_handlers(self.context)]}
        await handle_once(
            self.database, Job(envelope, read_payload(envelope), table[envelope.type]), now=self.clock.now()
        )
        await self._collect()

    async def tick(self):
        """Let every ticker do what is due."""
        for ticker in (TryAlarm, RunCheckins, EscalateCases):
            while await ticker(self.database, self.clock, self.context).run_once():
                pass
        await self._collect()

    async def until(self, moment):
        """Move the clock and tick."""
        self.clock.set(ny(moment) if isinstance(moment, str) else moment)
        await self.tick()

    async def acknowledge_test_page(self):
        """Let the person on call answer the test page of this shift."""
        await self.tick()
        for phone in (OSEI, LIND, ABARA, DESK):
            await self.reply("1", patients=(), reply_to=f"number:{phone}", phone=phone)
        self.published.clear()

    def of(self, event):
        """Return the data of everything published of one type."""
        return [envelope.data for envelope in self.published if envelope.type == event]

    def plans(self, subject):
        """Return the plans published for subjects that begin so."""
        return [data for data in self.of(MESSAGES_PLAN) if data["subject"].startswith(subject)]

    def take_plans(self, subject):
        """Return the plans published for subjects that begin so, and forget them."""
        found = self.plans(subject)
        self.published = [one for one in self.published if one.data not in found]
        return found

    def texts(self, subject=""):
        """Return the templates planned since, in order."""
        return [message["template"] for plan in self.plans(subject) for message in plan["messages"]]

    def answers(self):
        """Return the templates that answer texts by themselves, in order."""
        return self.texts((ANSWERS, ACCEPTED))

    async def rows(self, query, *parameters):
        cursor = await self.reader.execute(query, parameters)
        return await cursor.fetchall()

    async def tasks(self):
        return [
            row["kind"] for row in await self.rows("SELECT kind FROM followup.staff_tasks ORDER BY raised_at, kind")
        ]

    async def _collect(self):
        self.published += await empty_outbox(self.database)


@asynccontextmanager
async def open_followup(database_url, sealer, *, now="2026-12-04 12:15", clinics=None):
    """Open the room on a fresh database. 2026-12-04 is a Friday, and Harbor has a day shift from 8 to 20."""
    context = Context(clinics or example_clinics(), Metrics())
    async with (
        Database(database_url, schema="followup", sealer=sealer, size=4) as database,
        await AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row) as reader,
    ):
        yield FollowupRoom(database, SteppedClock(ny(now)), context, reader)


__all__ = ["FollowupRoom", "open_followup", "safety"]
