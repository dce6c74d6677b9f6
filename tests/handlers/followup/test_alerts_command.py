"""``aftercare alerts`` over a real broker: it ends only when followup has done what it was told."""

import asyncio

import pytest

from cli.alerts import acknowledge_alert, close_alert, list_alerts
from services.followup.consumers import urgent_handlers
from shared.broker.consumer import Consumer
from shared.broker.publisher import Publisher
from shared.kernel.errors import ConfigurationError
from shared.telemetry.metrics import Metrics
from tests.waiting import until


@pytest.fixture
async def system(room, amqp_url, database_url, monkeypatch):
    """A system that the command line finds, with followup's urgent queue being read."""
    monkeypatch.setenv("AFTERCARE_AMQP_URL", amqp_url)
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", database_url)
    publisher = Publisher(amqp_url, name="test")
    consumer = Consumer(
        "followup.urgent",
        urgent_handlers(room.context),
        url=amqp_url,
        database=room.database,
        publisher=publisher,
        clock=room.clock,
        metrics=Metrics(),
    )
    running = asyncio.create_task(consumer.run())
    await until(lambda: consumer.complaint() is None)
    yield room
    await consumer.stop()
    await running
    await publisher.close()


async def test_a_case_is_listed_taken_on_and_closed_by_a_named_person(system, capsys):
    await system.reply("I want to die")
    (row,) = await system.rows("SELECT case_id FROM followup.cases")
    case = row["case_id"]
    assert await list_alerts() == 1
    assert f"{case}  S1  harbor  pt_ana" in (listed := capsys.readouterr().out)
    assert "waits, paged: osei" in listed
    assert await acknowledge_alert(case, "Dr. Osei") == 0
    assert await acknowledge_alert(case, "Nurse Lind") == 1
    assert "Dr. Osei has" in capsys.readouterr().out
    assert await list_alerts() == 0
    assert await close_alert(case, "Dr. Osei", "reached_safe") == 0
    capsys.readouterr()
    assert await list_alerts() == 0
    assert capsys.readouterr().out == "no open case\n"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (lambda: acknowledge_alert("case-0", None), "named person"),
        (lambda: acknowledge_alert("case-0", "Dr. Osei"), "there is no case case-0"),
        (lambda: close_alert("case-0", "Dr. Osei", "fine"), "one of reached_safe"),
    ],
)
async def test_a_mistake_is_one_clear_sentence(system, command, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        await command()
