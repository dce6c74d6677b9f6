"""The words behind a case: shown to a signed-in clinician, and to nobody else; every look is written down."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from services.followup.webhooks import Webhooks
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application, serving
from shared.web.signed_token import Bearer, read, sign

SECRET = "shared-with-the-console"
WORDS = "I want to die"


@pytest.fixture
async def case(room):
    await room.reply(WORDS)
    (row,) = await room.rows("SELECT case_id FROM followup.cases WHERE NOT is_drill")
    return row["case_id"]


@pytest.fixture
async def look(room):
    """Ask followup for a case with a token, or without one."""
    routes = Webhooks(room.database, room.clock, SECRET).routes()
    application = build_application(routes, health=Health(), metrics=Metrics())
    async with serving(application, host="127.0.0.1", port=0) as port, aiohttp.ClientSession() as session:

        async def ask(case_id, token=None):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with session.get(f"http://127.0.0.1:{port}/cases/{case_id}", headers=headers) as answer:
                return answer.status, await answer.json()

        yield ask


def token(about, *, role="clinician", secret=SECRET, now=None):
    return sign(Bearer("Dr. Osei", role, about), secret, now=now or datetime.now(UTC))


async def test_a_clinician_sees_the_words_and_the_number_and_the_look_is_kept(room, case, look):
    status, shown = await look(case, token(case))
    assert status == 200
    assert [(one["text"], one["phone"]) for one in shown["words"]] == [(WORDS, "+12125550123")]
    looks = await room.rows("SELECT who, role, allowed FROM followup.case_looks")
    assert [tuple(one.values()) for one in looks] == [("Dr. Osei", "clinician", True)]


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
async def test_without_a_fresh_token_of_ours_nothing_is_shown_or_kept(room, case, look, bad):
    status, _ = await look(case, bad)
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
