"""Tasks, safety cases and the day ahead: what a person does here leaves as a command, and is kept."""

import csv
import io
import json
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from aiohttp import web

from services.console.domain.access import Role
from services.console.pages.checkins import chart_of
from services.followup.webhooks import Webhooks
from shared.messages.patient import ERASE
from shared.postgres import outbox
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from shared.web.server import build_application, serving
from shared.web.signed_token import read
from tests.builders import ny
from tests.console.room import OWN, open_console
from tests.followup_room import ANA, open_followup

CASE = "harb-0123456789"
TASK = "5e" * 16
SECRET = "a secret of the tests"


async def open_case(console, case_id=CASE, **changes):
    values = {"tier": "S1", "opened_at": ny("2026-11-20 11:50"), "acknowledge_by": ny("2026-11-20 11:55")} | changes
    await console.rows(
        """INSERT INTO followup.cases (case_id, clinic_id, thread, patient_ref, tier, rules, opened_at, clock_at,
                acknowledge_by)
           VALUES (%s, 'harbor', 'pt_1', 'pt_1', %s, '{plan}', %s, %s, %s) RETURNING 1""",
        case_id,
        values["tier"],
        values["opened_at"],
        values["opened_at"],
        values["acknowledge_by"],
    )


async def raise_task(console, kind="reply_to_read", task_id="t1", due_by=None):
    await console.rows(
        """INSERT INTO notifier.staff_tasks (task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at)
           VALUES (%s, 'harbor', 'pt_1', %s, '{}', %s, %s) RETURNING 1""",
        task_id,
        kind,
        due_by,
        ny("2026-11-20 11:00"),
    )


async def ask_to_read(console, task_id=TASK, kind="reply_to_read", *, asker="followup", is_kept=True):
    """Let a service ask a person to read what a patient wrote when the second question of the PHQ-9 was open."""
    await console.rows(
        f"""INSERT INTO {asker}.staff_tasks (task_id, clinic_id, patient_ref, kind, refs, raised_at)
           VALUES (%s, 'harbor', 'pt_1', %s, jsonb_build_object('provider_reference', 'SM1'), %s) RETURNING 1""",
        task_id,
        kind,
        ny("2026-11-20 11:30"),
    )
    if is_kept:
        await console.rows(
            """WITH known AS (INSERT INTO followup.patients (patient_ref, clinic_id) VALUES ('pt_1', 'harbor')),
                    asked AS (INSERT INTO followup.checkins (checkin_id, clinic_id, patient_ref, infusion_id, moment,
                                     status, due_at, useless_at, instrument, item)
                              VALUES ('ck_1', 'harbor', 'pt_1', 'i1', 'day_7', 'asking', now(), now(), 'phq9', 2))
               INSERT INTO followup.replies (provider_reference, clinic_id, patient_ref, content, handled_as, received_at,
                      kept_at, reading, belongs_to)
               VALUES ('SM1', 'harbor', 'pt_1', 'sealed', 'none', now(), now(), 'clarify', 'ck_1/2') RETURNING 1"""
        )


async def commands(console):
    async with console.database.transaction() as connection:
        rows = [
            *await outbox.take(connection, console.database.sealer, urgent=True, limit=50),
            *await outbox.take(connection, console.database.sealer, urgent=False, limit=50),
        ]
    return [(row.routing_key, json.loads(row.body)["data"]) for row in rows]


async def test_a_case_is_taken_on_and_closed_by_name(console):
    await open_case(console)
    async with console.visitor(Role.CLINICIAN, "dr.osei") as osei:
        _status, page = await osei.get("/safety")
        assert "late by 5 min" in page
        assert (await osei.post(f"/safety/{CASE}/acknowledge"))[0] == 303
        assert (await osei.post(f"/safety/{CASE}/close", disposition="nonsense"))[0] == 400
        assert (await osei.post(f"/safety/{CASE}/close", disposition="reached_safe"))[0] == 303
    about = {"clinic_id": "harbor", "case": CASE, "who": "dr.osei"}
    assert await commands(console) == [
        ("safety.acknowledge.v1", about),
        ("safety.close.v1", about | {"disposition": "reached_safe"}),
    ]
    kept = await console.rows("SELECT what FROM console.audit WHERE target = %s ORDER BY id", CASE)
    assert [row["what"] for row in kept] == ["acknowledged a safety case", "closed a safety case"]


