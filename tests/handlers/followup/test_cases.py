"""Safety: a person in danger reaches a named human, against a clock, whatever else is going on."""

from datetime import timedelta

import pytest

from shared.kernel.errors import PermanentError
from shared.messages import outcome, reading, safety
from tests.builders import ny
from tests.followup_room import ABARA, ANA, DESK, LIND, OSEI

CRISIS = "I want to die"
CASES = "SELECT * FROM followup.cases WHERE NOT is_drill ORDER BY opened_at"
ABOUT_VISIT = {
    "subject": f"reminders:{ANA}",
    "key": "near",
    "expects": "confirm_c_r",
    "sent_at": ny("2026-12-04 10:00").isoformat(),
    "answer_until": ny("2026-12-05 10:00").isoformat(),
}


def paged(room):
    """Return who was paged since, in order, with the channels."""
    return [
        (plan["recipient"]["phone"], [message["channels"][0] for message in plan["messages"]])
        for plan in room.take_plans("pages:case")
        if plan["messages"]
    ]


async def test_a_crisis_text_is_answered_at_once_and_pages_the_person_on_call(room):  # 3.2 S1, S-1, S-9, 3.5
    await room.reply(CRISIS)
    (raised,) = room.of(safety.RAISED)
    assert (raised["tier"], raised["automatic_text"], raised["rules"]) == ("S1", "planned", ["en.intent"])
    assert CRISIS not in str(raised)
    (plan,) = room.plans("safety:")
    assert [message["template"] for message in plan["messages"]] == ["safety_crisis", "safety_alerted"]
    assert plan["messages"][1]["after"] == plan["messages"][0]["key"]
    assert {message["urgency"] for message in plan["messages"]} == {"urgent"}
    assert plan["recipient"]["reply_to"] == "number:ana"
    pages = room.plans("pages:")
    assert [page["recipient"]["phone"] for page in pages] == [OSEI]
    assert CRISIS not in str(pages)
    assert ANA not in str([page["messages"] for page in pages])
    times = [message["send_at"] for message in pages[0]["messages"]]
    assert [message["channels"] for message in pages[0]["messages"]] == [["sms"], ["voice"], ["voice"]]
    assert times == sorted(times)
    assert room.answers() == []


async def test_nobody_answers_so_the_next_people_are_paged_until_it_is_an_incident(room):  # 3.2
    start = room.clock.now()
    await room.reply(CRISIS)
    assert [phone for phone, _ in paged(room)] == [OSEI]
    await room.until(start + timedelta(minutes=14, seconds=59))
    assert paged(room) == []
    await room.until(start + timedelta(minutes=15))
    assert [phone for phone, _ in paged(room)] == [LIND]
    await room.until(start + timedelta(minutes=30))
    assert [phone for phone, _ in paged(room)] == [ABARA, DESK]
    await room.until(start + timedelta(minutes=60))
    assert sorted(phone for phone, _ in paged(room)) == [OSEI, LIND, ABARA, DESK]
    await room.until(start + timedelta(minutes=90))
    assert len(paged(room)) == 4
    case_id = room.of(safety.RAISED)[0]["case"]
    escalated = [event for event in room.of(safety.ESCALATED) if event["case"] == case_id]
    assert [(event["step"], event["incident"]) for event in escalated] == [(1, False), (2, False), (3, True), (4, True)]


@pytest.mark.parametrize("how", ["reply", "phone_key", "command"])
async def test_a_named_person_takes_it_on_and_paging_stops(room, how):
    await room.reply(CRISIS)
    (page,) = room.take_plans("pages:")
    room.clock.advance(timedelta(minutes=3))
    if how == "reply":
        await room.reply("ok", patients=(), reply_to="number:osei", phone=OSEI)
    elif how == "phone_key":
        await room.take(
            safety.PAGE_ANSWERED,
            {
                "clinic_id": "harbor",
                "subject": page["subject"],
                "key": page["messages"][1]["key"],
                "channel": "voice",
                "answered_at": room.clock.now().isoformat(),
            },
        )
    else:
        case = room.of(safety.RAISED)[0]["case"]
        await room.take(safety.ACKNOWLEDGE, {"clinic_id": "harbor", "case": case, "who": "Dr. Osei"})
    (event,) = room.of(safety.ACKNOWLEDGED)
    assert (event["who"], event["how"], event["after_s"]) == ("Dr. Osei", how, 180)
    assert [plan["messages"] for plan in room.take_plans("pages:")] == [[]]  # what has not left is taken back
    await room.until(room.clock.now() + timedelta(hours=2))
    assert paged(room) == []


