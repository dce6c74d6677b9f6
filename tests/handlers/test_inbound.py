"""What patients send back: kept first, keywords acted on at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from services.notifier.domain.answer import ListedText, repeat_after
from services.notifier.handlers.sweep_inbound import SweepInbound
from services.notifier.handlers.watch_readers import WatchReaders
from shared.kernel.errors import PermanentError
from shared.messages import reply
from shared.messages.appointment import CHANGE_REQUESTED
from shared.messages.base import Consent, Purpose
from shared.messages.plan import ACCEPTED, ANSWERS, MESSAGES_PLAN, Expects, MessagesPlan, PlannedMessage, Recipient
from shared.messages.reading import MESSAGE_READ, RECIPIENT_REVOKE, MessageRead, RecipientRevoke
from tests.builders import ny
from tests.rooms import OURS
from tests.waiting import until

HALF_AN_HOUR = timedelta(minutes=30)


async def test_stop_closes_the_number_and_says_that_the_visit_stands(rooms):  # K6, K7
    await rooms.book()
    events = await rooms.receive("Stop.")
    assert [event.type for event in events] == [reply.RECEIVED, reply.OPTED_OUT]
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.texts() == [
        "Harbor Clinic: you will get no more texts from us. Your appointments are NOT cancelled. "
        "Call (212) 555-0100 to change one. Reply START to resume."
    ]
    rows = await rooms.rows("SELECT DISTINCT outcome, reason FROM notifier.messages WHERE subject LIKE 'reminders:%%'")
    assert [(row["outcome"], row["reason"]) for row in rows] == [("dropped", "opted_out")]


async def test_start_brings_back_what_is_still_of_use(rooms):
    await rooms.book()
    await rooms.receive("STOP")
    await rooms.until(ny("2026-12-02 12:00"))
    await rooms.receive("start")
    await rooms.send()
    await rooms.until(ny("2026-12-05 12:00"))
    assert "you will get our texts again" in rooms.texts()[1]
    assert any("no food" in text for text in rooms.texts()[2:])


async def test_a_text_that_comes_twice_is_taken_once(rooms):
    first = await rooms.receive("STOP", sid="SM1")
    again = await rooms.receive("STOP", sid="SM1")
    assert (len(first), again) == (2, [])


async def test_a_second_stop_is_not_answered(rooms):
    await rooms.receive("STOP")
    await rooms.receive("STOP")
    await rooms.send()
    assert len(rooms.texts()) == 1


async def test_help_is_answered_in_the_patients_language_but_not_for_ever(rooms):
    await rooms.book(patient={"language": "es"})
    for _ in range(9):
        await rooms.receive("AYUDA")
        rooms.clock.advance(timedelta(minutes=1))
        await rooms.send()
    answers = [text for text in rooms.texts() if text.startswith("Textos de Harbor Clinic")]
    assert len(answers) == 6
    dropped = await rooms.rows("SELECT reason FROM notifier.messages WHERE outcome = 'dropped'")
    assert {row["reason"] for row in dropped} == {"too_many_in_an_hour"}


async def test_what_was_asked_for_is_answered_however_many_answers_went_before(rooms):
    received = next(event for event in await rooms.receive("hm", phone="+12125559999") if event.type == reply.RECEIVED)
    for number in range(8):
        plan = answer_plan(received.data["reply_to"], key=f"thanks{number}")
        await rooms.say(MESSAGES_PLAN, plan.model_copy(update={"subject": f"{ACCEPTED}{number}"}))
    await rooms.send()
    assert len(rooms.texts()) == 8
    await rooms.say(MESSAGES_PLAN, answer_plan(received.data["reply_to"]))
    await rooms.send()
    assert len(rooms.texts()) == 9


async def test_a_lone_cancel_closes_the_number_and_a_person_asks_about_the_visit(rooms):  # K3
    await rooms.book()
    events = {event.type: event.data for event in await rooms.receive("CANCEL")}
    assert events[CHANGE_REQUESTED]["wish"] == "cancel"
    assert [item["booking_id"] for item in events[CHANGE_REQUESTED]["bookings"]] == ["bk_1"]
    tasks = await rooms.rows(
        "SELECT kind FROM booking_events.staff_tasks UNION ALL SELECT kind FROM notifier.staff_tasks"
    )
    assert [row["kind"] for row in tasks] == ["patient_wants_cancellation"]
    assert [row["status"] for row in await rooms.rows("SELECT status FROM booking_events.appointments")] == ["booked"]
    await rooms.send()
    assert ["Your appointments are NOT cancelled" in text for text in rooms.texts()] == [True]


@pytest.mark.parametrize("known", [False, True])
async def test_a_lone_cancel_of_nobody_in_particular_is_a_task_too(rooms, known):
    if known:  # by two
        await rooms.book()
        await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2"})
    await rooms.receive("cancelar")
    assert [row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks")] == ["maybe_cancels_visit"]
    assert await rooms.rows("SELECT kind FROM booking_events.staff_tasks") == []


async def test_other_words_are_kept_and_passed_on_and_not_answered(rooms):
    await rooms.book()
    (event,) = await rooms.receive("running late, traffic")
    assert event.type == reply.RECEIVED
    assert event.data["handled_as"] == "none"
    assert [candidate["clinic_id"] for candidate in event.data["candidates"]] == ["harbor"]
    await rooms.send()
    assert rooms.texts() == []


async def test_a_shared_number_has_several_candidates_and_no_patient(rooms):
    await rooms.book(patient={"patient_id": "p-1"})
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2"})
    (event,) = await rooms.receive("hello")
    assert len(event.data["candidates"]) == 2
    assert "patient_ref" not in event.data


async def test_a_stranger_is_kept_too(rooms):
    (event,) = await rooms.receive("who is this", phone="+12125559999")
    assert event.data["candidates"] == []
    assert event.data["reply_to"].startswith("number:")


async def test_a_text_whose_webhook_was_lost_is_found_by_the_sweep_once(rooms):  # RELIABILITY I8
    sweep = SweepInbound(rooms.notifier, rooms.clock, rooms.context, back=timedelta(minutes=30))
    await sweep.run_once()
    await rooms.book()
    await texted(rooms, "I need help")
    await sweep.run_once()
    assert [(event.type, event.data["text"]) for event in await rooms.carry()] == [(reply.RECEIVED, "I need help")]
    await sweep.run_once()
    assert await rooms.carry() == []


async def test_a_stop_that_a_sweep_finds_closes_the_number(rooms):
    sweep = SweepInbound(rooms.notifier, rooms.clock, rooms.context, back=timedelta(minutes=30))
    await sweep.run_once()
    await texted(rooms, "STOP")
    await sweep.run_once()
    assert [event.type for event in await rooms.carry()] == [reply.RECEIVED, reply.OPTED_OUT]


async def test_a_sweep_without_a_list_from_the_provider_does_no_harm(rooms):
    sweep = SweepInbound(rooms.notifier, rooms.clock, rooms.context, back=timedelta(minutes=30))
    await sweep.run_once()
    await texted(rooms, "still there")
    rooms.sandbox.faults.add({"kind": "list_500", "count": 1})
    assert (await sweep.run_once(), await rooms.carry()) == (0, [])
    await sweep.run_once()
    assert [event.data["text"] for event in await rooms.carry()] == ["still there"]


class _Lists:
    """A provider that lists what it is told to."""

    def __init__(self, *texts):
        self._texts = texts

    async def list_inbound(self, _numbers, *, since):
        return [
            ListedText(reference, "+12125550123", OURS, text, 0, since + timedelta(seconds=place))
            for place, (reference, text) in enumerate(self._texts, start=1)
        ]


async def test_halves_of_characters_keep_no_text_from_being_read(rooms):  # I8
    provider = _Lists(("SM1", "I want \ud83d to \x00die"), ("SM2", "hello"))
    sweep = SweepInbound(rooms.notifier, rooms.clock, replace(rooms.context, provider=provider), back=HALF_AN_HOUR)
    await sweep.run_once()
    assert [event.data["text"] for event in await rooms.carry()] == ["I want ? to die", "hello"]


async def test_a_text_that_a_sweep_cannot_take_in_keeps_no_other_from_being_read(rooms):  # I8
    provider = _Lists(("SM" * 200, "a name too long"), ("SM2", "I want to die"))
    sweep = SweepInbound(rooms.notifier, rooms.clock, replace(rooms.context, provider=provider), back=HALF_AN_HOUR)
    with pytest.raises(PermanentError, match="missed texts cannot be taken in"):  # and health says that the loop fails
        await sweep.run_once()
    assert [event.data["text"] for event in await rooms.carry()] == ["I want to die"]


async def test_what_came_before_we_listened_is_nobodys_business(rooms):
    await texted(rooms, "for whoever had this number")
    await rooms.reader.execute("INSERT INTO notifier.sweeps VALUES ('inbound', clock_timestamp() + interval '5 s')")
    await SweepInbound(rooms.notifier, rooms.clock, rooms.context, back=timedelta(hours=26)).run_once()
    assert await rooms.carry() == []


async def test_texts_that_nobody_reads_page_operations_once_and_again_later(rooms):
    context = replace(rooms.context, timing=replace(rooms.context.timing, read_within=timedelta(0)))
    watch = WatchReaders(rooms.notifier, rooms.clock, context)
    await rooms.receive("hello?")
    await rooms.receive("anybody?")
    await watch.run_once()
    await watch.run_once()
    await rooms.send()
    (text,) = rooms.sandbox.accepted(to="+12125550159")
    assert "texts from patients are NOT being read" in text["body"]
    tasks = await rooms.rows("SELECT kind, refs FROM notifier.staff_tasks")
    assert [(row["kind"], row["refs"]) for row in tasks] == [("replies_not_read", {"texts": "2"})]
    assert context.metrics.unread_pages._value.get() == 1


async def test_a_text_that_was_read_pages_nobody(rooms):
    context = replace(rooms.context, timing=replace(rooms.context.timing, read_within=timedelta(0)))
    for sid in ("SM1", "SM2", "SM3"):
        await rooms.receive("hello", sid=sid)
    await rooms.say(MESSAGE_READ, MessageRead(clinic_id="harbor", provider_reference="SM1", others=("SM2", "SM3")))
    await WatchReaders(rooms.notifier, rooms.clock, context).run_once()
    assert await rooms.rows("SELECT kind FROM notifier.staff_tasks") == []


async def revoked(rooms, text, **said):
    received = next(event for event in await rooms.receive(text) if event.type == reply.RECEIVED)
    facts = {"how": "own_words", **said}
    carried = await rooms.say(
        RECIPIENT_REVOKE,
        RecipientRevoke(
            clinic_id="harbor",
            reply_to=received.data["reply_to"],
            provider_reference=received.data["provider_reference"],
            received_at=received.data["received_at"],
            **facts,
        ),
    )
    await rooms.send()
    return [(event.type, event.data.get("kind")) for event in carried]


async def test_an_opt_out_in_own_words_closes_the_number_and_is_confirmed_once(rooms):  # K6, DOMAIN 4.4
    await rooms.book()
    assert await revoked(rooms, "please quit texting me") == [(reply.OPTED_OUT, "all")]
    assert await revoked(rooms, "I said quit texting") == []
    assert [text for text in rooms.texts() if "NOT cancelled" in text] == rooms.texts()[-1:]
    await rooms.until(ny("2026-12-05 12:00"))
    assert len(rooms.texts()) == 1


async def test_an_opt_out_of_reminders_leaves_the_rest(rooms):
    await rooms.book()
    assert await revoked(rooms, "no more reminders", kinds=("reminders",), language="es") == [
        (reply.OPTED_OUT, "reminders")
    ]
    assert rooms.texts()[-1].startswith(
        "Harbor Clinic: ya no le enviaremos recordatorios por texto. Sus citas NO se cancelan."
    )
    await rooms.until(ny("2026-12-05 12:00"))
    rows = await rooms.rows("SELECT DISTINCT outcome, reason FROM notifier.messages WHERE subject LIKE 'reminders:%%'")
    assert [(row["outcome"], row["reason"]) for row in rows] == [("dropped", "opted_out")]


async def test_a_wrong_number_is_told_nothing_and_stays_closed_after_start(rooms):  # DOMAIN 4.1
    await rooms.book()
    await revoked(rooms, "you got the wrong guy", how="wrong_number")
    assert rooms.texts() == []
    assert [row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks")] == ["wrong_number"]
    await rooms.receive("START")
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.texts() == []


async def test_one_who_wants_no_contact_at_all_gets_no_emails_either(rooms):  # K9
    await rooms.book(patient={"email": "ana@example.org"}, consent={"reminders": True, "email": True})
    closed = await revoked(rooms, "stop contacting me", channels=("sms", "voice", "email"))
    assert sorted(closed) == [(reply.OPTED_OUT, "all")] * 2
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.mails() == []


@pytest.mark.parametrize(
    "text", ["Liked “Reply STOP to end texts”", "Loved an image", "STOP PLEASE", "I'm driving, I'll reply later", "👍"]
)
async def test_reactions_and_machines_are_not_keywords_and_are_never_answered(rooms, text):
    (event,) = await rooms.receive(text)
    assert event.data["handled_as"] == "none"
    await rooms.send()
    assert rooms.texts() == []


async def test_a_picture_is_passed_on_with_its_count(rooms):  # S-1: MMS captions too
    (event,) = await rooms.receive("", media=2)
    assert (event.data["text"], event.data["media"]) == ("", 2)


async def test_an_answer_goes_to_the_number_that_wrote_even_when_nobody_knows_it(rooms):
    received = next(e for e in await rooms.receive("hi", phone="+12125559999") if e.type == reply.RECEIVED)
    await rooms.say(MESSAGES_PLAN, answer_plan(received.data["reply_to"]))
    await rooms.send()
    assert [entry["to"] for entry in rooms.sandbox.accepted()] == ["+12125559999"]


async def test_a_plan_for_a_number_that_never_wrote_is_refused(rooms):
    with pytest.raises(PermanentError, match="reply_to"):
        await rooms.say(MESSAGES_PLAN, answer_plan("number:00"))


async def test_a_question_that_its_planner_closed_waits_for_no_answer(rooms):
    number = "+12125554001"
    plan = notices(number, texts=1)
    until_then = ny("2026-11-21 12:00")
    asking = plan.messages[0].model_copy(update={"expects": Expects(grammar="confirm_c_r", until=until_then)})
    await rooms.say(MESSAGES_PLAN, plan.model_copy(update={"messages": (asking,)}))
    await rooms.send()
    (event,) = await rooms.receive("C", phone=number)
    assert [prompt["key"] for prompt in event.data["open_prompts"]] == ["notice:0"]
    closing = {"revision": 2, "messages": (asking,), "closed_prompts": ("notice:0",)}
    await rooms.say(MESSAGES_PLAN, plan.model_copy(update=closing))
    (event,) = await rooms.receive("C", phone=number)
    assert event.data.get("open_prompts", []) == []


async def test_a_safety_text_to_a_closed_number_ends_at_once(rooms):  # DOMAIN 3.3
    events = await rooms.receive("STOP", phone="+12125559999")
    received = next(event for event in events if event.type == reply.RECEIVED)
    await rooms.send()
    await rooms.say(MESSAGES_PLAN, answer_plan(received.data["reply_to"], purpose=Purpose.SAFETY, urgency="urgent"))
    await rooms.send()
    row = await rooms.row("SELECT outcome, reason FROM notifier.messages WHERE purpose = 'safety'")
    assert (row["outcome"], row["reason"]) == ("dropped", "blocked_opt_out")


async def test_a_safety_text_whose_answers_are_lost_is_repeated_at_once_and_then_ever_more_seldom(rooms):
    events = await rooms.receive("help me", phone="+12125559999")
    received = next(event for event in events if event.type == reply.RECEIVED)
    rooms.sandbox.faults.add({"kind": "accept_then_drop"})
    await rooms.say(MESSAGES_PLAN, answer_plan(received.data["reply_to"], purpose=Purpose.SAFETY, urgency="urgent"))
    await rooms.send()
    assert len(rooms.texts()) == 2
    assert [repeat_after(attempt).total_seconds() for attempt in (1, 2, 3, 9)] == [0, 5, 10, 120]


def answer_plan(reply_to, **message):
    now = ny("2026-11-20 12:00")
    values = {"clinic_name": "Harbor Clinic", "clinic_phone": "(212) 555-0100", "time_zone": "America/New_York"}
    facts = {"key": "one", "purpose": Purpose.ANSWER_REPLY, "template": "help", **message}
    return MessagesPlan(
        clinic_id="harbor",
        patient_ref="nobody",
        subject=f"{ANSWERS}1",
        revision=1,
        recipient=Recipient(time_zone="America/New_York", consent=Consent(), as_of=now, reply_to=reply_to),
        messages=(PlannedMessage(values=values, send_at=now, expires_at=now + timedelta(hours=1), **facts),),
    )


async def texted(rooms, body, phone="+12125550123"):
    """Let somebody text us while nobody hears the webhook."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{rooms.sandbox.base_url}/sandbox/inbound",
            json={"from": phone, "to": OURS, "body": body, "lose_webhook": True},
        ) as answer,
    ):
        assert answer.status == 201