async def test_a_case_says_whom_to_phone_and_whether_the_text_has_reached_the_patient(rooms, console):
    await rooms.book()
    await open_case(console)
    await console.rows("UPDATE followup.cases SET automatic_text = 'planned', paged = '{osei}' RETURNING 1")
    async with console.visitor(Role.OPERATOR) as nina:
        _status, page = await nina.get(f"/safety/{CASE}")
        assert "on its way" in page
        assert '<b>Dr. Osei</b> <span class="soft">clinician, paged</span> <a href="tel:+12125550150">' in page
        assert "You can phone them" in page
        await console.rows(
            """INSERT INTO notifier.messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent,
                    priority, state, send_at, expires_at, due_at, reason, attempt)
               SELECT 'safety:pt_1', 'one', 'sms', 'harbor', 'pt_1', recipient_id, 'safety', true, 0, 'planned', at,
                      at + interval '1 hour', at, 'provider_stopped', 1
                 FROM (SELECT opened_at AS at FROM followup.cases) AS c, notifier.recipients RETURNING 1"""
        )
        assert "not sent yet: phone</b> (sending is stopped)" in (await nina.get(f"/safety/{CASE}"))[1]
        await console.rows(
            """UPDATE notifier.messages SET state = 'sent', outcome = 'sent', ended_at = send_at, receipt = 'delivered'
                WHERE purpose = 'safety' RETURNING 1"""
        )
        assert "<dd>delivered</dd>" in (await nina.get(f"/safety/{CASE}"))[1]
    async with console.visitor(Role.VIEWER) as viewer:
        assert "tel:" not in (await viewer.get(f"/safety/{CASE}"))[1]


async def test_who_may_not_answer_an_alert_is_offered_nothing_and_refused(console):
    await open_case(console)
    for role in (Role.VIEWER, Role.OPERATOR):
        async with console.visitor(role) as visitor:
            _status, page = await visitor.get(f"/safety/{CASE}")
            assert "I have it" not in page
            assert (await visitor.post(f"/safety/{CASE}/acknowledge"))[0] == 403
    assert await commands(console) == []


@asynccontextmanager
async def a_followup(seen):
    """Stand in for followup's routes, with the token read as followup reads it."""

    async def show(request):
        bearer = read(request.headers["Authorization"].removeprefix("Bearer "), SECRET, now=datetime.now().astimezone())
        seen.append(bearer)
        if bearer is None or bearer.role != "clinician" or bearer.about != request.match_info["id"]:
            raise web.HTTPNotFound
        return web.json_response(
            {"words": [{"at": "2026-11-20T16:50:00+00:00", "text": "<b>I cannot go on</b>", "phone": "+12125550123"}]}
        )

    application = web.Application()
    application.router.add_get("/cases/{id}", show)
    application.router.add_get("/replies/{id}", show)
    async with serving(application, host="127.0.0.1", port=0) as port:
        yield f"http://127.0.0.1:{port}"


async def test_a_clinician_alone_is_shown_the_words_and_the_look_is_kept(database_url, amqp_url, sealer):
    seen = []
    async with (
        a_followup(seen) as url,
        open_console(database_url, amqp_url, sealer, followup_url=url, followup_token=SECRET) as console,
    ):
        await open_case(console)
        async with console.visitor(Role.CLINICIAN, "dr.osei") as osei:
            assert "I cannot go on" not in (await osei.get(f"/safety/{CASE}"))[1]
            _status, page = await osei.post(f"/safety/{CASE}")
            assert "&lt;b&gt;I cannot go on" in page
            assert "tel:+12125550123" in page
        async with console.visitor(Role.ADMIN) as admin:
            assert (await admin.post(f"/safety/{CASE}"))[0] == 403
        looks = await console.rows("SELECT person FROM console.audit WHERE what LIKE 'read the words%%'")
    assert [(bearer.who, bearer.role, bearer.about) for bearer in seen] == [("dr.osei", "clinician", CASE)]
    assert looks == [{"person": "dr.osei"}]


