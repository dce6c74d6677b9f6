"""A database that was put back to an earlier state sends nothing a second time (RELIABILITY.md F24)."""

from dataclasses import replace

import aiohttp
import psycopg
import pytest

from services.notifier.handlers.recall_sent import RecallSent
from services.notifier.providers.twilio_http import TwilioHttp
from services.notifier.providers.twilio_sms import TwilioSms, build_client
from shared.kernel.errors import DependencyUnavailableError
from tests.builders import ny
from tests.rooms import ACCOUNT, TOKEN

BO = {"patient_id": "bo", "given_name": "Bo", "phone": "+12125550199"}


@pytest.fixture
async def restored(rooms, database_url):
    """Bo was told an hour ago and Ana just now; then the database went back to before Ana's text."""
    await rooms.book(booking_id="bk_0", patient=BO)
    await rooms.until(ny("2026-11-20 12:05"))
    kept = (await rooms.row("SELECT max(id) AS id FROM notifier.messages"))["id"]
    await rooms.book()
    await rooms.until(ny("2026-11-20 12:10"))
    assert len(rooms.texts()) == 2
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM notifier.attempts WHERE message_id > %s", (kept,))
        connection.execute("UPDATE notifier.attempts SET started_at = started_at - interval '1 hour'")
        connection.execute(
            """UPDATE notifier.messages SET state = 'planned', outcome = NULL, ended_at = NULL, attempt = 0, number = NULL,
                      provider_reference = NULL, receipt = NULL, started_at = NULL WHERE id > %s""",
            (kept,),
        )
    return rooms


async def test_what_the_provider_has_is_taken_as_sent(restored):
    before = restored.texts()
    recall = RecallSent(restored.notifier, restored.context)
    assert not recall.is_done()
    await recall.run_once()
    assert recall.is_done()
    await restored.until(ny("2026-11-20 12:15"))
    assert restored.texts() == before
    told = await restored.row(
        "SELECT outcome, provider_reference FROM notifier.messages WHERE key = 'confirmed:ehr/bk_1:r1'"
    )
    assert told == {"outcome": "sent", "provider_reference": restored.sandbox.accepted()[-1]["sid"]}
    assert await restored.rows("SELECT 1 FROM notifier.recalled") == []


async def test_without_the_recall_it_would_go_out_again(restored):
    await restored.until(ny("2026-11-20 12:15"))
    assert len(restored.texts()) == 3


async def test_what_is_still_to_be_told_is_told(restored):
    await RecallSent(restored.notifier, restored.context).run_once()
    await restored.until(ny("2026-12-20 12:00"))
    assert len(restored.sandbox.accepted("+12125550123")) == 3
    assert len(restored.sandbox.accepted(BO["phone"])) == 3


async def test_an_ordinary_restart_recalls_nothing(rooms):
    await rooms.book()
    await rooms.until(ny("2026-11-20 12:05"))
    recall = RecallSent(rooms.notifier, rooms.context)
    await recall.run_once()
    assert recall.is_done()
    assert await rooms.rows("SELECT 1 FROM notifier.recalled") == []


async def test_nothing_may_be_sent_before_the_provider_has_answered(restored):
    async with aiohttp.ClientSession() as session:
        nobody = TwilioHttp(session, timeout_s=0.5, base_url="http://127.0.0.1:9")
        client = build_client(nobody, account_sid=ACCOUNT, username=ACCOUNT, password=TOKEN)
        deaf = replace(restored.context, provider=TwilioSms(client, public_url="http://127.0.0.1:1"))
        recall = RecallSent(restored.notifier, deaf)
        with pytest.raises(DependencyUnavailableError):
            await recall.run_once()
        assert not recall.is_done()


async def test_a_first_start_has_nothing_to_ask(rooms):
    recall = RecallSent(rooms.notifier, rooms.context)
    await recall.run_once()
    assert recall.is_done()
