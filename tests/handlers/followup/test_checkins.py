"""Check-ins: asked when due, over days, twice, out of order; answered events without free text."""

from datetime import timedelta

import pytest

from shared.clinics.model import CheckIns
from shared.messages import checkin, outcome
from tests.builders import example_clinics, ny
from tests.followup_room import ANA, open_followup

FRIDAY = "2026-12-04 12:10"
ITEMS = """SELECT answers.item, value FROM followup.answers JOIN followup.checkins USING (checkin_id)
            WHERE moment = 'week_1' ORDER BY answers.item"""


async def got_home(room):
    """Ana has said that she got home."""
    await room.infused(FRIDAY)
    await room.until("2026-12-04 16:10")
    await room.send()
    await room.reply("1")
    room.published.clear()


async def asked_about_mood(room):
    """Ana was asked on Saturday at 12:10 how she feels."""
    await got_home(room)
    await room.until("2026-12-05 12:10")
    room.clock.advance(timedelta(seconds=2))
    await room.send()


async def test_home_safe_is_asked_four_hours_after_the_end_and_answered_with_advice(room):  # R5, 1.3
    await room.infused(FRIDAY)
    await room.until("2026-12-04 16:09")
    assert room.plans("checkins:") == []
    await room.until("2026-12-04 16:10")
    (plan,) = room.plans("checkins:")
    (message,) = plan["messages"]
    assert (message["template"], message["purpose"]) == ("home_safe", "home_safe")
    assert message["expects"]["grammar"] == "home_safe_1_2"
    await room.send()
    await room.reply("1")
    assert room.answers() == ["home_safe_noted"]
    assert [event["items"] for event in room.of(checkin.COMPLETED)] == [[1.0]]


async def test_two_to_home_safe_pages_a_nurse(room):  # 3.2 M
    await room.infused(FRIDAY)
    await room.until("2026-12-04 16:10")
    await room.send()
    await room.reply("2")
    (case,) = await room.rows("SELECT tier, rules, paged FROM followup.cases WHERE NOT is_drill")
    assert (case["tier"], case["rules"], case["paged"]) == ("M", ["not_home_safe"], ["lind"])
    assert room.texts("safety:") == ["safety_medical"]


async def test_silence_after_home_safe_asks_somebody_to_phone(room):
    await room.infused(FRIDAY)
    await room.until("2026-12-04 16:10")
    await room.send()
    await room.until("2026-12-04 23:00")
    await room.until("2026-12-04 23:01")
    assert "home_safe_by_phone" in await room.tasks()
    assert [event["reason"] for event in room.of(checkin.EXPIRED)] == ["no_response"]


async def test_a_late_infusion_asks_somebody_to_phone_instead(room):  # R5
    await room.until("2026-12-04 18:45")
    await room.infused("2026-12-04 18:40")
    assert await room.tasks() == ["home_safe_by_phone"]


async def test_a_mood_is_asked_answered_and_told_without_words(room):  # I1, I11
    await asked_about_mood(room)
    room.clock.advance(timedelta(minutes=20))
    await room.reply("6")
    (answered,), (completed,) = room.of(checkin.ANSWERED), room.of(checkin.COMPLETED)
    assert answered["value"] == 6
    assert (answered["latency_s"], answered["instrument"], answered["moment"]) == (1200, "mood", "day_1")
    assert completed["score"]["total"] == 6
    assert completed["score"]["direction"] == "higher_is_better"
    assert room.answers() == ["answer_noted"]
    assert "text" not in answered
    assert await room.tasks() == []


async def test_the_same_delivery_and_the_same_text_twice_count_once(room):
    await asked_about_mood(room)
    envelope = await room.reply("6")
    await room.again(envelope)
    room.clock.advance(timedelta(minutes=1))
    await room.reply("6")
    assert len(room.of(checkin.ANSWERED)) == 1
    assert room.answers() == ["answer_noted"]


async def test_another_number_within_ten_minutes_corrects(room):
    await asked_about_mood(room)
    await room.reply("6")
    room.clock.advance(timedelta(minutes=9))
    await room.reply("4")
    assert [(event["value"], event["corrected"]) for event in room.of(checkin.ANSWERED)] == [(6, False), (4, True)]
    assert [event["score"]["total"] for event in room.of(checkin.COMPLETED)] == [6, 4]
    (row,) = await room.rows(
        "SELECT value, replaced FROM followup.answers JOIN followup.checkins USING (checkin_id) WHERE moment = 'day_1'"
    )
    assert (row["value"], [one["value"] for one in row["replaced"]]) == (4, [6])
    assert room.answers() == ["answer_noted", "answer_changed"]