async def test_words_that_followup_cannot_show_are_a_clear_answer(console):
    await open_case(console)
    async with console.visitor(Role.CLINICIAN) as osei:
        status, page = await osei.post(f"/safety/{CASE}")
    assert status == 400
    assert "AFTERCARE_FOLLOWUP_TOKEN" in page


@pytest.mark.parametrize("asker", ["followup", "booking_events", "notifier"])
async def test_a_clinician_alone_is_shown_the_reply_that_a_task_is_about_and_the_look_is_kept(
    database_url, amqp_url, sealer, asker
):
    seen = []
    async with (
        a_followup(seen) as url,
        open_console(database_url, amqp_url, sealer, followup_url=url, followup_token=SECRET) as console,
    ):
        await ask_to_read(console, asker=asker)
        async with console.visitor(Role.CLINICIAN, "dr.osei") as osei:
            for listed in ("/tasks", "/checkins", f"/tasks/{TASK}"):
                _status, page = await osei.get(listed)
                assert f'<form method="post" action="/tasks/{TASK}">' in page
                assert "Show the words and the number (kept in the audit)" in page
                assert "I cannot go on" not in page
            assert (await osei.post(f"/tasks/{TASK}", csrf="another"))[0] == 403
            async with osei.session.post(f"/tasks/{TASK}", data={"csrf": await osei.csrf()}, headers=OWN) as answer:
                assert answer.headers["Cache-Control"] == "no-store"
                page = await answer.text()
            assert "&lt;b&gt;I cannot go on" in page
            assert "tel:+12125550123" in page
            assert "PHQ-9, question 2" in page
            assert "perhaps an answer, but not a clear one" in page
            assert "Done</button>" in page
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
            async with console.visitor(role) as visitor:
                for listed in ("/tasks", "/checkins", f"/tasks/{TASK}"):
                    _status, page = await visitor.get(listed)
                    assert "Only a clinician is shown the words." in page
                    assert "Show the words" not in page
                assert (await visitor.post(f"/tasks/{TASK}"))[0] == 403
        looks = await console.rows("SELECT person, what, target FROM console.audit WHERE what LIKE 'read %%'")
    assert [(bearer.who, bearer.role, bearer.about) for bearer in seen] == [("dr.osei", "clinician", "SM1")]
    assert looks == [{"person": "dr.osei", "what": "read a reply", "target": "SM1"}]


async def test_followup_itself_shows_the_console_a_reply_until_it_is_erased(database_url, amqp_url, sealer):
    async with open_followup(database_url, sealer) as followup:
        routes = Webhooks(followup.database, followup.clock, SECRET).routes()
        application = build_application(routes, health=Health(), metrics=Metrics())
        await followup.reply("canary: the waiting room was cold")
        (task,) = await followup.rows(
            "SELECT task_id, refs ->> 'provider_reference' AS reply FROM followup.staff_tasks"
        )
        async with (
            serving(application, host="127.0.0.1", port=0) as port,
            open_console(
                database_url, amqp_url, sealer, followup_url=f"http://127.0.0.1:{port}", followup_token=SECRET
            ) as console,
            console.visitor(Role.CLINICIAN, "dr.osei") as osei,
        ):
            _status, page = await osei.post(f"/tasks/{task['task_id']}")
            assert "canary: the waiting room was cold" in page
            assert "tel:+12125550123" in page
            await followup.take(
                ERASE, {"clinic_id": "harbor", "patient_ref": ANA, "request_id": "r-1", "who": "front desk"}
            )
            status, page = await osei.post(f"/tasks/{task['task_id']}")
            assert status == 400
            assert "not kept any more" in page
        looks = await followup.rows(
            "SELECT who, role, provider_reference, allowed FROM followup.case_looks ORDER BY id"
        )
        kept = str(await followup.rows("SELECT h::text FROM followup.history h"))
        kept += str(await followup.rows("SELECT a::text FROM console.audit a"))
    assert [tuple(look.values()) for look in looks] == [
        ("dr.osei", "clinician", task["reply"], allowed) for allowed in (True, False)
    ]
    assert "canary" not in kept
    assert "2125550123" not in kept