async def test_a_page_that_does_not_arrive_pages_the_next_person_at_once(room):
    await room.reply(CRISIS)
    (page,) = room.take_plans("pages:")
    await room.outcome(page, page["messages"][0]["key"], event=outcome.FAILED, reason="30005")
    await room.tick()
    assert [phone for phone, _ in paged(room)] == [LIND]


async def test_one_open_case_per_patient_that_rises_and_never_falls(room):  # S-5, S-7
    await room.reply(CRISIS)
    room.clock.advance(timedelta(minutes=1))
    await room.reply("kms")
    (case,) = await room.rows(CASES)
    assert case["tier"] == "S1"
    assert len(room.texts("safety:")) == 2  # once in four hours
    assert len(await room.rows("SELECT 1 FROM followup.case_words")) == 2
    room.clock.advance(timedelta(hours=4))
    await room.reply("kms")
    assert len(room.texts("safety:")) == 4


async def test_a_listed_case_that_becomes_a_crisis_pages_anew_even_when_somebody_has_it(room):  # S-5
    await room.infused("2026-12-04 12:10")
    await room.until("2026-12-05 12:10")
    await room.send()
    await room.reply("1")
    (case,) = await room.rows(CASES)
    assert (case["tier"], case["step"]) == ("S3", 0)
    await room.take(safety.ACKNOWLEDGE, {"clinic_id": "harbor", "case": case["case_id"], "who": "Nurse Lind"})
    room.published.clear()
    await room.reply(CRISIS)
    (case,) = await room.rows(CASES)
    assert (case["tier"], case["acknowledged_by"]) == ("S1", None)
    assert len(paged(room)) == 1


async def test_more_words_in_a_case_that_somebody_has_reach_that_person(room):
    await room.reply(CRISIS)
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI)
    room.published.clear()
    room.clock.advance(timedelta(minutes=20))
    await room.reply("kms")
    (plan,) = room.plans("pages:")
    assert (plan["recipient"]["phone"], plan["messages"][0]["values"]["variant"]) == (OSEI, "more")


async def test_a_case_closes_with_a_disposition_only_and_opens_anew_after(room):  # S-6
    await room.reply(CRISIS)
    case = room.of(safety.RAISED)[0]["case"]
    await room.take(
        safety.CLOSE, {"clinic_id": "harbor", "case": case, "who": "Dr. Osei", "disposition": "reached_safe"}
    )
    (closed,) = room.of(safety.CLOSED)
    assert (closed["who"], closed["disposition"]) == ("Dr. Osei", "reached_safe")
    with pytest.raises(PermanentError, match=r"data\.disposition"):
        await room.take(safety.CLOSE, {"clinic_id": "harbor", "case": case, "who": "Dr. Osei", "disposition": "fine"})
    await room.reply(CRISIS)
    assert len(await room.rows(CASES)) == 2


async def test_a_command_for_no_such_case_is_refused_by_the_name_of_the_field(room):
    with pytest.raises(PermanentError, match=r"data\.case"):
        await room.take(safety.ACKNOWLEDGE, {"clinic_id": "harbor", "case": "case-0", "who": "Dr. Osei"})


@pytest.mark.parametrize("keyword", ["opt_out", "help", "opt_in"])
async def test_keywords_hide_no_distress(room, keyword):  # S-1, S-2
    await room.reply(CRISIS, handled_as=keyword)
    assert [event["tier"] for event in room.of(safety.RAISED)] == ["S1"]


async def test_after_an_opt_out_the_text_is_blocked_and_a_person_phones(room):  # 3.3
    await room.reply(CRISIS, handled_as="opt_out")
    assert [event["automatic_text"] for event in room.of(safety.RAISED)] == ["blocked_opt_out"]
    assert room.plans("safety:") == []
    assert set(await room.tasks()) == {"phone_the_patient"}


