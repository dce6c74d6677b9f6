"""What the window decides by itself: ages, silence, masking, the verdict."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.domain import password
from services.console.domain.backlog import Age, Sample, age_of_oldest
from services.console.domain.feed import is_silent, working_silence
from services.console.domain.figures import Due, Figures, Provider, QueueLine
from services.console.domain.masking import lines_of
from services.console.domain.verdict import Severity, headline, judge
from tests.builders import NEW_YORK, ny

START = ny("2026-11-20 12:00")


@given(
    arrivals=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    served=st.lists(st.integers(0, 4), min_size=40, max_size=40),
)
def test_the_age_of_the_oldest_message_is_right_to_one_sample(arrivals, served):
    waiting, samples, published = [], [], 0
    for tick, count in enumerate(arrivals):
        waiting += [tick] * count
        published += count
        del waiting[: served[tick]]
        samples.append(Sample(START + timedelta(seconds=tick), len(waiting), published))
    told = age_of_oldest(samples)
    if not waiting:
        assert told is None
        return
    truth = len(arrivals) - 1 - waiting[0]
    assert told is not None
    assert truth <= told.age.total_seconds() <= truth + 1 or told.at_least


def test_an_age_from_before_we_looked_says_so():
    samples = [Sample(START + timedelta(seconds=second), 5, 100) for second in (0, 10, 20)]
    assert age_of_oldest(samples) == Age(timedelta(seconds=20), at_least=True)


@pytest.mark.parametrize(
    ("heard", "now", "hours", "silent"),
    [
        ("2026-11-20 12:00", "2026-11-20 14:59", 2.98, False),
        ("2026-11-20 12:00", "2026-11-20 15:00", 3, True),
        ("2026-11-20 16:00", "2026-11-23 10:00", 2, False),  # over a weekend nobody books
        ("2026-11-20 16:00", "2026-11-23 11:00", 3, True),
        ("2026-11-21 10:00", "2026-11-22 20:00", 0, False),
        ("2026-01-01 10:00", "2026-11-20 12:00", 112, True),
    ],
)
def test_a_feed_is_silent_after_three_hours_of_working_time(heard, now, hours, silent):
    silence = working_silence(ny(heard), ny(now), NEW_YORK)
    assert silence.total_seconds() / 3600 == pytest.approx(hours, abs=0.02)
    assert is_silent(ny(heard), ny(now), NEW_YORK) is silent


@given(
    name=st.text(min_size=8, max_size=30).filter(lambda text: not text.isspace()),
    shape=st.sampled_from(["flat", "deep", "list", "key"]),
)
def test_a_masked_letter_shows_no_value_that_may_name_a_person(name, shape):
    canary = f"canary-{name}"
    content = {
        "flat": {"given_name": canary},
        "deep": {"data": {"patient": {"given_name": canary}}},
        "list": {"notes": [canary, {"x": canary}]},
        "key": {"booking_id": "x" * 61 + canary},
    }[shape]
    shown = json.dumps([(line.name, line.value) for line in lines_of(content, reveal=False)])
    assert json.dumps(canary)[1:-1] not in shown
    revealed = json.dumps([(line.name, line.value) for line in lines_of(content, reveal=True)])
    assert json.dumps(canary)[1:-1] in revealed


def test_a_password_is_known_again_and_another_is_not():
    kept = password.hashed("correct horse battery", salt=bytes(16))
    assert password.matches("correct horse battery", kept)
    assert not password.matches("correct horse batterx", kept)
    assert "correct" not in kept
    assert password.complaint_about("short") is not None
    assert password.complaint_about("aaaaaaaaaaaaaaaa") is not None


def line(**changes):
    return QueueLine(**({"name": "notifier", "depth": 0, "retrying": 0, "consumers": 1, "rate_in": 0.0, "rate_out": 0.0, "oldest": None} | changes))  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "severity", "words"),
    [
        ({}, Severity.NOTE, "Patients are being told"),
        ({"provider": Provider(paused_because="20003")}, Severity.CRITICAL, "Nothing is being sent"),
        ({"due": Due(3, timedelta(minutes=6))}, Severity.CRITICAL, "3 messages are due and not sent"),
        ({"due": Due(1, timedelta(minutes=3))}, Severity.WARNING, "something needs a look"),
        ({"due": Due(1, timedelta(seconds=30))}, Severity.NOTE, "Patients are being told"),
        ({"queues": [line(consumers=0, depth=7)]}, Severity.CRITICAL, "Nobody reads the queue notifier: 7 wait"),
        ({"dead_letters": 2}, Severity.WARNING, "something needs a look"),
        ({"complaints": {"broker": "No queues to see"}}, Severity.WARNING, "something needs a look"),
        ({"complaints": {"database": "The database is away"}}, Severity.CRITICAL, "The database is away"),
    ],
)
def test_the_first_page_answers_in_one_sentence(figures, severity, words):
    found = headline(judge(Figures(at=START, **figures)))
    assert found[0] is severity
    assert words in found[1]
