"""One world for all runs: starting it takes longer than what is done to it."""

from datetime import UTC, datetime

import pytest

from tests.chaos.world import open_world

BEGIN = datetime(2026, 10, 26, 15, tzinfo=UTC)  # the clocks go back on the Sunday


@pytest.fixture(scope="package")
async def world(tmp_path_factory):
    async with open_world(tmp_path_factory.mktemp("chaos"), BEGIN) as opened:
        yield opened
