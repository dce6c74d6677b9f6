"""Rooms for handler tests."""

import pytest

from tests.rooms import open_rooms


@pytest.fixture
async def rooms(database_url, sealer):
    async with open_rooms(database_url, sealer) as opened:
        yield opened