async def test_a_safety_text_that_the_number_does_not_take_makes_a_person_phone(room):  # 3.3
    await room.reply(CRISIS)
    (plan,) = room.plans("safety:")
    for message in plan["messages"]:
        await room.outcome(plan, message["key"], event=outcome.DROPPED, reason="blocked_opt_out")
    (case,) = await room.rows(CASES)
    assert case["automatic_text"] == "blocked_opt_out"
    assert set(await room.tasks()) == {"phone_the_patient"}


async def test_a_stranger_in_danger_is_a_case_too(room):  # S-1: an unknown number
    await room.reply(CRISIS, patients=(), reply_to="number:stranger", phone="+12125559999")
    (case,) = await room.rows(CASES)
    assert (case["patient_ref"], case["thread"]) == (None, "number:stranger")
    assert room.plans("safety:")[0]["recipient"]["phone"] == "+12125559999"


async def test_a_shared_number_in_danger_is_one_case_that_names_both(room):
    await room.reply(CRISIS, patients=(ANA, "pt_ben"))
    (case,) = await room.rows(CASES)
    assert case["patient_ref"] is None
    (words,) = await room.rows("SELECT candidates FROM followup.case_words")
    assert words["candidates"] == [ANA, "pt_ben"]


async def test_at_a_clinic_without_a_roster_the_text_promises_nobody(room):
    await room.reply(CRISIS, clinic_id="mesa", candidates=[], patients=())
    assert room.texts("safety:") == ["safety_crisis"]
    assert room.plans("pages:") == []


async def test_the_test_page_goes_out_once_per_shift_and_is_over_with_its_answer(room):  # S-10
    await room.tick()
    await room.tick()
    (page,) = room.take_plans("pages:test")
    assert (page["recipient"]["phone"], page["messages"][0]["values"]["drill"]) == (OSEI, True)
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI)
    (row,) = await room.rows("SELECT acknowledged_by, disposition FROM followup.cases WHERE is_drill")
    assert (row["acknowledged_by"], row["disposition"]) == ("Dr. Osei", "drill")
    await room.until("2026-12-04 20:00")
    assert [plan["recipient"]["phone"] for plan in room.take_plans("pages:test") if plan["messages"]] == [ABARA]


async def test_a_missed_test_page_reaches_operations(room):  # S-10
    await room.tick()
    room.take_plans("pages:")
    for minutes in (15, 15, 30, 30):
        await room.until(room.clock.now() + timedelta(minutes=minutes))
    phones = [plan["recipient"]["phone"] for plan in room.plans("pages:test")]
    assert phones == [LIND, ABARA, DESK]
    assert await room.tasks() == ["test_page_missed"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("c!", "confirm"),
        ("si confirmo", "confirm"),
        ("need a different day", "reschedule"),
        ("I have to cancel Tuesday", "cancel_request"),
        ("how long will I be there", "question"),
    ],
)
async def test_what_concerns_an_appointment_goes_on_and_is_answered_there(room, text, result):
    await room.reply(text, open_prompts=[ABOUT_VISIT])
    (read,) = room.of(reading.REPLY_READ)
    assert (read["result"], read["prompt"]) == (result, {"subject": f"reminders:{ANA}", "key": "near"})
    assert text not in str(read)
    assert room.answers() == []


@pytest.mark.parametrize(
    ("text", "how", "channels", "language"),
    [
        ("quit texting", "own_words", ["sms", "voice"], "en"),
        ("ya no me escriban", "own_words", ["sms", "voice"], "es"),
        ("stop contacting me", "own_words", ["sms", "voice", "email"], "en"),  # K9
        ("you got the wrong guy", "wrong_number", ["sms", "voice"], "en"),
    ],
)
async def test_an_opt_out_in_own_words_is_a_command_to_the_notifier(room, text, how, channels, language):
    await room.reply(text)
    (revoke,) = room.of(reading.RECIPIENT_REVOKE)
    assert (revoke["how"], revoke["kinds"], revoke["channels"]) == (how, ["all"], channels)
    assert revoke["language"] == language
    assert room.answers() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stop texting me, the neighbours can have the piano and the plants", reading.RECIPIENT_REVOKE),
        ("ya no me escriban, de todos modos nadie va a contestar", reading.RECIPIENT_REVOKE),
        ("wrong number, she moved out after what happened in june", reading.RECIPIENT_REVOKE),
        ("C. my sister has the spare key and knows what to do", reading.REPLY_READ),
        ("can we do thursday instead, the house is too quiet lately", reading.REPLY_READ),
        ("need to cancel tuesday, i said what i had to say to everyone", reading.REPLY_READ),
    ],
)
async def test_more_words_than_the_wish_are_read_by_a_person_too(room, text, said):  # 3.6, 6
    await room.reply(text, open_prompts=[ABOUT_VISIT])
    assert len(room.of(said)) == 1
    # On the list of those to read, or, where the screen weighs the words, in a case.
    listed = [*await room.tasks(), *await room.rows("SELECT 1 FROM followup.cases WHERE NOT is_drill")]
    assert len(listed) == 1