async def test_a_number_long_after_is_not_counted_and_a_person_reads_it(room):
    await asked_about_mood(room)
    await room.reply("6")
    room.clock.advance(timedelta(hours=3))
    await room.reply("4")
    assert len(room.of(checkin.ANSWERED)) == 1
    assert "reply_to_read" in await room.tasks()


async def test_a_low_mood_opens_a_case_for_the_same_day_and_pages_nobody(room):  # I7, 3.2 S3
    await asked_about_mood(room)
    await room.reply("2")
    (case,) = await room.rows("SELECT tier, rules, paged, acknowledge_by FROM followup.cases WHERE NOT is_drill")
    assert (case["tier"], case["rules"], case["paged"]) == ("S3", ["low_mood"], [])
    assert case["acknowledge_by"] == ny("2026-12-07 17:00")  # Saturday: the next business day
    assert room.answers() == ["answer_noted_low"]
    assert room.texts("pages:case") == []


async def test_an_unreadable_answer_is_asked_again_once_then_a_person_reads(room):
    await asked_about_mood(room)
    await room.reply("not great")
    (plan,) = room.plans("checkins:")
    assert plan["messages"][0]["values"]["variant"] == "again"
    assert await room.tasks() == []
    await room.reply("meh")
    await room.reply("meh!")
    assert room.answers() == ["passed_on"]
    assert "reply_to_read" in await room.tasks()
    await room.reply("5")
    assert [event["value"] for event in room.of(checkin.ANSWERED)] == [5]


async def test_no_answer_is_asked_once_more_and_then_closed_without_a_score(room):  # R11, I9
    await asked_about_mood(room)
    await room.until("2026-12-05 17:11")
    (plan,) = room.plans("checkins:")
    assert plan["messages"][0]["values"]["variant"] == "nudge"
    await room.send()
    await room.until("2026-12-06 12:11")
    assert [event["reason"] for event in room.of(checkin.EXPIRED)] == ["no_response"]
    assert room.of(checkin.COMPLETED) == []
    assert await room.rows("SELECT 1 FROM followup.scores") == []


async def test_a_question_that_was_not_sent_is_not_awaited(room):
    await got_home(room)
    await room.until("2026-12-05 12:10")
    await room.send(event=outcome.DROPPED, reason="opted_out")
    (row,) = await room.rows("SELECT status, reason FROM followup.checkins WHERE moment = 'day_1'")
    assert (row["status"], row["reason"]) == ("dropped", "not_sent")


async def test_without_consent_nothing_is_asked(room):
    await room.infused(FRIDAY, consent=False)
    await room.until("2026-12-05 12:10")
    assert room.plans("checkins:") == []


async def test_a_voided_infusion_takes_its_check_ins_back(room):
    await asked_about_mood(room)
    await room.infused(FRIDAY, voided=[FRIDAY])
    (plan,) = room.plans("checkins:")
    assert plan["messages"] == []
    assert len(plan["closed_prompts"]) == 3  # the question, its nudge and its second asking
    rows = await room.rows("SELECT DISTINCT reason FROM followup.checkins WHERE status = 'dropped'")
    assert {"voided"} <= {row["reason"] for row in rows}


async def test_an_older_snapshot_changes_nothing(room):
    await room.infused(FRIDAY)
    newest = await room.rows("SELECT count(*) AS n FROM followup.checkins")
    room.serial -= 1
    await room.infused()
    assert await room.rows("SELECT count(*) AS n FROM followup.checkins") == newest


async def test_a_clinic_chooses_what_it_asks_and_when(database_url, sealer):  # I1, I2
    clinics = example_clinics()
    harbor = clinics.clinics["harbor"].model_copy(update={"checkins": CheckIns(day_3="nothing", week_1="gad2")})
    chosen = clinics.model_copy(update={"clinics": {**clinics.clinics, "harbor": harbor}})
    async with open_followup(database_url, sealer, clinics=chosen) as room:
        await got_home(room)
        moments = {row["moment"] for row in await room.rows("SELECT moment FROM followup.checkins")}
        assert moments == {"home_safe", "day_1", "week_1", "week_2", "week_3"}
        await room.until("2026-12-11 12:00")
        room.published.clear()
        await room.until("2026-12-11 12:10")
        await answer_items(room, ["2", "nearly every day"])
        (completed,) = room.of(checkin.COMPLETED)
        assert (completed["instrument"], completed["items"]) == ("gad2", [2, 3])
        assert (completed["score"]["total"], completed["score"]["band"]) == (5, "positive")


async def questionnaire(room, *, kept=True):
    await room.assessed([2, 2, 2, 2, 2, 2, 2, 1, 1])
    await got_home(room)
    await room.until("2026-12-11 12:00")
    if kept:
        await room.acknowledge_test_page()
    room.published.clear()
    await room.until("2026-12-11 12:10")


