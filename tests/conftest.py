"""Real servers for the tests: one broker and one database server a session, a database and a vhost a test."""

import asyncio
import itertools
import json
import os
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import settings

from cli.stack import MIGRATIONS
from shared.broker.connection import declare_on
from shared.postgres.migrate import migrate
from shared.postgres.sealing import Sealer, SealingKey
from shared.runtime.local_servers import LocalServers, start_local_servers
from tests.builders import ROOT

settings.register_profile("aftercare", deadline=None, max_examples=int(os.environ.get("AFTERCARE_EXAMPLES", "60")))
settings.load_profile("aftercare")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers() -> Iterator[LocalServers]:
    """One private broker and one private database server for the session."""
    with start_local_servers(ROOT / ".aftercare" / "servers", throwaway=True) as running:
        yield running


@pytest.fixture(scope="session")
def template(servers) -> str:
    """A database with every migration applied, to be copied."""
    url = servers.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_of_tests")
    asyncio.run(migrate(_database(url, "template_of_tests"), MIGRATIONS))
    return "template_of_tests"


@pytest.fixture
def database_url(servers, template) -> Iterator[str]:
    """A fresh database with the product's schemas."""
    with fresh_database(servers, template) as url:
        yield url


@contextmanager
def fresh_database(servers, template) -> Iterator[str]:
    """Copy the template for the length of a block: a property needs a database for each example."""
    name = f"test_{next(_numbers)}"
    url = servers.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    yield _database(url, name)
    with psycopg.connect(url, autocommit=True) as connection:  # anew: the test may have restarted the server
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def amqp_url(servers) -> AsyncIterator[str]:
    """A fresh vhost with the product's queues."""
    with fresh_vhost(servers) as url:
        await declare_on(url)
        yield url


@contextmanager
def fresh_vhost(servers) -> Iterator[str]:
    """Make a vhost without any queue for the length of a block."""
    name = f"test_{next(_numbers)}"
    manage(servers, "PUT", f"/api/vhosts/{name}")
    yield servers.addresses.amqp_url.rstrip("/") + f"/{name}"
    manage(servers, "DELETE", f"/api/vhosts/{name}")


@pytest.fixture(scope="session")
def sealer() -> Sealer:
    """A sealer with a key of the tests' own."""
    return Sealer([SealingKey("test", bytes(range(32)))])


def manage(servers, method: str, path: str, body: object = None):
    """Ask the broker's management interface."""
    parts = urlsplit(servers.addresses.management_url)
    credentials = b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    request = urllib.request.Request(
        f"http://{parts.hostname}:{parts.port}{path}",
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def _database(url: str, name: str) -> str:
    return url.rsplit("/", 1)[0] + f"/{name}"