@pytest.mark.parametrize(
    "text", ["stop texting me please", "C see you then", "can we do thursday instead", "C thanks!"]
)
async def test_a_wish_and_nothing_else_is_on_nobodys_list(room, text):
    await room.reply(text, open_prompts=[ABOUT_VISIT])
    assert await room.tasks() == []


@pytest.mark.parametrize("text", ["thanks", 'Liked "Harbor Clinic: are you home and well?"', "👍"])
async def test_what_asks_for_nothing_gets_no_answer(room, text):
    await room.reply(text)
    assert room.answers() == []
    assert await room.rows(CASES) == []


async def test_words_that_ask_for_nothing_known_are_read_by_a_person_and_answered(room):
    await room.reply("the waiting room was cold")
    assert room.answers() == ["passed_on"]
    assert await room.tasks() == ["reply_to_read"]


async def test_no_words_number_or_name_are_stored_or_published_in_the_clear(room):  # I15, S-9
    await room.reply("canary words: I want to die", phone="+12125557777")
    rows = await room.rows("SELECT case_words::text || cases::text AS row FROM followup.case_words, followup.cases")
    kept = str(rows) + str(await room.rows("SELECT replies::text AS row FROM followup.replies"))
    assert "canary" not in kept
    assert "2125557777" not in kept
    views = ("timeline_v1", "cases_v1", "tasks_v1", "checkins_v1", "scores_v1", "replies_v1")
    shown = [str(await room.rows(f"SELECT v::text FROM followup.{view} v")) for view in views]
    events = [str(envelope.data) for envelope in room.published if envelope.type.startswith(("safety.", "staff."))]
    assert not [text for text in (*shown, *events) if "canary" in text or "2125557777" in text]


async def test_an_answer_that_is_no_clear_yes_takes_nothing_on(room):  # S-6
    await room.reply(CRISIS)
    (page,) = room.take_plans("pages:")
    await room.reply("who is this?", patients=(), reply_to="number:osei", phone=OSEI)
    assert room.of(safety.ACKNOWLEDGED) == []
    (plan,) = room.take_plans("pages:")
    assert [(m["template"], m["values"]["variant"]) for m in plan["messages"]] == [
        ("page", "again"),
        ("page_call", "first"),
        ("page_call", "first"),
    ]
    assert [m["key"] for m in plan["messages"][1:]] == [m["key"] for m in page["messages"][1:]]
    await room.until(room.clock.now() + timedelta(minutes=15))
    assert [phone for phone, _ in paged(room)] == [LIND]


async def test_who_passes_a_case_on_has_the_next_person_paged_at_once(room):
    await room.reply(CRISIS)
    room.take_plans("pages:")
    await room.reply("can't", patients=(), reply_to="number:osei", phone=OSEI)
    await room.tick()
    assert [phone for phone, _ in paged(room)] == [LIND]
    assert room.of(safety.ACKNOWLEDGED) == []


async def test_the_answer_to_a_test_page_takes_no_real_case_on(room):
    await room.reply(CRISIS)
    room.clock.advance(timedelta(seconds=5))
    await room.tick()  # the shift's test page comes after the real one
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI)
    (drill,) = room.of(safety.ACKNOWLEDGED)
    assert drill["case"].startswith("test-")
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI)
    assert [event["case"][:5] for event in room.of(safety.ACKNOWLEDGED)] == ["test-", "case-"]


async def test_somebody_on_call_may_be_in_danger_too(room):
    await room.reply(CRISIS)
    await room.reply("I want to kill myself", patients=(), reply_to="number:osei", phone=OSEI)
    assert room.of(safety.ACKNOWLEDGED) == []
    assert len(await room.rows(CASES)) == 2


