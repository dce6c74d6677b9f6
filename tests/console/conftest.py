"""A console for the tests, and the rooms behind it."""

import pytest

from tests.console.room import open_console
from tests.rooms import open_rooms


@pytest.fixture
async def console(servers, database_url, amqp_url, sealer):
    async with open_console(database_url, amqp_url, sealer, management_url=servers.addresses.management_url) as opened:
        yield opened


@pytest.fixture
async def rooms(database_url, sealer):
    async with open_rooms(database_url, sealer) as opened:
        yield opened