async def answer_items(room, answers):
    for answer in answers:
        room.clock.advance(timedelta(seconds=5))
        await room.send()
        room.clock.advance(timedelta(seconds=20))
        await room.reply(answer)


async def test_a_questionnaire_asks_one_item_per_text_and_is_scored_beside_the_baseline(room):  # I1, I5, I8
    await questionnaire(room)
    await answer_items(room, ["1", "0", "1", "1", "0", "0", "0", "0"])
    (plan,) = room.plans("checkins:")
    (message,) = plan["messages"]
    assert (message["values"]["item"], message["expects"]["grammar"]) == (9, "phq9_item9_0_3")
    assert ny("2026-12-11 12:10") < room.clock.now()
    await answer_items(room, ["0"])
    (completed,) = room.of(checkin.COMPLETED)
    assert (completed["instrument"], completed["items"]) == ("phq9", [1, 0, 1, 1, 0, 0, 0, 0, 0])
    wanted = {"total": 3, "band": "minimal", "baseline_total": 16, "change_abs": -13, "trend": "improved"}
    assert {key: completed["score"][key] for key in wanted} == wanted
    assert (completed["score"]["response"], completed["score"]["remission"]) == (True, True)
    assert len(room.of(checkin.ANSWERED)) == 9


async def test_the_sensitive_item_may_wait_for_a_quarter_of_an_hour_only(room):  # 3.4
    await questionnaire(room)
    await answer_items(room, "10110000")
    (plan,) = room.plans("checkins:")
    expires = plan["messages"][0]["expires_at"]
    assert expires.startswith((room.clock.now() + timedelta(minutes=15)).isoformat()[:16])
    await room.send(event=outcome.DROPPED, reason="outside_window")
    (completed,) = room.of(checkin.COMPLETED)
    assert (completed["instrument"], completed["score"]["baseline_total"]) == ("phq8", 15)
    assert room.answers() == ["answer_noted"]


async def test_a_questionnaire_takes_one_slot_of_the_week_by_its_first_question(room):  # R7, DESIGN.md section 2
    await questionnaire(room)
    (first,) = room.plans("checkins:")
    await answer_items(room, "1")
    (second,) = room.plans("checkins:")
    purposes = [plan["messages"][0]["purpose"] for plan in (first, second)]
    assert purposes == ["checkin", "questionnaire_item"]


@pytest.mark.parametrize("kept", [True, False])
async def test_without_an_answered_test_page_the_questionnaire_has_eight_items(room, kept):  # 3.4, I1
    await questionnaire(room, kept=kept)
    (plan,) = room.plans("checkins:")
    assert plan["messages"][0]["values"]["instrument"] == ("phq9" if kept else "phq8")


async def test_two_answers_to_one_item_do_not_spill_into_the_next(room):
    await questionnaire(room)
    await room.send()
    room.clock.advance(timedelta(seconds=10))
    await room.reply("1")
    await room.reply("1")  # impatience: the second question is not out yet
    await room.send()
    room.clock.advance(timedelta(seconds=10))
    await room.reply("3")
    values = await room.rows(ITEMS)
    assert [(row["item"], row["value"]) for row in values] == [(1, 1), (2, 3)]


async def test_replies_that_overtake_each_other_keep_the_later_one(room):
    await questionnaire(room)
    await room.send()
    first, second = room.clock.now() + timedelta(seconds=10), room.clock.now() + timedelta(seconds=12)
    room.clock.advance(timedelta(seconds=15))
    await room.reply("2", received_at=second.isoformat())
    await room.send()
    await room.reply("1", received_at=first.isoformat())
    values = await room.rows(ITEMS)
    assert [(row["item"], row["value"]) for row in values] == [(1, 2)]


async def test_words_of_danger_stop_the_questions(room):  # S-3
    await questionnaire(room)
    await room.send()
    await room.reply("1 but I want to die")
    assert [plan["messages"] for plan in room.plans("checkins:")] == [[]]
    assert [event["reason"] for event in room.of(checkin.EXPIRED)] == ["case_open"]
    (case,) = await room.rows("SELECT tier FROM followup.cases WHERE NOT is_drill")
    assert case["tier"] == "S1"


async def test_an_unfinished_questionnaire_expires_after_a_day_with_its_answers_and_no_total(room):  # I9
    await questionnaire(room)
    await answer_items(room, ["1", "2"])
    await room.send()
    await room.until("2026-12-12 12:12")
    await room.until("2026-12-12 12:13")
    (expired,) = room.of(checkin.EXPIRED)
    assert expired["items"][:3] == [1, 2, None]
    assert room.of(checkin.COMPLETED) == []


