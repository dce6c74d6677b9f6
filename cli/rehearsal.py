"""Bookings walked through without sending anything: the decisions of the running system on a clock that steps.

Pure: events in, entries out. What only a running system knows (receipts, opt-outs, other messages) is not in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from services.booking_events.domain.appointment import (
    STATUS_OF,
    Appointment,
    Identity,
    Verdict,
    content_of,
    judge,
    order_of,
    take,
)
from services.booking_events.domain.patient import Patient, alias_of, read_patient
from services.booking_events.domain.plan import Plan, plan_patient
from services.notifier.domain.budget import SERIES, is_in_series
from services.notifier.domain.judge import Due, End, Facts, Hold, is_hopeless
from services.notifier.domain.judge import judge as judge_due
from services.notifier.domain.policy import POLICIES
from shared.clinics.model import Clinic
from shared.kernel.contact import PhoneNumber, can_receive_texts
from shared.kernel.errors import PermanentError
from shared.kernel.ids import digest
from shared.messages.base import Channel, Purpose
from shared.messages.booking import Booking
from shared.messages.envelope import Envelope
from shared.messages.plan import PlannedMessage


@dataclass(frozen=True, slots=True)
class Arrival:
    """One booking event, and when it is taken to come in."""

    at: datetime
    envelope: Envelope
    booking: Booking

    @property
    def patient(self) -> str:
        """A name under which events of one patient are found together."""
        return digest(alias_of(self.booking.clinic_id, self.envelope.source, self.booking.patient))


@dataclass(frozen=True, slots=True)
class Words:
    """What a patient would read: ``parts`` is SMS segments, 0 for an e-mail."""

    subject: str
    text: str
    encoding: str
    parts: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that would happen: something sent, something that cannot be sent, or something for a person to do."""

    at: datetime
    what: Literal["text", "e-mail", "not sent", "task"]
    detail: str
    words: Words | None = None


Compose = Callable[[PlannedMessage, Channel, Patient, Clinic], Words]
_WHAT: dict[Channel, Literal["text", "e-mail"]] = {Channel.SMS: "text", Channel.EMAIL: "e-mail"}


