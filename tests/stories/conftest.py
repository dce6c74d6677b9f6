"""A story to tell."""

import pytest

from tests.stories.telling import telling


@pytest.fixture
async def story(database_url, sealer):
    """A story that begins on a Monday noon in New York."""
    async with telling(database_url, sealer, now="2026-11-23 12:00") as opened:
        yield opened
