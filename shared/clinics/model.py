"""What a clinic decides for itself, validated: a mistake names its key and what was expected."""

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.kernel.contact import PhoneNumber, parse_email, parse_phone
from shared.kernel.send_window import SendWindow
from shared.messages.base import Instant, TimeZoneName
from shared.messages.booking import VisitKind

_DURATION = re.compile(r"(\d{1,4})([smhd])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_HEALTH_WORDS = re.compile(
    r"ketamin|infusion|infusión|depress|depres|psych|psiqui|suicid|mental|spravato|anxiety|ansiedad|\biv\b",
    re.IGNORECASE,
)


def _read_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if not match:
        raise ValueError('is not a duration such as "72h", "90s", "30m" or "3d"')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _read_time(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    if isinstance(value, time):
        return value
    raise ValueError('is not a time of day such as "09:00"')


def _neutral(value: str) -> str:
    if _HEALTH_WORDS.search(value):
        raise ValueError("would tell what the patient is treated for on a lock screen; give a neutral name")
    return value


def _dialable(value: str) -> str:
    phone = parse_phone(value)
    if phone is None:
        raise ValueError("is not a telephone number in the form +12125550199")
    return phone.e164


ConsentKind = Literal["reminders", "checkins", "email"]


def _mailable(value: str) -> str:
    address = parse_email(value)
    if address is None:
        raise ValueError("is not an e-mail address such as visits@harbor.example.org")
    return address


Duration = Annotated[timedelta, BeforeValidator(_read_duration)]
TimeOfDay = Annotated[time, BeforeValidator(_read_time)]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
IsoWeek = Annotated[str, StringConstraints(pattern=r"^\d{4}-W[0-5]\d$")]
E164 = Annotated[str, AfterValidator(_dialable)]


class ConfigModel(BaseModel):
    """A section of the clinic file: frozen, and a key that nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Window(ConfigModel):
    """When texts may leave, in the patient's zone (R2)."""

    opens: TimeOfDay = time(9)
    closes: TimeOfDay = time(20)

    @model_validator(mode="after")
    def _opens_first(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("opens must be earlier than closes")
        return self

    @property
    def hours(self) -> SendWindow:
        """The window as a value to calculate with."""
        return SendWindow(self.opens, self.closes)


class Budget(ConfigModel):
    """How many automated texts a patient may get in seven days (R7)."""

    weekly: Annotated[int, Field(ge=1, le=50)] = 7
    weekly_in_series: Annotated[int, Field(ge=1, le=50)] = 14
    spacing: Duration = timedelta(hours=4)


class Preparation(ConfigModel):
    """What an in-person infusion asks of the patient beforehand (DOMAIN.md 1.2)."""

    fast_solids_h: Annotated[int, Field(ge=0, le=24)] = 6
    fast_clear_h: Annotated[int, Field(ge=0, le=24)] = 2
    infusion_min: Annotated[int, Field(ge=5, le=480)] = 40
    monitor_min: Annotated[int, Field(ge=0, le=480)] = 60
    ride: bool = True


class Delivery(ConfigModel):
    """On which channels a patient is told, and whether on all of them or on the first that works."""

    channels: Annotated[tuple[Literal["sms", "email"], ...], Field(min_length=1)] = ("sms", "email")
    how: Literal["first_that_works", "all"] = "first_that_works"

    @field_validator("channels")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names a channel twice")
        return value


class EmailWords(ConfigModel):
    """What e-mails may say, and whom they are from."""

    sender: Annotated[str, AfterValidator(_mailable)] | None = None
    phi_allowed: bool = False
    """Whether an e-mail may tell of a visit. Only with a signed agreement with whoever carries it (H3)."""
    bring: dict[Literal["en", "es"], Annotated[str, StringConstraints(max_length=300), AfterValidator(_neutral)]] = (
        Field(default_factory=dict)
    )


class Step(ConfigModel):
    """One reminder of a cadence: how long before the visit, and until when it is still of use when late (R9)."""

    before: Duration
    useless_within: Duration

    @model_validator(mode="after")
    def _useful_for_a_while(self) -> Self:
        if not timedelta(0) <= self.useless_within < self.before:
            raise ValueError("useless_within must be shorter than before")
        return self

    @property
    def is_near(self) -> bool:
        """Whether this is the reminder that carries the preparation."""
        return self.before <= timedelta(hours=36)


FAR = Step(before=timedelta(hours=72), useless_within=timedelta(hours=25))
NEAR = Step(before=timedelta(hours=24), useless_within=timedelta(hours=4))


class Settle(ConfigModel):
    """How long a notice waits for the next change, so that one text tells of several."""

    confirmation: Duration = timedelta(seconds=15)
    change: Duration = timedelta(seconds=90)


class Brake(ConfigModel):
    """When a feed's cancellations and moves pause the clinic until a person has looked."""

    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    at_least: Annotated[int, Field(ge=2, le=100_000)] = 50
    within: Duration = timedelta(minutes=15)


class CalCom(ConfigModel):
    """How a clinic's Cal.com event types and booking questions are to be read.

    ``visits`` maps event type slugs to kinds of visit; ``otherwise`` is any other. A consent is what the patient
    answered to the booking question of that name; where it was not asked, what ``giving_a_number_means`` says.
    """

    visits: dict[str, VisitKind] = Field(default_factory=dict)
    otherwise: VisitKind = VisitKind.INFUSION
    consent_questions: dict[ConsentKind, str] = Field(default_factory=dict)
    giving_a_number_means: tuple[ConsentKind, ...] = ("reminders",)


class Shift(ConfigModel):
    """Who is on call, and when, in the clinic's zone. A shift that ends no later than it starts ends the next day.

    ``weeks`` says in which weeks it holds: every one, the odd or even ones of the ISO calendar, or those listed.
    """

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    starts: TimeOfDay
    ends: TimeOfDay
    people: Annotated[tuple[str, ...], Field(min_length=1)]
    weeks: Literal["every", "odd", "even"] | tuple[IsoWeek, ...] = "every"

    def holds_on(self, day: date) -> bool:
        """Return whether the shift starts on that day."""
        year, week, weekday = day.isocalendar()
        if WEEKDAYS[weekday - 1] not in self.days:
            return False
        if isinstance(self.weeks, tuple):
            return f"{year}-W{week:02d}" in self.weeks
        return self.weeks == "every" or (self.weeks == "odd") == bool(week % 2)


class Person(ConfigModel):
    """Somebody at the clinic who can be paged."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    phone: E164
    role: Literal["clinician", "nurse", "lead", "ops"] = "clinician"


MoodQuestion = Literal["mood", "nothing"]
Questionnaire = Literal["questionnaire", "phq8", "phq2", "gad2", "nothing"]


class CheckIns(ConfigModel):
    """What is asked after an infusion (I1). Questionnaires look back two weeks, so none stands before a week (I2).

    ``questionnaire`` is the PHQ-9, or the PHQ-8 while nobody could act on an answer about suicide (3.4).
    """

    day_1: MoodQuestion = "mood"
    day_3: MoodQuestion = "mood"
    week_1: Questionnaire = "questionnaire"
    week_2: Questionnaire = "questionnaire"
    week_3: Questionnaire = "questionnaire"


class Roster(ConfigModel):
    """The people of a clinic and their shifts."""

    people: dict[str, Person] = Field(default_factory=dict)
    shifts: tuple[Shift, ...] = ()
    look_at: Annotated[str, StringConstraints(min_length=3, max_length=60), AfterValidator(_neutral)] = "the console"

    @model_validator(mode="after")
    def _shifts_name_people(self) -> Self:
        unknown = sorted({name for shift in self.shifts for name in shift.people} - self.people.keys())
        if unknown:
            raise ValueError(f"a shift names {', '.join(unknown)}, who is not among people")
        return self


class Clinic(ConfigModel):
    """One clinic."""

    name: Annotated[str, StringConstraints(min_length=2, max_length=30), AfterValidator(_neutral)]
    phone: Annotated[str, StringConstraints(min_length=7, max_length=20, pattern=r"^[0-9+() .-]+$")]
    time_zone: TimeZoneName
    sender: E164 | None = None
    announce_from: Instant | None = None
    templates: Path | None = None
    """A folder of the clinic's own texts, each in the place of one of ours; relative to the clinic file."""
    enrolment: bool = False
    """Whether a patient's first text says what they will get, how often, and how to end it."""
    opt_out_replies: Literal["aftercare", "provider"] = "aftercare"
    window: Window = Window()
    delivery: Delivery = Delivery()
    email: EmailWords = EmailWords()
    budget: Budget = Budget()
    preparation: Preparation = Preparation()
    settle: Settle = Settle()
    assume_completed_after: Duration = timedelta(hours=2)
    brake: Brake = Brake()
    calcom: CalCom = CalCom()
    cadence: dict[VisitKind, tuple[Step, ...]] = Field(default_factory=dict)
    checkins: CheckIns = CheckIns()
    roster: Roster = Roster()
    ops_phone: E164 | None = None

    @property
    def operations_phones(self) -> tuple[str, ...]:
        """The numbers to page when the machinery fails: the clinic's ops number and its people with that role."""
        people = (person.phone for person in self.roster.people.values() if person.role == "ops")
        return tuple(dict.fromkeys((*((self.ops_phone,) if self.ops_phone else ()), *people)))

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)

    def steps_for(self, kind: VisitKind) -> tuple[Step, ...]:
        """Return the reminders of a kind of visit, the earliest first; by default 72 h and 24 h before (R3)."""
        return tuple(sorted(self.cadence.get(kind, (FAR, NEAR)), key=lambda step: -step.before))

    def announces(self, booked_at: datetime) -> bool:
        """Return whether a booking made at that time is confirmed to the patient, or was imported silently."""
        return self.announce_from is None or booked_at >= self.announce_from


class Retention(ConfigModel):
    """For how many days things are kept."""

    inbox_days: Annotated[int, Field(ge=14, le=365)] = 14
    bodies_days: Annotated[int, Field(ge=7, le=3650)] = 90
    history_days: Annotated[int, Field(ge=30, le=3650)] = 2190


class Clinics(ConfigModel):
    """The whole clinic file."""

    clinics: Annotated[dict[str, Clinic], Field(min_length=1)]
    retention: Retention = Retention()

    def get(self, clinic_id: str) -> Clinic | None:
        """Return a clinic by its id."""
        return self.clinics.get(clinic_id)

    def of_sender(self, number: PhoneNumber) -> list[str]:
        """Return the clinics that send from a number of their own equal to ``number``."""
        return [clinic_id for clinic_id, clinic in self.clinics.items() if clinic.sender == number.e164]

    @property
    def sharing_the_sender(self) -> list[str]:
        """The clinics that send from the number of the environment."""
        return [clinic_id for clinic_id, clinic in self.clinics.items() if clinic.sender is None]