async def test_after_a_stop_nothing_but_its_confirmation_starts_later_than_a_second(rooms):  # K7, K10, I10
    """Two dozen numbers with texts due at once, a slow provider, and every number says STOP in the middle of it."""
    numbers = [f"+1212555{4000 + number}" for number in range(24)]
    for number in numbers:
        await rooms.say(MESSAGES_PLAN, notices(number, texts=6))
    rooms.sandbox.faults.add({"kind": "slow", "seconds": 0.05, "count": 10_000})
    stopped = {}

    async def stop(index, number):
        await until(lambda: len(rooms.texts()) > index * 2, within=40, what="the middle of the load")
        await rooms.receive("STOP", phone=number)
        stopped[number] = datetime.now(UTC)

    async def send_on():
        await rooms.sender.run_once()
        return len(stopped) == len(numbers)

    async def all_confirmed():
        await rooms.send()
        return sum("you will get no more texts" in text for text in rooms.texts()) == len(numbers)

    await asyncio.gather(
        until(send_on, within=40, what="a stop from every number"),
        *(stop(index, number) for index, number in enumerate(numbers)),
    )
    await until(all_confirmed, what="a confirmation for every number")
    late = []
    for entry in rooms.sandbox.accepted():
        started = datetime.fromisoformat(entry["wall"])
        if started > stopped[entry["to"]] + timedelta(seconds=1) and "you will get no more texts" not in entry["body"]:
            late.append(entry)
    assert late == []
    assert len(rooms.texts()) < len(numbers) * 7, "the load was over before anybody said stop"
    held = await rooms.rows("SELECT DISTINCT reason FROM notifier.messages WHERE outcome IS NULL")
    assert [row["reason"] for row in held] == ["opted_out"]


def notices(phone, *, texts):
    now = ny("2026-11-20 12:00")
    values = {"clinic_name": "Harbor Clinic", "clinic_phone": "(212) 555-0100", "time_zone": "America/New_York"}
    return MessagesPlan(
        clinic_id="harbor",
        patient_ref=f"pt_{phone}",
        subject=f"reminders:{phone}",
        revision=1,
        recipient=Recipient(phone=phone, time_zone="America/New_York", consent=Consent(reminders=True), as_of=now),
        messages=tuple(
            PlannedMessage(
                key=f"notice:{index}",
                purpose=Purpose.CHANGE_NOTICE,
                template="help",
                values=values,
                send_at=now,
                expires_at=now + timedelta(hours=3),
            )
            for index in range(texts)
        ),
    )