@dataclass(slots=True)
class Rehearsal:
    """One patient's walk through their bookings."""

    clinic: Clinic
    compose: Compose
    carries: frozenset[Channel]
    patient: Patient | None = None
    entries: list[Entry] = field(default_factory=list)
    _appointments: dict[Identity, Appointment] = field(default_factory=dict)
    _plan: Plan = field(default_factory=Plan)
    _done: set[str] = field(default_factory=set)
    _not_before: dict[str, datetime] = field(default_factory=dict)
    _raised: set[str] = field(default_factory=set)
    _texts: list[datetime] = field(default_factory=list)
    _visits: set[datetime] = field(default_factory=set)

    def run(self, arrivals: Sequence[Arrival]) -> None:
        """Walk through events in the order of their coming, and on until nothing is left to send."""
        for arrival in arrivals:
            self._send_until(arrival.at)
            self._take(arrival)
        self._send_until(None)

    @property
    def zone(self) -> ZoneInfo:
        """Where the patient lives, or else the clinic's zone."""
        zone = self.patient.time_zone if self.patient else None
        return ZoneInfo(zone) if zone else self.clinic.zone

    def _take(self, arrival: Arrival) -> None:
        booking, envelope, now = arrival.booking, arrival.envelope, arrival.at
        identity = Identity(booking.clinic_id, envelope.source, booking.booking_id)
        current = self._appointments.get(identity)
        status, order = STATUS_OF[envelope.type], order_of(booking, envelope.time or now)
        verdict = judge(current, status, order, content_of(status, booking))
        if verdict is Verdict.CONTRADICTED:
            raise PermanentError(f"revision: another event of the same order says something else of {identity}")
        if verdict is not Verdict.TAKEN:
            return
        booked_at = booking.occurred_at or envelope.time or now
        self.patient = read_patient(arrival.patient, booking.clinic_id, booking.patient, booking.consent, as_of=now)
        self._appointments[identity] = take(
            current,
            booking,
            identity=identity,
            patient_ref=arrival.patient,
            status=status,
            order=order,
            now=now,
            booked_at=booked_at,
            announced=self.clinic.announces(booked_at),
        )
        self._plan_anew(now)

    def _plan_anew(self, now: datetime) -> None:
        assert self.patient is not None
        self._plan = plan_patient(self.patient, list(self._appointments.values()), self.clinic, now)
        for task in self._plan.tasks:
            if task.task_id not in self._raised:
                self._raised.add(task.task_id)
                self._note(now, "task", f"{task.kind}: {task.references.get('booking_id', '')}")

    def _send_until(self, end: datetime | None) -> None:
        """Let everything happen that is due before ``end``; every step of the clock may change the plan."""
        while True:
            waiting = [message for message in self._plan.messages if message.key not in self._done]
            if not waiting:
                return
            message = min(waiting, key=self._turn)
            now = self._due(message)
            if end is not None and now >= end:
                return
            self._happen(message, now)

    def _turn(self, message: PlannedMessage) -> tuple[datetime, datetime, int, str]:
        """Order messages as the sender takes them."""
        return self._due(message), message.expires_at, POLICIES[message.purpose].priority, message.key

    def _due(self, message: PlannedMessage) -> datetime:
        return max(message.send_at, self._not_before.get(message.key, message.send_at))

    def _happen(self, message: PlannedMessage, now: datetime) -> None:
        """Judge a message on its channels: the first that will do, or all of them."""
        reasons = []
        sent = False
        for channel in message.channels:
            due = Due(message.purpose, channel, wanted=True, expires_at=message.expires_at)
            match judge_due(due, self._facts(channel, now), now):
                case Hold(reason, until) as hold:
                    if not is_hopeless(hold, due) and until < message.expires_at:
                        self._not_before[message.key] = until
                        return
                    reasons.append(f"{_WHAT.get(channel, channel)}: {reason}")
                case End(_status, reason):
                    reasons.append(f"{_WHAT.get(channel, channel)}: {reason}")
                case _:
                    self._send(message, channel, now)
                    sent = True
            if sent and message.delivery == "first_that_works":
                break
        self._done.add(message.key)
        if sent:
            self._has_told(message, now)
        else:
            self._note(now, "not sent", f"{message.purpose} ({', '.join(reasons)})")

    def _facts(self, channel: Channel, now: datetime) -> Facts:
        assert self.patient is not None
        phone = PhoneNumber(self.patient.phone) if self.patient.phone else None
        budget = self.clinic.budget
        ahead = {m.expires_at for m in self._plan.messages if m.purpose is Purpose.REMINDER_NEAR}
        visits = [at for at in self._visits | ahead if abs(at - now) <= SERIES]
        return Facts(
            consent=self.patient.consent,
            zone=self.zone,
            window=self.clinic.window.hours,
            has_channel=channel in self.carries,
            has_address=(self.patient.email if channel is Channel.EMAIL else phone) is not None,
            takes_texts=phone is None or can_receive_texts(phone),
            weekly=budget.weekly_in_series if is_in_series(visits) else budget.weekly,
            slots=tuple(self._texts),
            last_text_at=max(self._texts, default=None),
            spacing=budget.spacing,
        )

    def _send(self, message: PlannedMessage, channel: Channel, now: datetime) -> None:
        assert self.patient is not None
        words = self.compose(message, channel, self.patient, self.clinic)
        self.entries.append(Entry(now, _WHAT[channel], message.purpose, words))
        if channel is Channel.SMS and POLICIES[message.purpose].counts:
            self._texts.append(now)
        if message.purpose is Purpose.REMINDER_NEAR:
            self._visits.add(message.expires_at)

    def _has_told(self, message: PlannedMessage, now: datetime) -> None:
        """Remember what the patient knows now, as the running system does when a message was sent."""
        for telling in self._plan.tellings:
            if telling.key == message.key and telling.identity in self._appointments:
                known = self._appointments[telling.identity]
                self._appointments[telling.identity] = replace(known, told=telling.told)
        self._plan_anew(now)

    def _note(self, at: datetime, what: Literal["not sent", "task"], detail: str) -> None:
        self.entries.append(Entry(at, what, detail))
