"""What the window decides by itself: ages, silence, masking, the verdict."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.domain import password
from services.console.domain.backlog import Age, Sample, age_of_oldest
from services.console.domain.feed import is_silent, working_silence
from services.console.domain.figures import Due, Feed, Figures, Letters, Pause, Provider, QueueLine, TurnedAway
from services.console.domain.masking import lines_of
from services.console.domain.origin import Origin, origin_of
from services.console.domain.verdict import Severity, headline, judge
from services.console.domain.words import barriers, question, reading, reason
from services.followup.domain.instrument import CURRENT
from services.followup.domain.reading import Interpretation
from services.notifier.domain.state import Reason
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


def pause(scope, cause, **changes):
    return Pause(**({"scope": scope, "cause": cause, "lasts": timedelta(minutes=6)} | changes))


@pytest.mark.parametrize(
    ("figures", "severity", "words"),
    [
        ({}, Severity.NOTE, "Patients are being told"),
        ({"provider": Provider(pauses=[pause("provider", "20003")])}, Severity.CRITICAL, "Nothing has been sent for 6 min. The provider refuses us: our credentials are not accepted (20003)"),
        ({"provider": Provider(pauses=[pause("email", "401")])}, Severity.WARNING, "something needs a look"),
        ({"provider": Provider(newest=["NotReached"] * 6)}, Severity.CRITICAL, "Nothing gets through. The provider cannot be reached"),
        ({"provider": Provider(newest=["Accepted"] * 6 + ["Unsure"] * 3)}, Severity.WARNING, "something needs a look"),
        ({"provider": Provider(newest=["Accepted", "Callback"] * 5)}, Severity.NOTE, "Patients are being told"),
        ({"paused_clinics": [pause("harbor", "operator")]}, Severity.WARNING, "Patients are being told, but not those of harbor"),
        ({"due": Due(3, timedelta(minutes=6))}, Severity.CRITICAL, "3 messages are due and not sent"),
        ({"due": Due(1, timedelta(minutes=3))}, Severity.WARNING, "something needs a look"),
        ({"due": Due(1, timedelta(seconds=30))}, Severity.NOTE, "Patients are being told"),
        ({"queues": [line(consumers=0, depth=7)]}, Severity.CRITICAL, "Nobody reads the queue notifier: 7 wait"),
        ({"letters": [Letters("notifier", "unexpected", "KeyError", 2)]}, Severity.WARNING, "something needs a look"),
        ({"complaints": {"broker": "No queues to see"}}, Severity.WARNING, "something needs a look"),
        ({"complaints": {"database": "The database is away"}}, Severity.CRITICAL, "The database is away"),
    ],
)  # fmt: skip
def test_the_first_page_answers_in_one_sentence(figures, severity, words):
    found = headline(judge(Figures(at=START, **figures)))
    assert found[0] is severity
    assert words in found[1]


def feed(**changes):
    return Feed(**({"clinic_id": "harbor", "source": "ehr", "heard_at": START - timedelta(hours=5), "silence": timedelta(hours=5), "is_silent": True} | changes))  # fmt: skip


def away(**changes):
    return TurnedAway(**({"feed": "native", "reason": "the signature is wrong", "since": START - timedelta(hours=1), "last_at": START} | changes))  # fmt: skip


POISON = Letters("booking_events", "refused", "data.consent: Field required", 12, ["newehr"])


@pytest.mark.parametrize(
    ("figures", "words", "page"),
    [
        ({"feeds": [feed()]}, "5 h of working time: nothing arrives from it", "/#feeds"),
        ({"feeds": [feed(unread=3)]}, "3 of its messages could not be read", "/dead-letters"),
        ({"feeds": [feed()], "turned_away": [away()]}, "what it posts is turned away (the signature is wrong)", "/#feeds"),
        ({"turned_away": [away()]}, "Bookings posted to /bookings/native are turned away", "/#feeds"),
        ({"letters": [POISON]}, "12 messages could not be handled: the feed newehr sent what we cannot", "/dead-letters"),
        ({"letters": [POISON, Letters("notifier", "exhausted", "away", 1)]}, "13 messages could not be handled; 12 of them because the feed newehr", "/dead-letters"),
        ({"paused_clinics": [pause("harbor", "wrong_texts", who="nina", held=4)]}, "paused 6 min ago by nina: its texts are wrong; 4 messages are held", "/#sending"),
    ],
)  # fmt: skip
def test_a_finding_names_the_cause_and_leads_to_it(figures, words, page):
    (found,) = judge(Figures(at=START, **figures))
    assert words in found.sentence
    assert found.page == page


def test_a_feed_that_has_ended_and_one_stray_call_are_no_news():
    once = away(since=START)
    assert judge(Figures(at=START, feeds=[feed(is_silent=False, ended_by="nina")], turned_away=[once])) == []


@pytest.mark.parametrize(
    ("body", "origin"),
    [
        (b'{"source": "ehr", "data": {"clinic_id": "harbor"}}', Origin("ehr", "harbor")),
        (b'{"booking_id": "bk_1", "clinic_id": "harbor"}', Origin("amqp", "harbor")),
        (b'{"source": 7, "data": {"clinic_id": "' + b"x" * 61 + b'"}}', Origin()),
        (b"no json", Origin()),
        (b"[" * 100_000, Origin()),
        (b"[1]", Origin()),
    ],
)
def test_a_dead_letter_says_whose_it_was_or_nothing(body, origin):
    assert origin_of(body) == origin


def bar(**changes):
    return {"kind": "all", "how": "keyword", "since": START} | changes


@pytest.mark.parametrize(
    ("bars", "held", "paused", "words"),
    [
        ([bar()], [], {}, "The patient texted STOP on Friday, Nov 20 2026 at 12:00: no texts go to that number."),
        ([bar(how="own_words", kind="reminders")], [], {}, "asked in their own words to be left alone"),
        ([bar(kind="unusable", how="provider 30006")], [], {}, "takes no texts: a landline, or the carrier"),
        ([bar(how="wrong_number")], [], {}, "it is not the patient's"),
        ([], ["no_consent"], {}, "has not agreed to such texts"),
        ([], ["no_address"], {}, "no number that takes texts"),
        ([], ["paused"], {"harbor": pause("harbor", "clinic_closed", who="nina")}, "paused 6 min ago by nina (it is closed)"),
        ([], ["spacing"], {"provider": pause("provider", "20003")}, "Nothing is being sent to anybody"),
        ([], ["spacing"], {"mesa": pause("mesa", "operator")}, None),
    ],
)  # fmt: skip
def test_what_bars_a_patients_texts_is_said_first_with_who_can_undo_it(bars, held, paused, words):
    upcoming = [{"state": "held", "wanted": True, "reason": reason, "clinic_id": "harbor"} for reason in held]
    said = barriers(bars, upcoming, paused, NEW_YORK)
    assert len(said) == (words is not None)
    assert words is None or words in said[0]


@pytest.mark.parametrize("code", Reason)
def test_every_reason_is_spelled_in_words_of_its_own(code):
    assert reason(code) != code.replace("_", " ")


@pytest.mark.parametrize("code", Interpretation)
def test_every_way_to_read_a_reply_is_spelled_in_words_of_its_own(code):
    assert reading({"handled_as": "none", "reading": code}) != code.replace("_", " ")


@pytest.mark.parametrize(
    ("handled_as", "read_as", "words"),
    [
        ("none", "out_of_range", "a number that is no answer"),
        ("none", "opt_out+cancel_request", "no more texts wanted, a wish to cancel"),
        ("opt_out", "opt_out", "the keyword STOP; no more texts wanted"),
        ("none", None, "an answer to a page, but not a clear one"),
    ],
)
def test_what_a_reply_was_read_as_is_spelled(handled_as, read_as, words):
    assert reading({"handled_as": handled_as, "reading": read_as}) == words


@pytest.mark.parametrize(
    ("asked_about", "instrument", "item", "words"),
    [
        (None, None, None, "none"),
        ("visit", None, None, "about a visit"),
        ("checkin", None, None, "a check-in"),  # erased since
        ("checkin", "mood", 1, "mood, 0 to 10"),
        ("checkin", "phq9", 9, "PHQ-9, question 9"),
    ],
)
def test_the_question_that_was_open_is_spelled(asked_about, instrument, item, words):
    assert question({"asked_about": asked_about, "instrument": instrument, "item": item}) == words


@pytest.mark.parametrize("instrument", CURRENT)
def test_every_instrument_has_a_name_for_people(instrument):
    assert question({"asked_about": "checkin", "instrument": instrument, "item": 1}) != instrument.replace("_", " ")
