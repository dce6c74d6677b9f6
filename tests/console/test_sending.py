"""Pausing, resuming, trying again, ending a feed: by the right people, from their own forms, kept and told."""

import pytest

from services.console.domain.access import Role
from tests.builders import ny
from tests.console.room import Client
from tests.console.test_work import commands
from tests.rooms import open_rooms
from tests.waiting import until

ACTS = [
    ("/clinics/harbor/pause", {"cause": "wrong_bookings"}),
    ("/clinics/harbor/resume", {}),
    ("/providers/provider/try", {}),
    ("/feeds/end", {"clinic_id": "harbor", "source": "ehr"}),
]


async def pause_harbor(console, cause="feed_braked"):
    await console.rows("INSERT INTO notifier.pauses (scope, cause) VALUES ('clinic:harbor', %s) RETURNING 1", cause)


@pytest.fixture
async def feed(console, database_url, sealer):
    """A feed that was heard of two days ago."""
    async with open_rooms(database_url, sealer, now="2026-11-18 10:00") as rooms:
        await rooms.book()
    return console


async def shown(client: Client, words):
    async def there():
        return words in (await client.get("/"))[1]

    await until(there, what=words)


async def test_an_operator_pauses_and_resumes_a_clinic_by_commands_that_are_kept(console):
    async with console.visitor(Role.OPERATOR, "nina") as nina:
        assert (await nina.get("/clinics/nowhere/pause"))[0] == 404
        assert "Pause Harbor Clinic?" in (await nina.get("/clinics/harbor/pause"))[1]
        assert (await nina.post("/clinics/harbor/pause", cause="I felt like it"))[0] == 400
        assert (await nina.post("/clinics/nowhere/pause", cause="wrong_texts"))[0] == 404
        assert await nina.post("/clinics/harbor/pause", cause="wrong_texts") == (303, "/?asked=pause")
        assert (await nina.post("/clinics/harbor/resume"))[0] == 404  # the notifier has not heard of it yet
        await pause_harbor(console)
        await shown(nina, "its booking feed changed too much at once; nothing is held yet")
        assert await nina.post("/clinics/harbor/resume") == (303, "/?asked=resume")
    assert await commands(console) == [
        ("clinic.pause.v1", {"clinic_id": "harbor", "cause": "wrong_texts", "who": "nina"}),
        ("clinic.resume.v1", {"clinic_id": "harbor", "who": "nina"}),
    ]
    kept = await console.rows("SELECT what, target, detail FROM console.audit WHERE target = 'harbor' ORDER BY id")
    assert [tuple(row.values()) for row in kept] == [
        ("paused a clinic", "harbor", "wrong_texts"),
        ("resumed a clinic", "harbor", None),
    ]


async def test_a_clinic_that_left_the_file_while_it_was_paused_can_still_be_resumed(console):
    await console.rows("INSERT INTO notifier.pauses (scope, cause) VALUES ('clinic:gone by', 'operator') RETURNING 1")
    async with console.visitor(Role.OPERATOR) as nina:
        await shown(nina, "no longer in the clinic file")
        assert (await nina.post("/clinics/gone%20by/resume"))[0] == 303
    assert [data["clinic_id"] for _kind, data in await commands(console)] == ["gone by"]


async def test_a_provider_that_refuses_us_is_tried_when_a_person_asks(console):
    await console.rows(
        """INSERT INTO notifier.pauses (scope, cause, until)
           VALUES ('provider', '20003', clock_timestamp() + interval '4 minutes') RETURNING 1"""
    )
    async with console.visitor(Role.OPERATOR, "nina") as nina:
        await shown(nina, "One message is tried in 3 min, by itself")
        assert await nina.post("/providers/provider/try") == (303, "/?asked=try")
        assert (await nina.post("/providers/nobody/try"))[0] == 404
    assert await commands(console) == [("provider.try.v1", {"provider": "provider", "who": "nina"})]


async def test_a_feed_that_has_ended_is_silent_without_an_alarm_until_it_is_heard_again(feed):
    async with feed.visitor(Role.OPERATOR, "nina") as nina:
        await shown(nina, "No booking has come from ehr of harbor for")
        assert (await nina.post("/feeds/end", clinic_id="harbor", source="nobody"))[0] == 404
        assert (await nina.post("/feeds/end", clinic_id="harbor", source="ehr"))[0] == 303
        await shown(nina, "ended, says nina")
        assert "No booking has come" not in (await nina.get("/"))[1]
        feed.clock.set(ny("2026-11-20 18:00"))
        await feed.rows("UPDATE booking_events.appointments SET changed_at = %s RETURNING 1", ny("2026-11-20 13:00"))
        await shown(nina, "No booking has come from ehr of harbor for 4 h")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CLINICIAN])
async def test_who_does_not_operate_is_offered_nothing_and_refused(feed, role):
    await pause_harbor(feed)
    async with feed.visitor(role) as visitor:
        await shown(visitor, "its booking feed changed too much at once")
        _status, page = await visitor.get("/")
        assert not any(word in page for word in ("Resume", "Pause<", "Nothing more is to come"))
        for path, fields in ACTS:
            assert (await visitor.post(path, **fields))[0] == 403
    assert await commands(feed) == []


async def test_no_act_takes_a_form_that_is_not_the_visitors_own(feed):
    await pause_harbor(feed)
    async with feed.visitor(Role.OPERATOR) as nina:
        for path, fields in ACTS:
            assert (await nina.post(path, csrf="0" * 40, **fields))[0] == 403
            assert (await nina.post(path, headers={"Sec-Fetch-Site": "cross-site"}, **fields))[0] == 403
    assert await commands(feed) == []
