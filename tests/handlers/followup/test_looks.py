"""The words behind a case or of a reply: shown to a signed-in clinician alone; every look is written down."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from services.followup.handlers.forget import Forget
from services.followup.webhooks import Webhooks
from shared.messages.patient import ERASE
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application, serving
from shared.web.signed_token import Bearer, read, sign
from tests.followup_room import ANA, OSEI

SECRET = "shared-with-the-console"
WORDS = "I want to die"
ASIDE = "the waiting room was cold"
UNKNOWN = "SM0"
FORBIDDEN = (404, {"error": "no such reply, or not for you"})


@pytest.fixture
async def case(room):
    await room.reply(WORDS)
    (row,) = await room.rows("SELECT case_id FROM followup.cases WHERE NOT is_drill")
    return row["case_id"]


async def reply_of(room, kind="reply_to_read"):
    (row,) = await room.rows(
        "SELECT refs ->> 'provider_reference' AS reference FROM followup.staff_tasks WHERE kind = %s", kind
    )
    return row["reference"]


@pytest.fixture
async def reply(room):
    await room.reply(ASIDE)
    return await reply_of(room)


@pytest.fixture
async def look(room):
    """Ask followup for a case or a reply with a token, or without one."""
    routes = Webhooks(room.database, room.clock, SECRET).routes()
    application = build_application(routes, health=Health(), metrics=Metrics())
    async with serving(application, host="127.0.0.1", port=0) as port, aiohttp.ClientSession() as session:

        async def ask(about, token=None, *, behind="cases"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with session.get(f"http://127.0.0.1:{port}/{behind}/{about}", headers=headers) as answer:
                return answer.status, await answer.json()

        yield ask


async def looks(room):
    return [
        tuple(one.values())
        for one in await room.rows(
            "SELECT who, role, case_id, provider_reference, allowed FROM followup.case_looks ORDER BY id"
        )
    ]


def token(about, *, role="clinician", secret=SECRET, now=None):
    return sign(Bearer("Dr. Osei", role, about), secret, now=now or datetime.now(UTC))


async def test_a_clinician_sees_the_words_and_the_number_and_the_look_is_kept(room, case, look):
    status, shown = await look(case, token(case))
    assert status == 200
    assert [(one["text"], one["phone"]) for one in shown["words"]] == [(WORDS, "+12125550123")]
    assert await looks(room) == [("Dr. Osei", "clinician", case, None, True)]


async def test_a_clinician_reads_a_reply_with_its_number_and_the_look_is_kept(room, reply, look):
    status, shown = await look(reply, token(reply), behind="replies")
    assert status == 200
    assert [(one["text"], one["phone"]) for one in shown["words"]] == [(ASIDE, "+12125550123")]
    assert await looks(room) == [("Dr. Osei", "clinician", None, reply, True)]


@pytest.mark.parametrize(
    ("text", "sender", "kind"),
    [
        ("Cancel", {}, "maybe_cancels_visit"),
        ("the chair was hard", {"patients": (), "reply_to": "number:x", "phone": "+12125559999"}, "reply_to_read"),
    ],
)
async def test_the_words_behind_other_kinds_of_tasks_and_of_strangers_are_shown_too(room, look, text, sender, kind):
    await room.reply(text, **sender)
    reply = await reply_of(room, kind)
    _status, shown = await look(reply, token(reply), behind="replies")
    assert [(one["text"], one["phone"]) for one in shown["words"]] == [(text, sender.get("phone", "+12125550123"))]


async def test_the_words_of_a_shared_number_are_shown_to_whoever_finds_out_who_wrote(room, look):
    for patient in (ANA, "pt_ben"):
        await room.infused("2026-12-04 12:10", patient=patient)
    await room.until("2026-12-05 12:10")
    await room.send()
    await room.reply("7", patients=(ANA, "pt_ben"))
    reply = await reply_of(room, "who_answered")
    _status, shown = await look(reply, token(reply), behind="replies")
    assert [one["text"] for one in shown["words"]] == ["7"]


async def test_a_picture_without_words_is_still_a_number_to_phone(room, look):
    await room.reply("", media=1)
    reply = await reply_of(room)
    _status, shown = await look(reply, token(reply), behind="replies")
    assert [(one["text"], one["phone"]) for one in shown["words"]] == [("", "+12125550123")]


async def test_who_may_not_see_a_reply_learns_nothing_of_it_and_is_kept(room, case, reply, look):
    answers = [
        await look(reply, token(reply, role="ops"), behind="replies"),
        await look(reply, token(reply, role="admin"), behind="replies"),
        await look(reply, token(UNKNOWN), behind="replies"),
        await look(reply, token(case), behind="replies"),
        await look(UNKNOWN, token(UNKNOWN), behind="replies"),
    ]
    assert answers == [FORBIDDEN] * len(answers)
    assert [look[-2:] for look in await looks(room)] == [(reply, False)] * 4 + [(UNKNOWN, False)]
    assert await look("no.id", token("no.id"), behind="replies") == FORBIDDEN


@pytest.mark.parametrize("is_back", [False, True])
async def test_an_erased_reply_is_shown_to_nobody(room, reply, look, is_back):
    await room.take(ERASE, {"clinic_id": "harbor", "patient_ref": ANA, "request_id": "r-1", "who": "front desk"})
    if is_back:
        await room.infused("2026-12-04 12:10")
    assert await look(reply, token(reply), behind="replies") == FORBIDDEN
    assert await room.rows("SELECT 1 FROM followup.replies WHERE phone IS NOT NULL") == []
    assert await looks(room) == [("Dr. Osei", "clinician", None, reply, False)]


async def test_a_reply_that_is_past_its_keeping_time_is_shown_to_nobody(room, reply, look):
    room.clock.advance(timedelta(days=91))
    await Forget(room.database, room.clock, room.context.clinics.retention).run_once()
    assert await look(reply, token(reply), behind="replies") == FORBIDDEN


async def test_what_may_be_known_of_a_reply_without_its_words_is_published(room):
    await room.infused("2026-12-04 12:10")
    await room.until("2026-12-04 16:10")
    await room.send()
    await room.reply("perhaps")
    for phone in ("+12125559999", OSEI):  # a stranger, and somebody whose test page waits for an answer
        await room.reply(ASIDE, patients=(), reply_to=f"number:{phone}", phone=phone)
    rows = await room.rows(
        """SELECT handled_as, reading IS NOT NULL AS is_read, asked_about, instrument, item FROM followup.replies_v1
            ORDER BY asked_about, reading"""
    )
    assert [tuple(row.values()) for row in rows] == [
        ("none", True, "checkin", "home_safe", 1),
        ("none", True, None, None, None),
        ("none", False, None, None, None),
    ]


async def test_another_role_another_case_and_no_case_look_alike_and_are_kept(room, case, look):
    answers = [
        await look(case, token(case, role="ops")),
        await look(case, token("case-0000000000")),
        await look("case-0000000000", token("case-0000000000")),
    ]
    assert answers == [(404, {"error": "no such case, or not for you"})] * 3
    assert [one["allowed"] for one in await room.rows("SELECT allowed FROM followup.case_looks")] == [False] * 3


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "x.y",
        token("case-0000000000", secret="another"),
        token("case-0000000000", now=datetime.now(UTC) - timedelta(minutes=2)),
        token("case-0000000000", now=datetime.now(UTC) + timedelta(minutes=10)),
        token("case-0000000000") + "0",
    ],
)
@pytest.mark.parametrize("behind", ["cases", "replies"])
async def test_without_a_fresh_token_of_ours_nothing_is_shown_or_kept(room, case, look, behind, bad):
    status, _ = await look(case if behind == "cases" else UNKNOWN, bad, behind=behind)
    assert status == 401
    assert await room.rows("SELECT 1 FROM followup.case_looks WHERE allowed") == []


async def test_the_record_of_looks_cannot_be_changed(room, case, look):
    await look(case, token(case))
    async with room.database.connection() as connection:
        for statement in ("UPDATE case_looks SET who = 'x'", "DELETE FROM case_looks"):
            with pytest.raises(Exception, match="permission denied"):
                await connection.execute(statement)


def test_a_token_says_who_asks_for_what_for_a_minute():
    now = datetime(2026, 12, 4, 12, tzinfo=UTC)
    made = sign(Bearer("Zoë", "nurse", "case-1"), SECRET, now=now)
    assert read(made, SECRET, now=now + timedelta(seconds=60)) == Bearer("Zoë", "nurse", "case-1")
    assert read(made, SECRET, now=now + timedelta(seconds=61)) is None
    assert read(made, "another", now=now) is None
