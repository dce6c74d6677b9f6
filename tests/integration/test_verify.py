"""``aftercare verify`` says nothing of a healthy system, and fails for each invariant that is broken."""

import asyncio

import psycopg
import pytest

from cli.verify import INVARIANTS, verify
from shared.postgres.database import connect_as_owner

CASE = """INSERT INTO followup.cases (case_id, clinic_id, thread, tier, rules, opened_at, clock_at, next_page_at)
VALUES ('c1', 'harbor', 'patient:1', 'S1', '{}', now(), now(), now())"""
WORDS = "INSERT INTO followup.case_words (case_id, provider_reference, at, content) VALUES ('c1', 'SM1', now(), '')"
CHECKIN = """INSERT INTO followup.patients (patient_ref, clinic_id) VALUES ('pt_1', 'harbor');
INSERT INTO followup.checkins (checkin_id, clinic_id, patient_ref, infusion_id, moment, status, due_at, useless_at, next_at)
VALUES ('k1', 'harbor', 'pt_1', 'i1', 'day_1', 'planned', now(), now(), {next_at})"""

# What breaks each invariant; ``ok`` stands for the message that the healthy system has sent.
BREAKS = {
    "no message has two texts at the provider": "INSERT INTO attempts (token, message_id, number_of_attempt, started_at, body_hash, provider_reference) VALUES ('t2', 1, 2, now(), '', 'SM2')",
    "no two messages share one text at the provider": "INSERT INTO attempts (token, message_id, number_of_attempt, started_at, body_hash, provider_reference) VALUES ('t3', 2, 1, now(), '', 'SM1')",
    "every message that was sent names its text at the provider": "UPDATE messages SET provider_reference = NULL WHERE id = 1",
    "every message past its use has exactly one outcome": "UPDATE messages SET send_at = now() - interval '9 h', expires_at = now() - interval '2 h' WHERE id = 2",
    "no message that is due waits for more than ten minutes without a reason": "UPDATE messages SET due_at = now() - interval '11 min' WHERE id = 2",
    "no call to the provider is left without an answer for more than an hour": "UPDATE messages SET state = 'unknown', started_at = now() - interval '61 min' WHERE id = 2",
    "nothing was sent before its time or after its use": "UPDATE messages SET ended_at = send_at - interval '1 s' WHERE id = 1",
    "nothing was begun for a number later than one second after it opted out": "INSERT INTO suppressions (sender, number, kind, since, how) VALUES ('x', '\\x01', 'all', now() - interval '1 h', 'keyword')",
    "nothing was begun that was no longer wanted": "UPDATE messages SET wanted = false WHERE id = 1; INSERT INTO history (at, message_id, what) VALUES (now() - interval '1 h', 1, 'no longer wanted')",
    "every receipt shown is the furthest one received": "INSERT INTO receipts (provider_reference, status, received_at) VALUES ('SM1', 'delivered', now())",
    "the notifier has every plan of reminders within two minutes": "UPDATE booking_events.patients SET plan_revision = 8",
    "every text of a patient is with its reader within two minutes": "INSERT INTO inbound (provider_reference, clinic_id, number, sender, content, handled_as, received_at, kept_at) VALUES ('SM9', 'harbor', '', 'x', '', 'none', now(), now() - interval '3 min')",
    "the notifier has every plan of check-ins, answers, safety texts and pages": "INSERT INTO followup.plans (subject, revision) VALUES ('checkins:pt_1', 3)",
    "every case that nobody has taken on is being paged, or waits in the list until its time": f"{CASE}; {WORDS}; UPDATE followup.cases SET next_page_at = now() - interval '3 min'",
    "every case has the words that led to it": CASE,
    "every check-in past its time has ended": CHECKIN.format(next_at="now() - interval '11 min'"),
    "no message waits in an outbox for more than ten minutes": "INSERT INTO followup.outbox (urgent, routing_key, message_id, body, created_at) VALUES (false, 'x', 'x', '', now() - interval '11 min')",
}
ALSO_BREAKS = {
    "a receipt says that it may have gone out twice": (
        "no message has two texts at the provider",
        "INSERT INTO history (at, message_id, what) VALUES (now(), 1, 'possible duplicate')",
    ),
    "it was sent after its use": (
        "nothing was sent before its time or after its use",
        "UPDATE messages SET ended_at = expires_at + interval '4 min' WHERE id = 1",
    ),
    "it is due and its retry was due long ago": (
        "no message that is due waits for more than ten minutes without a reason",
        "UPDATE messages SET due_at = now() - interval '1 h', retry_at = now() - interval '20 min' WHERE id = 2",
    ),
}
STILL_HOLDS = {
    "a clinic is paused": "UPDATE messages SET due_at = now() - interval '1 h' WHERE id = 2; INSERT INTO pauses (scope, cause) VALUES ('clinic:harbor', 'operator')",
    "it is held for a reason": "UPDATE messages SET due_at = now() - interval '1 h', state = 'held', reason = 'window' WHERE id = 2",
    "its retry is not due": "UPDATE messages SET due_at = now() - interval '1 h', retry_at = now() + interval '1 min' WHERE id = 2",
    "the opt-out came after": "INSERT INTO suppressions (sender, number, kind, since, how) VALUES ('x', '\\x01', 'all', now(), 'keyword')",
    "the plan is on its way": "UPDATE booking_events.patients SET plan_revision = 8; INSERT INTO booking_events.history (at, patient_ref, what) VALUES (now(), 'pt_1', 'planned')",
    "it was wanted again": "INSERT INTO history (at, message_id, what) VALUES (now() - interval '1 h', 1, 'no longer wanted')",
    "it was wanted again, sent, and then became untrue": "UPDATE messages SET wanted = false WHERE id = 1; INSERT INTO history (at, message_id, what) VALUES (now() + interval '1 min', 1, 'no longer wanted'), (now() + interval '2 min', 1, 'wanted again'), (now() + interval '3 min', 1, 'sending')",
    "a text has just come": "INSERT INTO inbound (provider_reference, clinic_id, number, sender, content, handled_as, received_at) VALUES ('SM9', 'harbor', '', 'x', '', 'none', now())",
    "a case is paged again in time": f"{CASE}; {WORDS}",
    "somebody has taken a case on": f"{CASE}; {WORDS}; UPDATE followup.cases SET next_page_at = NULL, acknowledged_at = now()",
    "a check-in waits for its time": CHECKIN.format(next_at="now() + interval '1 d'"),
    "a retry after a failure that left nothing behind": "INSERT INTO attempts (token, message_id, number_of_attempt, started_at, body_hash) VALUES ('t2', 1, 2, now(), '')",
}