async def test_who_answers_too_late_hears_who_has_the_case(room):
    await room.acknowledge_test_page()
    await room.reply(CRISIS)
    await room.until(room.clock.now() + timedelta(minutes=15))
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI)
    room.take_plans("pages:")
    await room.reply("1", patients=(), reply_to="number:lind", phone=LIND)
    (plan,) = [plan for plan in room.take_plans("pages:case") if plan["messages"]]
    values = plan["messages"][0]["values"]
    assert (plan["recipient"]["phone"], values["variant"], values["who"]) == (LIND, "taken", "Dr. Osei")
    assert len(room.of(safety.ACKNOWLEDGED)) == 1
    assert room.plans("replies:") == []


async def test_a_reader_that_breaks_counts_as_a_possible_crisis(room, monkeypatch):  # S-4
    from services.followup.handlers import read_reply

    def broken(_text, _kind, **_hint):
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(read_reply, "read_reply", broken)
    await room.reply("7")
    (case,) = await room.rows(CASES)
    assert (case["tier"], case["rules"]) == ("S2", ["reader_failed"])
    assert room.texts("safety:") == ["safety_possible"]


async def test_what_was_kept_long_enough_is_forgotten_but_not_what_led_to_a_case(room):
    from services.followup.handlers.forget import Forget

    await room.reply(CRISIS)
    forget = Forget(room.database, room.clock, room.context.clinics.retention)
    room.clock.advance(timedelta(days=89))
    await forget.run_once()
    assert len(await room.rows("SELECT 1 FROM followup.replies")) == 1
    room.clock.advance(timedelta(days=2))
    await forget.run_once()
    assert await room.rows("SELECT 1 FROM followup.replies") == []
    assert len(await room.rows("SELECT 1 FROM followup.case_words")) == 1
    assert await room.rows("SELECT 1 FROM followup.history") != []


async def pages_fail(room, phone, *, reason):
    """No text to a number arrives, while the ticker turns a few times within the same minute."""
    for _ in range(5):
        for plan in room.take_plans("pages:"):
            for message in plan["messages"]:
                if phone in (None, plan["recipient"]["phone"]) and message["key"].endswith("/text"):
                    await room.outcome(plan, message["key"], event=outcome.DROPPED, reason=reason)
        await room.tick()


async def test_a_number_that_takes_no_pages_has_the_others_paged_no_more_often(room):  # 3.2
    await room.acknowledge_test_page()
    start = room.clock.now()
    await room.reply(CRISIS)
    for minutes in (0, 15, 30, 60, 90):
        await room.until(start + timedelta(minutes=minutes))
        await pages_fail(room, OSEI, reason="blocked_opt_out")
    (case,) = await room.rows(CASES)
    assert case["step"] == 5  # what failed first was made up for at once, and nothing after that


async def test_a_test_page_that_nobody_gets_ends_with_operations(room):  # S-10
    await room.tick()
    await pages_fail(room, None, reason="30005")
    (case,) = await room.rows("SELECT step FROM followup.cases WHERE is_drill")
    assert case["step"] == 3
    assert await room.tasks() == ["test_page_missed"]


async def test_an_answer_from_before_a_case_opened_takes_it_not_on(room):
    await room.acknowledge_test_page()
    await room.reply(CRISIS)
    came = room.clock.now() + timedelta(minutes=5)
    room.clock.advance(timedelta(minutes=40))  # followup was down: both texts have waited for it
    await room.reply(CRISIS, patients=("pt_ben",), reply_to="number:ben", phone="+12125557777")
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI, received_at=came.isoformat())
    waiting = [(case["patient_ref"], case["acknowledged_by"]) for case in await room.rows(CASES)]
    assert waiting == [(ANA, "Dr. Osei"), ("pt_ben", None)]


async def test_an_answer_that_names_a_case_takes_on_no_other(room):
    await room.acknowledge_test_page()
    await room.reply(CRISIS)
    await room.reply(CRISIS, patients=("pt_ben",), reply_to="number:ben", phone="+12125557777")
    named, other = [case["case_id"] for case in await room.rows(CASES)]
    room.clock.advance(timedelta(minutes=1))
    await room.reply(f"1 {named}", patients=(), reply_to="number:osei", phone=OSEI)
    assert [event["case"] for event in room.of(safety.ACKNOWLEDGED)] == [named]
    await room.reply(f"ack {other}", patients=(), reply_to="number:osei", phone=OSEI)
    assert [event["case"] for event in room.of(safety.ACKNOWLEDGED)] == [named, other]