async def test_a_shared_number_gives_the_answer_to_the_newest_question_and_says_so(room):
    await room.infused("2026-12-04 12:10", patient=ANA)
    await room.infused("2026-12-04 12:40", patient="pt_ben")
    await room.until("2026-12-05 12:10")
    await room.send()
    await room.until("2026-12-05 12:40")
    await room.send()
    room.clock.advance(timedelta(minutes=1))
    await room.reply("7", patients=(ANA, "pt_ben"))
    (answered,) = room.of(checkin.ANSWERED)
    assert answered["patient_ref"] == "pt_ben"
    assert answered["parse_confidence"] <= 0.5
    assert "who_answered" in await room.tasks()


async def test_followup_down_for_an_hour_loses_no_answer_and_counts_when_it_came(room):
    await asked_about_mood(room)
    came = room.clock.now() + timedelta(minutes=3)
    room.clock.advance(timedelta(hours=1))
    await room.reply("8", received_at=came.isoformat())
    (answered,) = room.of(checkin.ANSWERED)
    assert answered["latency_s"] == 180


async def test_a_reply_that_overtakes_the_news_of_its_question_counts(room):
    await got_home(room)
    await room.until("2026-12-05 12:10")
    (plan,) = room.plans("checkins:")
    key = plan["messages"][0]["key"]
    sent_at = room.clock.now() + timedelta(seconds=1)
    room.clock.advance(timedelta(seconds=9))
    prompt = {
        "subject": plan["subject"],
        "key": key,
        "expects": "mood_0_10",
        "sent_at": sent_at.isoformat(),
        "answer_until": (sent_at + timedelta(days=1)).isoformat(),
    }
    await room.reply("7", open_prompts=[prompt])
    assert [event["latency_s"] for event in room.of(checkin.ANSWERED)] == [8]


async def test_a_late_answer_to_a_closed_question_is_answered_and_not_counted(room):
    await asked_about_mood(room)
    await room.until("2026-12-06 12:13")
    await room.until("2026-12-06 12:14")
    room.published.clear()
    await room.reply("7")
    assert room.answers() == ["question_closed"]
    assert room.of(checkin.ANSWERED) == []
    assert "reply_to_read" in await room.tasks()


async def test_a_late_answer_to_the_last_item_still_reaches_a_person(room):  # S-1, 3.2
    await questionnaire(room)
    await answer_items(room, "10110000")
    await room.send()
    await room.until("2026-12-12 12:12")
    await room.until("2026-12-12 12:13")
    assert "last_item_unanswered" in await room.tasks()
    await room.reply("3")
    (case,) = await room.rows("SELECT tier FROM followup.cases WHERE NOT is_drill")
    assert case["tier"] == "S1"


async def test_one_patient_for_whom_something_fails_stops_nobody_else(room):
    await room.infused(FRIDAY, patient="pt_broken")
    await room.infused(FRIDAY, patient=ANA)
    async with room.database.transaction() as connection:
        await connection.execute("UPDATE patients SET contact = 'broken' WHERE patient_ref = 'pt_broken'")
    await room.until("2026-12-04 16:10")
    assert [plan["patient_ref"] for plan in room.plans("checkins:")] == [ANA]
    (row,) = await room.rows(
        "SELECT next_at FROM followup.checkins WHERE patient_ref = 'pt_broken' AND moment = 'home_safe'"
    )
    assert row["next_at"] == ny("2026-12-04 16:25")


@pytest.mark.parametrize(
    ("text", "value", "other_end"),
    [
        ("I'm at a 4 today", 4, None),
        ("ocho y medio", 8.5, None),
        ("5 or 6", 5, 6),  # the worse end counts, the other is kept
        ("this couch is killing my back, 6", 6, None),
    ],
)
async def test_an_answer_in_words_is_an_answer(room, text, value, other_end):
    await asked_about_mood(room)
    await room.reply(text)
    (answered,) = room.of(checkin.ANSWERED)
    assert (answered["value"], answered.get("value_to")) == (value, other_end)
    assert await room.rows("SELECT 1 FROM followup.cases WHERE NOT is_drill") == []


async def test_a_number_never_hides_words(room):  # S-3
    await asked_about_mood(room)
    await room.reply("7 but I have a plan to end my life")
    assert [event["value"] for event in room.of(checkin.ANSWERED)] == [7]
    (case,) = await room.rows("SELECT tier FROM followup.cases WHERE NOT is_drill")
    assert case["tier"] == "S1"
    assert room.answers() == []  # the safety texts are the answer


@pytest.mark.parametrize(("text", "tier"), [("1", "S2"), ("2", "S1"), ("kind of", "S2"), ("yes", "S1")])
async def test_the_last_item_pages_or_lists(room, text, tier):  # 3.2
    await questionnaire(room)
    await answer_items(room, "10110000")
    await answer_items(room, [text])
    (case,) = await room.rows("SELECT tier FROM followup.cases WHERE NOT is_drill")
    assert case["tier"] == tier
