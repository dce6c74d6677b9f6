"""The queues are what every supported broker accepts, and each has a reader."""

import os
from importlib import import_module
from pathlib import Path

import pytest

from shared.broker.topology import MAIN_QUEUES, TOPOLOGY, URGENT_QUEUE_OF, dead_letter_queue, family_of, retry_queue
from shared.kernel.clock import SystemClock
from shared.messages.catalogue import CATALOGUE
from shared.postgres.database import Database
from shared.postgres.listener import Listener
from shared.runtime.service import Kit
from shared.runtime.settings import ServiceSettings, load_settings
from shared.telemetry.metrics import Metrics
from shared.web.health import Health
from tests.builders import ROOT, example_clinics

KNOWN_TO_EVERY_BROKER = {
    "x-queue-type": str,
    "x-delivery-limit": int,
    "x-dead-letter-exchange": str,
    "x-dead-letter-routing-key": str,
    "x-dead-letter-strategy": str,
    "x-overflow": str,
    "x-message-ttl": int,
}
"""Accepted for quorum queues by RabbitMQ 3.10 and by 4.x alike. Not among them, since 4.x refuses to declare a quorum
queue with them or 3.10 does not know them: x-max-priority, x-queue-mode, x-queue-version, x-queue-master-locator,
x-single-active-consumer beside priorities, x-delayed-retry-type and its kin."""

NAMES = [queue.name for queue in TOPOLOGY]


@pytest.mark.parametrize("queue", TOPOLOGY, ids=NAMES)
def test_a_queue_is_durable_bounded_and_never_drops_anything(queue):
    arguments = queue.arguments
    unknown = arguments.keys() - KNOWN_TO_EVERY_BROKER.keys()
    assert not unknown
    assert all(type(value) is KNOWN_TO_EVERY_BROKER[name] for name, value in arguments.items())
    assert arguments["x-queue-type"] == "quorum"
    assert arguments["x-delivery-limit"] >= 1, "4.x would set 20, 3.10 none"
    assert arguments["x-dead-letter-routing-key"] in NAMES, "what is given up needs a place that exists"
    assert (arguments["x-dead-letter-strategy"], arguments["x-overflow"]) == ("at-least-once", "reject-publish")


def test_every_main_queue_has_its_retry_queues_and_its_dead_letter_queue():
    assert len(NAMES) == len(set(NAMES))
    for name in MAIN_QUEUES:
        rows = {
            row.name: row
            for row in TOPOLOGY
            if row.name == name or row.name.startswith((f"{name}.retry.", f"{name}.dlq"))
        }
        assert rows[name].arguments["x-dead-letter-routing-key"] == dead_letter_queue(name)
        for delay in ("1s", "10s", "1m", "10m"):
            waiting = rows[retry_queue(name, delay)]
            assert waiting.arguments["x-dead-letter-routing-key"] == name, "it comes back by itself"
            assert waiting.arguments["x-message-ttl"] > 0
            assert not waiting.bindings


def test_the_families_of_the_main_queues_are_all_there_is():
    assert [row for name in MAIN_QUEUES for row in family_of(name)] == list(TOPOLOGY)


def test_names_carry_nothing_but_names():
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz_.0123456789") for name in NAMES)


def test_only_types_of_the_catalogue_are_bound_and_each_owned_one_is():
    readers = [(key, row.name.partition(".")[0]) for row in TOPOLOGY for key in row.bindings]
    bound = [key for key, _service in readers]
    assert set(bound) <= CATALOGUE.keys()
    assert len(readers) == len(set(readers)), "a type with two readers in one service would take effect twice"
    owned = {name for name, row in CATALOGUE.items() if row.owned}
    read = [name for name in bound if name in owned]
    assert len(read) == len(set(read)), "an owned type with two readers of ours would take effect twice"
    assert owned <= set(bound)
    assert set(URGENT_QUEUE_OF) <= owned


@pytest.fixture
async def readers(monkeypatch, sealer):
    """What each queue's consumer handles, from every service's composition root."""
    for name, value in example_environment().items():
        monkeypatch.setenv(name, value)
    found, closing = {}, []
    for folder in sorted((ROOT / "services").glob("*/__main__.py")):
        service = folder.parent.name
        url = os.environ["AFTERCARE_DATABASE_URL"]
        database = Database(url, schema=service, sealer=sealer)
        kit = Kit(service, example_clinics(), database, SystemClock(), Metrics(), Health(), Listener(url, service))
        parts = await import_module(f"services.{service}.__main__").build(kit, settings_of(service))
        closing += parts.closing
        for row in parts.queues:
            for queue in row.names:
                assert queue not in found, f"{queue} is read by two tables"
                found[queue] = {handler.type for handler in row.handlers}
    yield found
    for close in closing:
        await close()


def settings_of(service):
    module = import_module(f"services.{service}.settings")
    (model,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    )
    return load_settings(model)


def example_environment():
    return {
        "AFTERCARE_AMQP_URL": "amqp://u:p@127.0.0.1:1/",
        "AFTERCARE_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
        "AFTERCARE_CONFIG": str(Path(ROOT, "config/clinic.example.toml")),
        "AFTERCARE_SEALING_KEYS": "a:" + "A" * 43 + "=",
        "AFTERCARE_PUBLIC_URL": "https://texts.example.org",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_FROM_NUMBER": "+12125550199",
    }


async def test_every_queue_has_one_consumer_that_handles_all_that_is_bound_to_it(readers):
    assert set(readers) == set(MAIN_QUEUES)
    for row in TOPOLOGY:
        urgent = {name for name, queue in URGENT_QUEUE_OF.items() if queue == row.name}
        unread = (set(row.bindings) | urgent) - readers.get(row.name, set())
        assert not unread, f"{row.name}: nothing handles {', '.join(sorted(unread))}"
