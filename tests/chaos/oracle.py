"""What patients must and must not have been told: the rules of reminders, written a second time.

It knows what the booking system said (journal.py) and what the provider accepted, and nothing of how the product
decides: it imports none of it. A patient is imagined with a notebook, into which each text is copied as it is read. Then

- nothing is sent at night, too early, past its use, about a time that no longer holds, or that tells nothing new;
- no reminder comes twice, and none that was due is missing;
- a day after the last change the notebook says what the booking system says.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.chaos.journal import Patient, Stage, State, Status
from tests.chaos.reading import Kind, Reading, UnreadableError, read, spell

OPENS, CLOSES = time(9), time(20)  # DOMAIN.md 4.3
EVENING_MARGIN = timedelta(minutes=30)
SETTLE = {
    Kind.CONFIRMED: timedelta(seconds=15),
    Kind.MOVED: timedelta(seconds=90),
    Kind.CANCELLED: timedelta(seconds=90),
}
FASTING = timedelta(hours=6)
DAY = timedelta(days=1)
PATIENCE = timedelta(hours=26)
"""After a change, one night and a hold or two may pass before a patient knows of it."""


Notebook = dict[str, Kind]
"""The visits that a patient believes in, as spelled, and by which kind of text they know."""


@dataclass(frozen=True, slots=True)
class ClinicRules:
    """One clinic: its name, its clock, and which visits get the far reminder; the near one goes out for all."""

    name: str
    time_zone: str
    far_for: frozenset[str] = frozenset({"infusion", "consultation", "follow_up"})


CLINICS = {
    "harbor": ClinicRules("Harbor Clinic", "America/New_York", frozenset({"infusion", "consultation"})),
    "mesa": ClinicRules("Mesa Health", "America/Phoenix"),
    "kona": ClinicRules("Kona Health", "Pacific/Honolulu"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One reminder: how many days before, and how long before the visit it is useless (R3, R9)."""

    kind: Kind
    days: int
    useless_within: timedelta


STEPS = (Step(Kind.FAR, 3, timedelta(hours=25)), Step(Kind.NEAR, 1, timedelta(hours=4)))


@dataclass(frozen=True, slots=True)
class Text:
    """One text that the provider accepted.

    It was asked for at ``moment``, when the product's clock stood somewhere from ``earliest`` to ``latest``.
    """

    to: str
    body: str
    moment: float
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Impairment:
    """A stretch of clinical time in which nothing could be expected to leave."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule, by name, and what broke it."""

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


def judge(
    patient: Patient, texts: Iterable[Text], *, end: datetime, impaired: Sequence[Impairment] = ()
) -> list[Violation]:
    """Return every rule that was broken towards one patient, as of the clinical time ``end``."""
    case = _Case(patient, sorted(texts, key=lambda text: text.moment), end, impaired)
    return [*case.forbidden(), *case.missing()]