HEALTHY = """
INSERT INTO booking_events.patients (patient_ref, clinic_id, contact, as_of, plan_revision) VALUES ('pt_1', 'harbor', '', now(), 7);
INSERT INTO plans (subject, revision, applied_at) VALUES ('reminders:pt_1', 7, now());
INSERT INTO recipients (recipient_id, clinic_id, patient_ref, contact, number, as_of) VALUES ('r', 'harbor', 'pt_1', '', '\\x01', now());
INSERT INTO messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent, priority, state, send_at,
                      expires_at, due_at, number, provider_reference, receipt, outcome, ended_at)
VALUES ('reminders:pt_1', 'sent', 'sms', 'harbor', 'pt_1', 'r', 'confirmation', false, 5, 'sent', now() - interval '10 min',
        now() + interval '1 h', now() - interval '10 min', '\\x01', 'SM1', 'sent', 'sent', now() - interval '9 min'),
       ('reminders:pt_1', 'planned', 'sms', 'harbor', 'pt_1', 'r', 'reminder_near', false, 4, 'planned', now() + interval '1 d',
        now() + interval '2 d', now() + interval '1 d', NULL, NULL, NULL, NULL, NULL);
INSERT INTO attempts (token, message_id, number_of_attempt, started_at, body_hash, provider_reference) VALUES ('t1', 1, 1, now(), '', 'SM1');
INSERT INTO receipts (provider_reference, status, received_at) VALUES ('SM1', 'queued', now()), ('SM1', 'sent', now());
INSERT INTO history (at, message_id, what) VALUES (now() - interval '10 min', 1, 'sending'), (now() - interval '9 min', 1, 'sent');
"""


@pytest.fixture
def healthy(database_url, monkeypatch):
    """A database as a healthy system leaves it."""
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", database_url)
    run(database_url, HEALTHY)
    return database_url


def run(url, statements):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = notifier")
        connection.execute(statements.encode())


def failures(capsys):
    lines = capsys.readouterr().out.splitlines()
    return [line.removeprefix("FAIL").strip() for line in lines if line.startswith("FAIL")]


def test_each_invariant_has_something_here_that_breaks_it():
    assert set(BREAKS) == {invariant.sentence for invariant in INVARIANTS}


async def test_a_healthy_system_passes(healthy, capsys):
    assert await verify(settle_s=0) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(INVARIANTS)


@pytest.mark.parametrize(
    ("sentence", "statements"), [*BREAKS.items(), *ALSO_BREAKS.values()], ids=[*BREAKS, *ALSO_BREAKS]
)
async def test_it_fails_when_this_is_broken(healthy, capsys, sentence, statements):
    run(healthy, statements)
    assert await verify(settle_s=0) == 1
    assert failures(capsys) == [sentence]


@pytest.mark.parametrize("statements", STILL_HOLDS.values(), ids=STILL_HOLDS)
async def test_it_does_not_cry_wolf(healthy, capsys, statements):
    run(healthy, statements)
    assert await verify(settle_s=0) == 0, failures(capsys)


async def test_what_is_only_on_its_way_is_not_reported(healthy, capsys):
    run(healthy, BREAKS["the notifier has every plan of reminders within two minutes"])
    checking = asyncio.create_task(verify(settle_s=1.0))
    await asyncio.sleep(0.2)
    run(healthy, "UPDATE plans SET revision = 8")
    assert await checking == 0, failures(capsys)


async def test_it_changes_nothing(healthy):
    async with await connect_as_owner(healthy, read_only=True) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("DELETE FROM notifier.messages")
