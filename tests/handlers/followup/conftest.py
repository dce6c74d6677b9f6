"""A followup room for handler tests."""

import pytest

from tests.followup_room import open_followup


@pytest.fixture
async def room(database_url, sealer):
    async with open_followup(database_url, sealer) as opened:
        yield opened
