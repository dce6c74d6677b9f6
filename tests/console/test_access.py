"""Who comes in, and what a form must carry (RELIABILITY.md S5 to S8, F51)."""

import os
import re

import aiohttp
import psycopg
import pytest

from services.console import store
from services.console.domain import password
from services.console.domain.access import Role
from services.console.pages.door import headers_about_frames
from services.console.pages.sign_in import own_path
from services.console.routes import routes
from services.console.settings import ConsoleSettings
from shared.kernel.errors import ConfigurationError
from shared.runtime.settings import load_settings
from tests.console.room import OWN

OPEN = {"/sign-in", "/sign-in/{token}", "/static/{version}/{name:.+}", "/sign-in/with", "/sign-in/back"}


def paths(method):
    class Nothing:
        oidc_name = None

        def __getattr__(self, _name):
            return None

    return [
        route for route in routes(Nothing(), Nothing(), Nothing()) if route.method == method and route.path not in OPEN
    ]


async def test_no_page_is_reached_without_signing_in(console):
    async with aiohttp.ClientSession(console.url) as stranger:
        for route in paths("GET"):
            path = re.sub(r"\{[^}]*\}+", "1", route.path)
            async with stranger.get(path, allow_redirects=False) as answer:
                assert (route.path, answer.status) in {(route.path, 303), (route.path, 401), (route.path, 404)}
        for route in paths("POST"):
            path = re.sub(r"\{[^}]*\}+", "1", route.path)
            async with stranger.post(path, headers=OWN, allow_redirects=False) as answer:
                assert (route.path, answer.status) in {(route.path, 401), (route.path, 404)}


FORMS = [
    (OWN, None, 303),
    ({"Sec-Fetch-Site": "cross-site"}, None, 403),
    ({"Sec-Fetch-Site": "same-site"}, None, 403),
    ({"Origin": "https://evil.example"}, None, 403),
    ({}, None, 403),
    (OWN, "", 403),
    (OWN, "0" * 40, 403),
]


async def test_an_act_needs_a_form_of_the_visitors_own_session(console):
    async with console.visitor() as ada:
        for headers, csrf, status in FORMS:
            answer = await ada.post("/theme", headers=headers, csrf=csrf, theme="dark", next="/")
            assert answer[0] == status, (headers, csrf)


RIGHTS = [
    (Role.VIEWER, {"replay": 403, "audit": 403, "reveal": 403}),
    (Role.OPERATOR, {"replay": 303, "audit": 403, "reveal": 403}),
    (Role.CLINICIAN, {"replay": 403, "audit": 403, "reveal": 404}),
    (Role.ADMIN, {"replay": 303, "audit": 200, "reveal": 404}),
]


async def test_each_role_may_do_what_it_is_for(console):
    for role, expected in RIGHTS:
        async with console.visitor(role) as visitor:
            found = {
                "replay": (await visitor.post("/dead-letters/replay", queue="notifier", cause="refused", reason="-"))[
                    0
                ],
                "audit": (await visitor.get("/audit"))[0],
                "reveal": (await visitor.post("/dead-letters/1"))[0],
            }
            assert found == expected, role


async def test_a_link_lets_in_once(console):
    link = await console.link()
    async with aiohttp.ClientSession() as first, aiohttp.ClientSession() as second:
        async with first.get(link) as looked:  # a scanner that looks does not use it up
            assert looked.status == 200
        async with first.post(link, headers=OWN, allow_redirects=False) as answer:
            assert answer.status == 303
            cookie = answer.headers["Set-Cookie"]
        async with second.post(link, headers=OWN, allow_redirects=False) as answer:
            assert answer.status == 403
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_password_lets_in_and_five_wrong_ones_shut_the_door(console):
    async with console.database.transaction() as connection:
        kept = password.hashed("correct horse battery", salt=os.urandom(16))
        await store.save_person(connection, "nina", Role.OPERATOR, kept)

    async def enter(given, name="nina"):
        form = {"name": name, "password": given, "next": "/why"}
        async with (
            aiohttp.ClientSession(console.url) as session,
            session.post("/sign-in", data=form, headers=OWN, allow_redirects=False) as answer,
        ):
            return answer.status, answer.headers.get("Location"), await answer.text()

    assert (await enter("correct horse battery"))[:2] == (303, "/why")
    wrong = await enter("wrong")
    assert wrong[0] == 403
    assert wrong[2] == (await enter("wrong", name="nobody"))[2]
    for _ in range(4):
        await enter("wrong")
    assert (await enter("correct horse battery"))[0] == 403


