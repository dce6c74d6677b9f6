"""A console for the tests."""

import pytest

from tests.console.room import open_console


@pytest.fixture
async def console(servers, database_url, amqp_url, sealer):
    async with open_console(database_url, amqp_url, sealer, management_url=servers.addresses.management_url) as opened:
        yield opened
