"""The oracle knows nothing of the product, and sees every kind of wrong."""

import ast
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.chaos.journal import Patient, State, Status, Visit
from tests.chaos.oracle import Text, judge
from tests.chaos.world import ROOT

NEW_YORK = ZoneInfo("America/New_York")
BOOKED = datetime(2026, 11, 23, 12, tzinfo=NEW_YORK)
VISIT = datetime(2026, 12, 4, 10, tzinfo=NEW_YORK)
CONFIRMED = "Harbor Clinic: your visit is booked for Fri, Dec 4 at 10:00 AM. Questions: (212) 555-0100."
FAR = "Harbor Clinic: you have a visit on Fri, Dec 4 at 10:00 AM. Reply C to confirm."
NEAR = "Harbor Clinic visit Fri, Dec 4 10:00 AM: no food after 4:00 AM, clear liquids to 8:00 AM."
CANCELLED = "Harbor Clinic: your visit on Fri, Dec 4 at 10:00 AM has been cancelled."
WELL = [(CONFIRMED, BOOKED + timedelta(minutes=1)), (FAR, VISIT - timedelta(days=3)), (NEAR, VISIT - timedelta(days=1))]


@pytest.mark.parametrize("module", ["journal", "oracle", "reading"])
def test_the_oracle_shares_no_code_with_what_it_judges(module):
    tree = ast.parse((ROOT / "tests" / "chaos" / f"{module}.py").read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert not [name for name in imported if name.split(".")[0] in {"services", "shared", "cli", "sandbox"}]


def told(*texts, cancelled_at=None):
    """Return the rules that these texts break towards a patient with one visit, booked eleven days ahead."""
    patient = Patient("+12125550001", "harbor", "America/New_York", {"v": Visit()})
    patient.visits["v"].say(1, State(Status.BOOKED, VISIT), at=BOOKED, moment=BOOKED.timestamp())
    patient.settle(at=BOOKED, moment=BOOKED.timestamp())
    if cancelled_at is not None:
        moment = cancelled_at.timestamp()
        patient.visits["v"].say(2, State(Status.CANCELLED, VISIT), at=cancelled_at, moment=moment)
        patient.settle(at=cancelled_at, moment=moment)
    ledger = [Text(patient.phone, body, at.timestamp(), at, at) for body, at in texts]
    return {violation.rule for violation in judge(patient, ledger, end=VISIT + timedelta(days=1))}


def test_what_is_right_is_right():
    assert told(*WELL) == set()


@pytest.mark.parametrize("number", range(3))
def test_a_missing_text_is_lost(number):
    assert told(*WELL[:number], *WELL[number + 1 :]) == {"lost"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ((CONFIRMED, BOOKED + timedelta(hours=1)), "tells nothing"),
        ((FAR, VISIT - timedelta(days=2, hours=20)), "doubled"),
        ((NEAR, VISIT - timedelta(hours=20)), "doubled"),
        ((CANCELLED, BOOKED + timedelta(days=1)), "ghost"),
        ((CONFIRMED.replace("Dec 4", "Dec 5"), BOOKED + timedelta(hours=1)), "ghost"),
        ((FAR.replace("10:00", "11:00"), VISIT - timedelta(days=3)), "ghost"),
        (("Win a prize", BOOKED + timedelta(hours=1)), "unreadable"),
    ],
)
def test_one_text_too_many_is_seen(text, rule):
    assert rule in told(*WELL, text)


@pytest.mark.parametrize(
    ("number", "at", "rule"),
    [
        (0, BOOKED, "too early"),
        (0, BOOKED + timedelta(hours=9), "at night"),
        (1, VISIT - timedelta(days=3, minutes=1), "too early"),
        (1, VISIT - timedelta(hours=25), "past its use"),
        (1, VISIT - timedelta(days=1, hours=23), "late"),
        (2, VISIT - timedelta(days=1, minutes=1), "too early"),
        (2, VISIT - timedelta(hours=4), "past its use"),
    ],
)
def test_a_text_at_the_wrong_time_is_seen(number, at, rule):
    texts = [*WELL]
    texts[number] = (texts[number][0], at)
    assert rule in told(*texts)


def test_a_reminder_after_the_cancellation_is_a_ghost_and_a_silent_cancellation_is_a_loss():
    cancelled_at = BOOKED + timedelta(days=2)
    notice = (CANCELLED, cancelled_at + timedelta(minutes=2))
    assert told(WELL[0], notice, cancelled_at=cancelled_at) == set()
    assert told(WELL[0], notice, WELL[1], cancelled_at=cancelled_at) == {"ghost"}
    assert told(WELL[0], cancelled_at=cancelled_at) == {"lost"}