async def test_a_session_ends_when_nothing_is_done_and_the_live_stream_does_not_count(console):
    async with console.visitor() as ada:
        assert (await ada.get("/runbook"))[0] == 200
        await console.rows("UPDATE console.sessions SET seen_at = seen_at - interval '16 minutes' RETURNING 1")
        async with ada.session.get("/live") as answer:
            assert answer.status in {200, 303}
        assert (await ada.get("/runbook"))[0] == 303


@pytest.mark.parametrize("becomes", [Role.VIEWER, None])
async def test_whose_rights_change_keeps_nothing_of_the_old_ones(console, becomes):  # S5, S7
    async def know(role):
        async with console.database.transaction() as connection:
            if role is None:
                return await store.disable_person(connection, "nina")
            return await store.save_person(connection, "nina", role, password.hashed("a new one, long", salt=b"salt"))

    await know(Role.ADMIN)
    async with console.visitor(Role.ADMIN, "nina") as nina, console.visitor(Role.ADMIN, "ada") as ada:
        link = await console.link(Role.ADMIN, "nina")
        assert (await nina.get("/audit"))[0] == 200
        await know(becomes)
        assert (await nina.get("/audit"))[0] == 303
        async with nina.session.post(link, headers=OWN, allow_redirects=False) as answer:
            assert answer.status == 403
        assert (await ada.get("/audit"))[0] == 200


async def test_signing_out_ends_the_session_itself(console):
    async with console.visitor() as ada:
        before = [cookie.value for cookie in ada.session.cookie_jar]
        assert (await ada.post("/sign-out"))[0] == 303
    async with (
        aiohttp.ClientSession(console.url, cookies={"aftercare": before[0]}) as thief,
        thief.get("/runbook", allow_redirects=False) as answer,
    ):
        assert answer.status == 303


async def test_every_page_leaves_with_headers_that_let_nothing_foreign_in(console):
    async with console.visitor() as ada, ada.session.get("/runbook") as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_coming_from_another_site_is_asked_again_by_ourselves(console):
    async with (
        aiohttp.ClientSession(console.url) as stranger,
        stranger.get("/why?q=bk_1", headers={"Sec-Fetch-Site": "cross-site"}) as answer,
    ):
        assert answer.status == 200
        assert "/why?q=bk_1&amp;bounced=1" in await answer.text()


@pytest.mark.parametrize(
    ("given", "goal"),
    [
        ("/why?q=1", "/why?q=1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        (None, "/"),
    ],
)
def test_signing_in_leads_only_to_pages_of_our_own(given, goal):
    assert own_path(given) == goal


async def test_the_audit_cannot_be_changed_by_the_console_and_a_change_by_others_shows(console):
    async with console.visitor() as ada:
        await ada.get("/why?q=bk_1")
    async with console.database.connection() as connection:
        assert await store.broken_links(connection) == []
        for statement in ("UPDATE audit SET person = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(statement)
    await console.rows("UPDATE console.audit SET what = 'nothing' WHERE what LIKE 'looked%%' RETURNING id")
    async with console.database.connection() as connection:
        assert len(await store.broken_links(connection)) == 1


async def test_the_console_reads_published_views_and_nothing_else(console):
    async with console.database.connection() as connection:
        await connection.execute("SELECT 1 FROM notifier.messages_v1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("SELECT 1 FROM notifier.messages")


def test_only_a_console_on_this_machine_may_be_shown_inside_a_page_and_only_of_this_machine():
    given = {"amqp_url": "amqp://a/", "database_url": "postgresql://b/", "sealing_keys": "-", "config": "clinic.toml"}
    demo = "http://127.0.0.1:8090"
    assert load_settings(ConsoleSettings, **given, console_framed_by=demo).console_framed_by == demo
    for framed_by, url in ((demo, "https://console.example.org"), ("https://evil.example", None), (f"{demo} *", None)):
        with pytest.raises(ConfigurationError, match="CONSOLE_FRAMED_BY"):
            load_settings(ConsoleSettings, **given, console_framed_by=framed_by, console_url=url)


def test_nobody_shows_the_console_inside_a_page_but_the_one_that_is_named():
    usual, demo = headers_about_frames(None), headers_about_frames("http://127.0.0.1:8090")
    assert usual["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert usual["X-Frame-Options"] == "DENY"
    assert demo["Content-Security-Policy"].endswith("frame-ancestors http://127.0.0.1:8090")
    assert (
        demo["Content-Security-Policy"].partition("frame-")[0]
        == usual["Content-Security-Policy"].partition("frame-")[0]
    )
