"""One plan per patient: everything they should still be told about their appointments (DOMAIN.md R1 to R4, R8 to R10).

Pure: appointments and policy in, messages and tasks out. Planned twice from the same facts, a plan comes out the same.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.booking_events.domain.appointment import Appointment, Identity, Status, Told
from services.booking_events.domain.patient import Patient
from services.booking_events.domain.task import Task, TaskKind
from shared.clinics.model import Clinic, Step
from shared.kernel.contact import PhoneNumber, can_receive_texts
from shared.kernel.local_time import before
from shared.messages.base import Channel, Purpose
from shared.messages.booking import Modality, VisitKind
from shared.messages.plan import Expects, PlannedMessage
from shared.messages.reading import CONFIRM_GRAMMAR

_ENROLMENT = "enrolment"
# A reminder moved to the evening before leaves room for a queue before the window closes.
EVENING_MARGIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Telling:
    """What a patient will have been told of one appointment once a message has been sent."""

    key: str
    identity: Identity
    told: Told
    tells: bool = True
    """False where a message lists a visit without saying when it is."""


@dataclass(frozen=True, slots=True)
class _Reminder:
    """One reminder of a day's visits: for which of them it is of use, and from whose time it is reckoned."""

    step: Step
    visits: Sequence[Appointment]
    reckoned_from: Appointment
    send_at: datetime


@dataclass(slots=True)
class Plan:
    """The messages, what sending them tells, and what people have to do."""

    messages: list[PlannedMessage] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)


def plan_patient(patient: Patient, appointments: Sequence[Appointment], clinic: Clinic, now: datetime) -> Plan:
    """Decide all that one patient should still be told, as of ``now``."""
    return _Planner(patient, clinic, now).plan(appointments)


