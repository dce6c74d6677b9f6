"""When things break for hours: what is stale is dropped with a reason, the rest goes out in the order of its deadlines."""

from datetime import timedelta

from tests.chaos.oracle import Impairment
from tests.chaos.reading import Kind, read
from tests.stories.telling import at
from tests.waiting import until

AFTER = at("2026-12-20 12:00")


async def test_a_provider_that_is_away_past_a_whole_mornings_deadlines(story):
    """R9: at half past nine the reminders of visits before half past one are useless, the others go, nearest first."""
    hours = (16, 9, 14, 11, 13, 15)
    for hour in hours:
        await story.book(story.patient(hour), f"bk_{hour}", at(f"2026-12-01 {hour:02d}:00"), kind="consultation")
    await story.until(at("2026-11-30 08:30"))
    began, heard = story.now, len(story.texts)
    story.rooms.sandbox.faults.add({"kind": "429", "seconds": 1})
    story.rooms.sender._slots = 1  # one call at a time, so that the order can be seen
    await story.until(at("2026-12-01 09:30"))
    story.impaired.append(Impairment(began, story.now))
    assert len(story.texts) == heard
    story.rooms.sandbox.faults.clear()

    async def drained():
        await story.send()
        return not await story.rooms.rows(
            "SELECT 1 FROM notifier.messages WHERE state IN ('planned', 'held') AND due_at <= %s", story.now
        )

    await until(drained, what="everything that was due is settled")
    assert [int(text.to[-2:]) for text in story.texts[heard:]] == [14, 15, 16]
    ended = [value for key, value in (await story.outcomes()).items() if key.startswith("reminder:24h")]
    assert sorted(outcome for outcome, _ in ended) == ["dropped", "dropped", "dropped", "sent", "sent", "sent"]
    assert all(reason for outcome, reason in ended if outcome == "dropped")
    await story.end(AFTER)


async def test_after_an_outage_the_nearest_deadline_goes_first(story):
    starts = [at("2026-12-01 13:00"), at("2026-12-01 10:00"), at("2026-12-01 16:00"), at("2026-12-01 11:30")]
    for number, start in enumerate(starts, start=1):
        await story.book(story.patient(number), f"bk_{number}", start, kind="consultation")
    await story.until(at("2026-11-30 09:59"))
    story.rooms.sender._slots = 1  # one call at a time, so that the order can be seen
    await story.jump(at("2026-11-30 18:00"))
    near = [text.to[-1] for text in story.texts if read(text.body).kind is Kind.NEAR]
    assert near == ["2", "4", "1", "3"]
    await story.end(AFTER)


async def test_everything_was_down_past_the_deadlines(story):
    patient, later = story.patient(1), story.patient(2)
    await story.book(patient, "bk_1", at("2026-12-01 10:00"))
    await story.book(later, "bk_2", at("2026-12-01 16:00"), kind="consultation")
    await story.until(at("2026-11-30 09:00"))
    await story.jump(at("2026-12-01 10:30"))
    await story.end(AFTER)
    outcomes = await story.outcomes()
    assert outcomes["reminder:24h:2026-12-01T15:00Z"] == ("dropped", "expired")
    assert outcomes["reminder:24h:2026-12-01T21:00Z"] == ("sent", None)


async def test_stop_in_the_middle(story):
    patient, other = story.patient(1), story.patient(2)
    for number, one in enumerate((patient, other), start=1):
        await story.book(one, f"bk_{number}", at("2026-12-04 10:00"))
    await story.until(at("2026-12-02 12:00"))
    await story.stop(patient)
    await story.send()
    await story.move(patient, "bk_1", at("2026-12-07 10:00"), 2)
    await story.end(AFTER)
    assert [read(text).kind for text in story.said_to(patient)] == [Kind.CONFIRMED, Kind.FAR, Kind.OPTED_OUT]
    assert len(story.said_to(other)) == 3
    reasons = {
        value
        for key, value in (await story.outcomes()).items()
        if key.startswith(("moved:", "reminder:24h:2026-12-07"))
    }
    assert reasons == {("dropped", "opted_out")}


async def test_bad_credentials_hold_everything_and_let_it_go_on(story):
    patients = [story.patient(number) for number in range(1, 6)]
    for number, patient in enumerate(patients):
        await story.book(patient, f"bk_{number}", at("2026-12-04 10:00"))
    story.rooms.sandbox.faults.add({"kind": "401"})
    await story.until(story.now + timedelta(minutes=1))
    asked = [entry for entry in story.rooms.sandbox.ledger.entries if entry["kind"] == "create"]
    assert len(asked) <= len(patients), "nobody keeps asking with a wrong password"
    assert story.texts == []
    story.rooms.sandbox.faults.clear()

    async def resumed():
        await story.send()
        return len(story.texts) == len(patients)

    await until(resumed)
    await story.end(AFTER)
    assert all(len(story.said_to(patient)) == 3 for patient in patients)