async def test_words_that_are_kept_no_more_are_not_offered(console):
    await ask_to_read(console, is_kept=False)
    async with console.visitor(Role.CLINICIAN) as osei:
        status, page = await osei.get(f"/tasks/{TASK}")
    assert status == 200
    assert "It is not kept any more." in page
    assert "Show the words" not in page


async def test_words_that_followup_keeps_back_are_a_clear_answer(database_url, amqp_url, sealer):
    application = web.Application()  # knows no reply
    async with (
        serving(application, host="127.0.0.1", port=0) as port,
        open_console(
            database_url, amqp_url, sealer, followup_url=f"http://127.0.0.1:{port}", followup_token=SECRET
        ) as console,
    ):
        await ask_to_read(console)
        async with console.visitor(Role.CLINICIAN) as osei:
            status, page = await osei.post(f"/tasks/{TASK}")
    assert status == 400
    assert "not kept any more, or not for you to read" in page


async def test_a_task_without_words_has_a_page_and_none_to_show(console):
    await raise_task(console, "feed_braked")
    async with console.visitor(Role.CLINICIAN) as osei:
        status, page = await osei.get("/tasks/t1")
        assert status == 200
        assert "What was written" not in page
        for unknown in ("/tasks/t1", "/tasks/t9"):
            assert (await osei.post(unknown))[0] == 404
        assert (await osei.get("/tasks/t9"))[0] == 404
        assert (await osei.post("/tasks", task_id="t1", how="no_longer_needed"))[0] == 303
        _status, page = await osei.get("/tasks/t1")
    assert "no longer needed" in page
    assert "Done</button>" not in page
    assert await console.rows("SELECT 1 FROM console.audit WHERE what LIKE 'read %%'") == []


async def test_a_task_is_done_once_and_told_with_who_and_how(console):
    await raise_task(console, due_by=ny("2026-11-20 11:30"))
    async with console.visitor(Role.OPERATOR, "nina") as nina:
        assert "overdue for 30 min" in (await nina.get("/tasks"))[1]
        assert (await nina.post("/tasks", task_id="t1", how="whatever"))[0] == 400
        assert (await nina.post("/tasks", task_id="t9", how="patient_reached"))[0] == 404
        for _ in range(2):
            assert (await nina.post("/tasks", task_id="t1", how="patient_reached"))[0] == 303
        _status, page = await nina.get("/tasks")
    assert "Nothing to do" in page
    assert "nina" in page
    assert await commands(console) == [
        (
            "staff.task.done.v1",
            {"task_id": "t1", "clinic_id": "harbor", "patient_ref": "pt_1", "how": "patient_reached"},
        )
    ]


async def test_what_is_held_stands_on_the_work_list_without_a_name_or_number(rooms, console):
    await rooms.book(
        consent={"reminders": False}, starts_at="2026-11-22T10:00:00-05:00", ends_at="2026-11-22T12:00:00-05:00"
    )
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.send()
    async with console.visitor() as ada:
        _status, page = await ada.get("/upcoming")
        status, text = await ada.get("/upcoming/work-list.csv")
    assert "the patient has not agreed to this kind" in page
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["state"] for row in rows} == {"held"}
    assert "Ana" not in text
    assert "5550123" not in text


def test_a_patients_chart_has_a_row_per_instrument_and_a_mark_per_infusion():
    one, two = ny("2026-11-01 12:00"), ny("2026-11-08 12:00")
    scores = [
        {"instrument": "phq9", "at": one, "total": 18.0},
        {"instrument": "mood", "at": one, "total": 3.0},
        {"instrument": "phq9", "at": two, "total": 9.0},
    ]
    chart = json.loads(chart_of(scores, [ny("2026-11-02 10:00")]))
    assert chart["kinds"] == ["mood", "phq9"]
    assert chart["rows"] == [[3.0, None], [18.0, 9.0]]
    assert len(chart["marks"]) == 1