def prompt(subject, key, expects, sent_at):
    return {
        "subject": subject,
        "key": key,
        "expects": expects,
        "sent_at": sent_at.isoformat(),
        "answer_until": (sent_at + timedelta(hours=12)).isoformat(),
    }


async def test_somebody_on_call_may_be_asked_whether_they_got_home(room):  # a page was answered before
    await room.acknowledge_test_page()
    paged_at = room.clock.now()
    await room.infused("2026-12-04 12:10", patient="pt_osei")
    await room.until("2026-12-04 16:10")
    (plan,) = room.plans("checkins:")
    await room.send()
    question = prompt(plan["subject"], plan["messages"][0]["key"], "home_safe_1_2", room.clock.now())
    page = prompt("pages:test-0/osei", "test-0/0/text", "page", paged_at)
    room.clock.advance(timedelta(minutes=1))
    osei = {"patients": ("pt_osei",), "reply_to": "number:osei", "phone": OSEI}
    await room.reply("2", **osei, open_prompts=[question, page])
    (case,) = await room.rows(CASES)
    assert (case["tier"], case["rules"]) == ("M", ["not_home_safe"])


async def test_somebody_on_call_answers_whichever_asked_last(room):
    lind = {"patients": ("pt_lind",), "reply_to": "number:lind", "phone": LIND}
    await room.infused("2026-12-04 12:10", patient="pt_lind")
    await room.until("2026-12-05 12:10")
    (plan,) = [plan for plan in room.plans("checkins:") if plan["messages"][0]["template"] == "checkin_today"]
    await room.send()
    question = prompt(plan["subject"], plan["messages"][0]["key"], "mood_0_10", room.clock.now())
    room.clock.advance(timedelta(minutes=1))
    await room.reply(CRISIS)
    (paged_case,) = await room.rows(CASES)
    page = prompt(f"pages:{paged_case['case_id']}/lind", "0/text", "page", room.clock.now())
    room.clock.advance(timedelta(minutes=1))
    await room.reply("7", **lind, open_prompts=[page, question])  # no answer to a page
    await room.reply("1", **lind, open_prompts=[page, question])
    assert [event["value"] for event in room.of("checkin.answered.v1")] == [7]
    assert [event["who"] for event in room.of(safety.ACKNOWLEDGED) if event["case"] == paged_case["case_id"]] == [
        "Nurse Lind"
    ]


async def test_words_that_come_soon_after_somebody_took_the_case_reach_that_person(room):
    await room.reply(CRISIS)
    room.clock.advance(timedelta(minutes=1))
    await room.reply("1", patients=(), reply_to="number:osei", phone=OSEI)
    room.published.clear()
    start = room.clock.now()
    for minutes in (4, 6, 9, 18):
        room.clock.set(start + timedelta(minutes=minutes))
        await room.reply("kms")
    times = [plan["messages"][0]["send_at"] for plan in room.plans("pages:case")]
    wanted = [start + timedelta(minutes=minutes) for minutes in (4, 19)]
    assert [value[:16] for value in times] == [at.isoformat()[:16] for at in wanted]


async def test_nobody_who_may_be_in_danger_is_asked_how_they_are(room):  # 3.3: people have taken over
    for patient in (ANA, "pt_ben"):
        await room.infused("2026-12-04 12:10", patient=patient)
    await room.until("2026-12-05 12:10")
    await room.send()
    room.clock.advance(timedelta(minutes=1))
    await room.reply(CRISIS, patients=(ANA, "pt_ben"), reply_to="number:both")
    room.published.clear()
    await room.until("2026-12-07 12:10")
    assert [message for plan in room.plans("checkins:") for message in plan["messages"]] == []
    rows = await room.rows("SELECT moment, reason FROM followup.checkins WHERE reason = 'case_open' ORDER BY moment")
    assert [row["moment"] for row in rows] == ["day_1", "day_1", "day_3", "day_3"]
