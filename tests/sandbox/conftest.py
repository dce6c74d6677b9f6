"""A running sandbox and somebody who receives its webhooks, for each test."""

import pytest

from tests.sandbox.room import open_client, open_receiver


@pytest.fixture
async def receiver():
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
async def client(receiver):
    async with open_client(receiver) as client:
        yield client