class _Planner:
    """One planning: what stays the same while a patient's appointments are looked at."""

    def __init__(self, patient: Patient, clinic: Clinic, now: datetime) -> None:
        self._patient = patient
        self._clinic = clinic
        self._now = now
        self._zone = ZoneInfo(patient.time_zone) if patient.time_zone else clinic.zone
        self._window = clinic.window.hours
        self._plan = Plan()
        self._prepared_by_reminder: set[Identity] = set()
        self._prepared_at: dict[Identity, datetime] = {}
        """When a notice brings the preparation of those that no reminder prepares for."""

    def plan(self, appointments: Sequence[Appointment]) -> Plan:
        in_order = sorted(appointments, key=lambda item: (item.starts_at, str(item.identity)))
        ahead = [item for item in in_order if item.status is Status.BOOKED and item.starts_at > self._now]
        reminders = [reminder for visits in _grouped(ahead, self._day_of) for reminder in self._reminders_of(visits)]
        self._plan_notices(in_order, ahead)
        for reminder in reminders:
            self._plan_reminder(reminder)
        for visit in ahead:
            self._flag_fasting(visit)
        if ahead and not self._can_be_texted() and not self._can_be_mailed():
            self._task(TaskKind.NO_USABLE_PHONE, ahead[0], due_by=ahead[0].starts_at)
        return self._plan

    # Notices: what changed against what the patient was told last.

    def _plan_notices(self, appointments: Sequence[Appointment], ahead: Sequence[Appointment]) -> None:
        new = [item for item in ahead if item.told is None or item.told.status is Status.CANCELLED]
        gone = [item for item in appointments if self._is_to_be_called_off(item)]
        for cancelled, replacement in _replacements(gone, new, within=self._clinic.settle.change):
            assert cancelled.told is not None
            self._plan_move(replacement, was_at=cancelled.told.starts_at, also_tells=cancelled)
            gone.remove(cancelled)
            new.remove(replacement)
        for item in ahead:
            if item.told is not None and item.told.status is Status.BOOKED and item.told != item.to_tell:
                self._plan_move(item, was_at=item.told.starts_at)
        for item in gone:
            self._plan_cancellation(item)
        if new:
            first_ever = all(item.told is None for item in appointments)
            after = self._plan_enrolment(new) if first_ever else None
            for visits in _grouped(new, self._clock_of):
                self._plan_confirmation(visits, after=after)

    def _is_to_be_called_off(self, item: Appointment) -> bool:
        told = item.told
        known = told is not None and told.status is Status.BOOKED and told.starts_at > self._now
        return item.status is Status.CANCELLED and known

    def _plan_enrolment(self, visits: Sequence[Appointment]) -> str | None:
        """Plan the text that says what the patient will get, once in their life with us; return its key, if any."""
        if not self._clinic.enrolment or not self._can_be_texted():
            return None
        since = min(item.first_seen_at for item in visits)
        send_at = self._window.next_opening(since, self._zone)
        if send_at >= visits[0].starts_at:
            return None
        self._message(
            _ENROLMENT,
            Purpose.ENROLMENT,
            "enrolment",
            visits,
            send_at=send_at,
            expires_at=visits[0].starts_at,
            values={"weekly": self._clinic.budget.weekly_in_series},
            answer_until=None,
            channels=(Channel.SMS,),
        )
        return _ENROLMENT

    def _plan_confirmation(self, visits: Sequence[Appointment], *, after: str | None) -> None:
        """One confirmation lists everything that was booked and not yet confirmed."""
        settled = max(visit.changed_at for visit in visits) + self._clinic.settle.confirmation
        send_at = self._window.next_opening(settled, self._zone)
        for visit in visits:
            if visit.starts_at <= send_at:
                self._task(TaskKind.CHANGE_NOT_TEXTED_IN_TIME, visit, due_by=visit.starts_at)
        # What comes before a text may leave must not keep the others from being confirmed.
        in_time = [visit for visit in visits if visit.starts_at > send_at]
        # A text prepares for the first visit that it lists: another that no reminder prepares for has one of its own.
        alone = [visit for visit in in_time[1:] if self._late_preparation(visit) is not None]
        together = [visit for visit in in_time if visit not in alone]
        for group in (together, *([visit] for visit in alone)):
            if group:
                self._confirm(group, since=settled, after=after)

    def _confirm(self, visits: Sequence[Appointment], *, since: datetime, after: str | None) -> None:
        newest = max(visits, key=lambda item: (item.changed_at, str(item.identity)))
        first = visits[0]
        self._notice(
            f"confirmed:{newest.identity}:{newest.order}",
            Purpose.CONFIRMATION,
            "confirmation",
            visits,
            since=since,
            useful_until=first.starts_at,
            values={"preparation": self._late_preparation(first)},
            after=after,
        )

    def _plan_move(self, visit: Appointment, *, was_at: datetime, also_tells: Appointment | None = None) -> None:
        changed_at = max(visit.changed_at, also_tells.changed_at) if also_tells else visit.changed_at
        key = f"moved:{visit.identity}:{visit.order}"
        self._notice(
            key,
            Purpose.CHANGE_NOTICE,
            "moved",
            [visit],
            since=changed_at + self._clinic.settle.change,
            useful_until=visit.starts_at,
            wanted_by=was_at if was_at > self._now else None,
            values={"was_at": was_at.isoformat(), "preparation": self._late_preparation(visit)},
        )
        if also_tells is not None:
            self._plan.tellings.append(Telling(key, also_tells.identity, also_tells.to_tell))

    def _plan_cancellation(self, visit: Appointment) -> None:
        assert visit.told is not None
        # Called off by the time that the patient knows: a move that was never told may have come before.
        as_known = replace(visit, starts_at=visit.told.starts_at, modality=visit.told.modality)
        self._notice(
            f"cancelled:{visit.identity}:{visit.order}",
            Purpose.CHANGE_NOTICE,
            "cancelled",
            [as_known],
            since=visit.changed_at + self._clinic.settle.change,
            useful_until=visit.told.starts_at,
            values={},
        )

    def _notice(
        self,
        key: str,
        purpose: Purpose,
        template: str,
        visits: Sequence[Appointment],
        *,
        since: datetime,
        useful_until: datetime,
        values: dict[str, Any],
        wanted_by: datetime | None = None,
        after: str | None = None,
    ) -> None:
        """Plan a notice at once, inside the window; what the window makes useless becomes an e-mail and a task (R2)."""
        send_at = self._window.next_opening(since, self._zone)
        if send_at >= min(useful_until, wanted_by or useful_until):
            self._task(TaskKind.CHANGE_NOT_TEXTED_IN_TIME, visits[0], due_by=wanted_by or useful_until)
            if self._can_be_mailed() and since < useful_until:
                # An e-mail wakes nobody, and may be read in time. It tells no more than whom to call, so what the
                # patient knows of the visit stays as it is.
                self._message(
                    f"{key}:email",
                    purpose,
                    template,
                    visits,
                    send_at=since,
                    expires_at=useful_until,
                    values=values,
                    answer_until=None,
                    channels=(Channel.EMAIL,),
                )
        if send_at >= useful_until:
            return
        stands = visits[0].status is Status.BOOKED
        if values.get("preparation") is not None:
            self._prepared_at[visits[0].identity] = send_at
        self._message(
            key,
            purpose,
            template,
            visits,
            send_at=send_at,
            expires_at=useful_until,
            values=values,
            answer_until=visits[0].starts_at if stands else None,
            after=after,
        )
        self._plan.tellings += [Telling(key, visit.identity, visit.to_tell) for visit in visits]

    # Reminders: planned ahead, one per day and step, naming the first visit (R10).

    def _reminders_of(self, visits: Sequence[Appointment]) -> Iterator[_Reminder]:
        """Decide on the reminders of one day, and which visits they prepare for.

        One that got its time too late for a reminder takes none from the visits of that day that were there before.
        """
        steps = {step.before: step for visit in visits for step in self._clinic.steps_for(visit.visit_kind)}
        for step in sorted(steps.values(), key=lambda step: -step.before):
            times = [(visit, at) for visit in visits if (at := self._reminder_time(visit, step)) is not None]
            if not times:
                continue
            reckoned_from, send_at = times[0]
            useful = [visit for visit in visits if send_at < self._useful_until(visit, step)]
            if step.is_near:
                for visit, _at in times:
                    if visit not in useful:
                        self._task(TaskKind.REMINDER_USELESS, visit, due_by=visit.starts_at)
                # What got its time after this has left is not told by it.
                self._prepared_by_reminder |= {visit.identity for visit in useful if visit.timed_at <= send_at}
            if useful:
                yield _Reminder(step, useful, reckoned_from, send_at)

    def _useful_until(self, visit: Appointment, step: Step) -> datetime:
        expires_at = visit.starts_at - step.useless_within
        return min(expires_at, self._fasting_from(visit) or expires_at)

    def _plan_reminder(self, reminder: _Reminder) -> None:
        step, visits = reminder.step, reminder.visits
        first, near = visits[0], reminder.step.is_near
        to_prepare = next((visit for visit in visits if self._needs_preparation(visit)), first)
        key = f"reminder:{_hours(step.before)}:{_stamp(reminder.reckoned_from.starts_at)}"
        if any(message.key == key for message in self._plan.messages):
            key += ":video"  # at the same moment as one on site, and told by another clock
        self._message(
            key,
            Purpose.REMINDER_NEAR if near else Purpose.REMINDER_FAR,
            "reminder_near" if near else "reminder_far",
            visits,
            send_at=reminder.send_at,
            expires_at=first.starts_at - step.useless_within,
            values={
                "preparation": self._preparation(to_prepare) if near else None,
                "is_confirmed": all(visit.is_confirmed for visit in visits),
            },
            answer_until=first.starts_at,
        )
        self._plan.tellings += [Telling(key, visit.identity, visit.to_tell, tells=visit is first) for visit in visits]

    def _reminder_time(self, visit: Appointment, step: Step) -> datetime | None:
        """Return when a reminder leaves: outside the window rather earlier than later (R2); None if too late (R3)."""
        nominal = before(visit.starts_at, step.before, self._clinic.zone)
        if nominal < visit.timed_at:
            return None
        earlier = self._window.last_before(nominal, self._zone, margin=EVENING_MARGIN)
        return earlier if earlier >= visit.timed_at else self._window.next_opening(nominal, self._zone)

    # Preparation: only for what is done on site (DOMAIN.md 1.2).

    def _needs_preparation(self, visit: Appointment) -> bool:
        return visit.visit_kind is VisitKind.INFUSION and visit.modality is Modality.IN_PERSON

    def _fasting_from(self, visit: Appointment) -> datetime | None:
        if not self._needs_preparation(visit):
            return None
        return visit.starts_at - timedelta(hours=self._clinic.preparation.fast_solids_h)

    def _preparation(self, visit: Appointment) -> dict[str, Any] | None:
        """Return clock times, never hours: what a patient needs in the morning is a time on the clock."""
        if not self._needs_preparation(visit):
            return None
        rules = self._clinic.preparation
        return {
            "fast_solids_from": (visit.starts_at - timedelta(hours=rules.fast_solids_h)).isoformat(),
            "fast_clear_from": (visit.starts_at - timedelta(hours=rules.fast_clear_h)).isoformat(),
            "ride": rules.ride,
        }

    def _late_preparation(self, visit: Appointment) -> dict[str, Any] | None:
        """Return the preparation for a notice when no reminder will bring it any more (R3)."""
        return None if visit.identity in self._prepared_by_reminder else self._preparation(visit)

    def _flag_fasting(self, visit: Appointment) -> None:
        """Tell staff when a visit got its time, or its patient hears of it, after fasting should have begun (R3)."""
        fasting = self._fasting_from(visit)
        if fasting is not None and max(visit.timed_at, self._prepared_at.get(visit.identity, visit.timed_at)) > fasting:
            self._task(TaskKind.BOOKED_INSIDE_FASTING, visit, due_by=visit.starts_at)

    # Small parts.

    def _clock_of(self, visit: Appointment) -> ZoneInfo:
        """Return whose clock a visit is told by: the clinic's, but the patient's own for one by video.

        What is told together is told by one clock.
        """
        at = visit.starts_at
        differs = at.astimezone(self._zone).utcoffset() != at.astimezone(self._clinic.zone).utcoffset()
        return self._zone if differs and visit.modality is Modality.TELEMEDICINE else self._clinic.zone

    def _day_of(self, visit: Appointment) -> tuple[date, str]:
        return visit.starts_at.astimezone(self._clinic.zone).date(), str(self._clock_of(visit))

    def _can_be_texted(self) -> bool:
        is_open = "sms" in self._clinic.delivery.channels
        return is_open and self._patient.phone is not None and can_receive_texts(PhoneNumber(self._patient.phone))

    def _can_be_mailed(self) -> bool:
        is_open = "email" in self._clinic.delivery.channels
        return is_open and self._patient.email is not None and self._patient.consent.email

    def _message(
        self,
        key: str,
        purpose: Purpose,
        template: str,
        visits: Sequence[Appointment],
        *,
        send_at: datetime,
        expires_at: datetime,
        values: dict[str, Any],
        answer_until: datetime | None,
        channels: tuple[Channel, ...] = (),
        after: str | None = None,
    ) -> None:
        common = {
            "clinic_name": self._clinic.name,
            "clinic_phone": self._clinic.phone,
            "time_zone": str(self._clock_of(visits[0])),
            "starts_at": visits[0].starts_at.isoformat(),
            "visits": [
                {
                    "starts_at": visit.starts_at.isoformat(),
                    "ends_at": visit.ends_at.isoformat() if visit.ends_at else None,
                    "modality": visit.modality.value,
                }
                for visit in visits
            ],
            "bookings": [visit.identity.booking_id for visit in visits],
        }
        self._plan.messages.append(
            PlannedMessage(
                key=key,
                purpose=purpose,
                template=template,
                values={**common, **values},
                channels=channels or tuple(Channel(name) for name in self._clinic.delivery.channels),
                delivery=self._clinic.delivery.how,
                send_at=send_at,
                expires_at=expires_at,
                after=after,
                expects=Expects(grammar=CONFIRM_GRAMMAR, until=answer_until) if answer_until else None,
            )
        )

    def _task(self, kind: TaskKind, visit: Appointment, *, due_by: datetime | None) -> None:
        cause = f"{visit.identity}:{_stamp(visit.starts_at)}"
        self._plan.tasks.append(
            Task(
                kind,
                self._patient.clinic_id,
                self._patient.patient_ref,
                cause,
                due_by,
                {"source": visit.identity.source, "booking_id": visit.identity.booking_id},
            )
        )


def _grouped(visits: Iterable[Appointment], by: Callable[[Appointment], Hashable]) -> list[list[Appointment]]:
    groups: dict[Hashable, list[Appointment]] = defaultdict(list)
    for visit in visits:
        groups[by(visit)].append(visit)
    return list(groups.values())


def _replacements(
    gone: Sequence[Appointment], new: Sequence[Appointment], *, within: timedelta
) -> list[tuple[Appointment, Appointment]]:
    """Pair a cancellation with a booking made about the same time: some systems move a visit that way."""
    pairs = []
    free = list(new)
    for cancelled in gone:
        for candidate in free:
            same_kind = candidate.visit_kind is cancelled.visit_kind
            if same_kind and abs(candidate.first_seen_at - cancelled.changed_at) <= within:
                pairs.append((cancelled, candidate))
                free.remove(candidate)
                break
    return pairs


def _hours(lead: timedelta) -> str:
    whole = lead % timedelta(hours=1) == timedelta(0)
    return f"{lead // timedelta(hours=1)}h" if whole else f"{lead // timedelta(minutes=1)}m"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