class _Case:
    def __init__(self, patient: Patient, texts: Sequence[Text], end: datetime, impaired: Sequence[Impairment]) -> None:
        self._patient = patient
        self._rules = CLINICS[patient.clinic]
        self._zone = ZoneInfo(patient.time_zone)
        self._clinic_zone = ZoneInfo(self._rules.time_zone)
        self._end = end
        self._impaired = impaired
        self._texts: list[tuple[Text, Reading]] = []
        self._unread: list[Text] = []
        for text in texts:
            try:
                self._texts.append((text, read(text.body)))
            except UnreadableError:
                self._unread.append(text)

    # What must not have been sent.

    def forbidden(self) -> Iterator[Violation]:
        for text in self._unread:
            yield Violation("unreadable", text.body)
        notebook = self._known_before()
        reminded: Counter[tuple[Kind, str]] = Counter()
        goodbyes = 0
        for text, reading in self._texts:
            if reading.kind is Kind.OPTED_OUT:
                goodbyes += 1
                if goodbyes > 1 or self._patient.stopped is None:
                    yield Violation("doubled", self._tell(text))
                continue
            if self._patient.stopped is not None and text.moment > self._patient.stopped:
                yield Violation("sent after STOP", self._tell(text))
            if not any(OPENS <= at.astimezone(self._zone).time() < CLOSES for at in (text.earliest, text.latest)):
                yield Violation("at night", self._tell(text))
            if reading.kind in SETTLE:
                yield from self._notice(text, reading, notebook)
            else:
                reminded[reading.kind, reading.names[0]] += 1
                if reminded[reading.kind, reading.names[0]] > 1:
                    yield Violation("doubled", self._tell(text))
                yield from self._reminder(text, reading)
            self._note(notebook, text, reading)

    def _notice(self, text: Text, reading: Reading, notebook: Notebook) -> Iterator[Violation]:
        for name in reading.names:
            if reading.kind is Kind.CANCELLED:
                causes = [s for s in self._stages_at(text.moment) if s.state.status is Status.CANCELLED]
                contradicted = self._is_booked(name, text.moment)
            else:
                causes = [s for s in self._stages_at(text.moment) if self._tells_of(s.state, name)]
                contradicted = False
            if contradicted or not causes:
                yield Violation("ghost", self._tell(text))
            elif text.latest < min(stage.since for stage in causes) + SETTLE[reading.kind]:
                yield Violation("too early", self._tell(text))
            if text.earliest >= max((at for at in self._all_starts() if self._names(at, name)), default=text.earliest):
                yield Violation("past its use", self._tell(text))
        if not self._is_news(reading, notebook):
            yield Violation("tells nothing", self._tell(text))

    @staticmethod
    def _is_news(reading: Reading, notebook: Notebook) -> bool:
        """Return whether a notice changes what stands in the notebook."""
        if reading.kind is Kind.CANCELLED:
            return any(name in notebook for name in reading.names)
        if reading.kind is Kind.MOVED:
            return reading.was in notebook and reading.was not in reading.names
        # A reminder that came just before a confirmation does not make it useless.
        return any(notebook.get(name, Kind.NEAR) in (Kind.FAR, Kind.NEAR) for name in reading.names)

    def _tells_of(self, state: State, name: str) -> bool:
        return state.status is Status.BOOKED and self._spell(state) == name

    def _reminder(self, text: Text, reading: Reading) -> Iterator[Violation]:
        step = next(step for step in STEPS if step.kind is reading.kind)
        states = {state for state in self._booked(text.moment) if self._spell(state) == reading.names[0]}
        if not states:
            yield Violation("ghost", self._tell(text))
            return
        state = max(states, key=lambda state: state.starts_at)
        if text.latest < self._not_before(state, step):
            yield Violation("too early", self._tell(text))
        if text.earliest >= state.starts_at - step.useless_within:
            yield Violation("past its use", self._tell(text))
        if step.kind is Kind.FAR and all(state.kind not in self._rules.far_for for state in states):
            others = {other.kind for other in self._booked(text.moment) if self._day(other) == self._day(state)}
            if not others & self._rules.far_for:
                yield Violation("not in the cadence", self._tell(text))

    # What must have been sent.

    def missing(self) -> Iterator[Violation]:
        if self._patient.stopped is not None:
            return
        for booking, visit in self._patient.visits.items():
            for stage, following in pairwise([*visit.stages, None]):
                assert stage is not None
                until = following.since if following else self._end
                if stage.state.status is Status.BOOKED:
                    for step in STEPS:
                        yield from self._missing_reminder(booking, stage, until, step)
                if stage.state.status is not Status.OVER:
                    yield from self._missing_news(booking, stage, until)

    def _missing_reminder(self, booking: str, stage: Stage, until: datetime, step: Step) -> Iterator[Violation]:
        state = stage.state
        if step.kind is Kind.FAR and state.kind not in self._rules.far_for:
            return
        nominal = self._days_before(state.starts_at, step.days)
        due = nominal if self._is_open(nominal) else self._evening_before(nominal)
        if not self._is_open(nominal) and due < stage.by:
            due = self._next_opening(nominal)
        expires = state.starts_at - step.useless_within
        fasting = state.kind == "infusion" and state.modality == "in_person"
        useful = min(expires, state.starts_at - FASTING) if fasting else expires
        too_late = stage.by >= nominal or due >= useful
        if too_late or until < expires or self._end < expires or self._is_impaired(due, expires):
            return
        if self._may_not_be_first(booking, state, stage.since, until):
            return
        name = self._spell(state)
        came = [t for t, r in self._texts if r.kind is step.kind and r.names[0] == name]
        if not came:
            yield Violation("lost", f"no {step.kind.value} of {name} to {self._patient.phone}, due {due:%m-%d %H:%M}Z")
        elif came[0].earliest > due + DAY:
            yield Violation("late", self._tell(came[0]))

    def _missing_news(self, booking: str, stage: Stage, until: datetime) -> Iterator[Violation]:
        """A day after a change, and before the visit, the patient knows of it."""
        by = stage.by + PATIENCE
        if by >= min(until, stage.state.starts_at, self._end) or self._is_impaired(stage.by, by):
            return
        notebook = self._known_before()
        for text, reading in self._texts:
            if text.latest <= by:
                self._note(notebook, text, reading)
        name = self._spell(stage.state)
        if stage.state.status is Status.BOOKED and name not in notebook:
            yield Violation("lost", f"{self._patient.phone} does not know of {booking} on {name} by {by:%m-%d %H:%M}Z")
        for earlier in self._patient.visits[booking].stages:
            old = self._spell(earlier.state)
            outdated = earlier.state.starts_at > by and not self._could_be_booked(old, stage.certain)
            if earlier.since < stage.since and old in notebook and outdated:
                yield Violation(
                    "lost", f"{self._patient.phone} still believes in {booking} on {old} at {by:%m-%d %H:%M}Z"
                )

    # The notebook.

    def _known_before(self) -> Notebook:
        """Return what a patient knew of bookings that were imported."""
        silent = (
            visit.stages[0].state for visit in self._patient.visits.values() if not visit.announced and visit.stages
        )
        return {self._spell(state): Kind.CONFIRMED for state in silent if state.status is Status.BOOKED}

    def _note(self, notebook: Notebook, text: Text, reading: Reading) -> None:
        if reading.kind is Kind.CANCELLED:
            for name in reading.names:
                notebook.pop(name, None)
            return
        # Where another visit has taken the old time meanwhile, it stays.
        if reading.was is not None and not self._is_booked(reading.was, text.moment):
            notebook.pop(reading.was, None)
        for name in reading.names:
            if notebook.get(name) not in (Kind.CONFIRMED, Kind.MOVED):
                notebook[name] = reading.kind

    # The visits.

    def _stages_at(self, moment: float) -> list[Stage]:
        """Return the stages that may have held at a moment."""
        found = []
        for visit in self._patient.visits.values():
            for stage, following in pairwise([*visit.stages, None]):
                assert stage is not None
                if stage.begun <= moment and (following is None or moment < following.certain):
                    found += [
                        Stage(state, stage.meanwhile, stage.since, stage.by, stage.begun, stage.certain)
                        for state in {stage.state, *(stage.meanwhile if moment < stage.certain else ())}
                    ]
        return found

    def _booked(self, moment: float) -> list[State]:
        every = (state for visit in self._patient.visits.values() for state in visit.may_be(moment))
        return [state for state in every if state.status is Status.BOOKED]

    def _is_booked(self, name: str, moment: float) -> bool:
        """Return whether a visit of that name surely stands."""
        sure = (states for visit in self._patient.visits.values() if len(states := visit.may_be(moment)) == 1)
        return any(state.status is Status.BOOKED and self._spell(state) == name for states in sure for state in states)

    def _could_be_booked(self, name: str, moment: float) -> bool:
        return any(self._spell(state) == name for state in self._booked(moment))

    def _may_not_be_first(self, booking: str, state: State, since: datetime, until: datetime) -> bool:
        """Return whether an earlier visit on that day, at some time, made this one not the first (R10)."""
        for name, visit in self._patient.visits.items():
            for stage, following in pairwise([*visit.stages, None]):
                assert stage is not None
                overlaps = stage.since < until and (following is None or following.by > since)
                rivals = [s for s in {stage.state, *stage.meanwhile} if s.status is Status.BOOKED]
                earlier = any(
                    self._day(rival) == self._day(state) and rival.starts_at <= state.starts_at for rival in rivals
                )
                if name != booking and overlaps and earlier:
                    return True
        return False

    def _all_starts(self) -> list[datetime]:
        return [
            state.starts_at
            for visit in self._patient.visits.values()
            for stage in visit.stages
            for state in {stage.state, *stage.meanwhile}
        ]

    def _names(self, at: datetime, name: str) -> bool:
        return name in (spell(at, self._clinic_zone), spell(at, self._zone))

    def _day(self, state: State) -> date:
        return state.starts_at.astimezone(self._clinic_zone).date()

    def _spell(self, state: State) -> str:
        return spell(state.starts_at, self._zone if state.modality == "telemedicine" else self._clinic_zone)

    # Times.

    def _days_before(self, at: datetime, days: int) -> datetime:
        """Return the same time on the clinic's clock some days earlier (R8)."""
        local = at.astimezone(self._clinic_zone)
        return (local.replace(tzinfo=None) - days * DAY).replace(tzinfo=self._clinic_zone).astimezone(UTC)

    def _is_open(self, at: datetime) -> bool:
        return OPENS <= at.astimezone(self._zone).time() < CLOSES

    def _evening_before(self, at: datetime) -> datetime:
        local = at.astimezone(self._zone)
        day = local.date() if local.time() >= CLOSES else local.date() - DAY
        return datetime.combine(day, CLOSES, self._zone).astimezone(UTC) - EVENING_MARGIN

    def _next_opening(self, at: datetime) -> datetime:
        local = at.astimezone(self._zone)
        day = local.date() if local.time() < OPENS else local.date() + DAY
        return datetime.combine(day, OPENS, self._zone).astimezone(UTC)

    def _not_before(self, state: State, step: Step) -> datetime:
        nominal = self._days_before(state.starts_at, step.days)
        return nominal if self._is_open(nominal) else self._evening_before(nominal)

    def _is_impaired(self, since: datetime, until: datetime) -> bool:
        return any(one.since <= until and since <= one.until for one in self._impaired)

    def _tell(self, text: Text) -> str:
        return f"{text.to} at {text.latest:%m-%d %H:%M:%S}Z: {text.body}"
