"""A booking published by a client that is not ours, with nothing but exchange, routing key and body."""

import asyncio
import os
import subprocess
import sys

import pytest

from shared.broker.connection import open_connection
from shared.broker.topology import BOOKING_EVENTS
from shared.messages.booking import CREATED
from tests.builders import ROOT

EXAMPLES = ROOT / "docs" / "examples"


@pytest.mark.parametrize("address", ["{url}", "{url}?heartbeat=30"])
async def test_the_documented_python_client_reaches_the_queue(amqp_url, address):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "publish.py", "../booking.json"],
        cwd=EXAMPLES / "publish",
        env={**os.environ, "AFTERCARE_AMQP_URL": address.format(url=amqp_url)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "published; the broker has it\n", done.stderr
    connection = await open_connection(amqp_url, name="test")
    async with connection:
        queue = await (await connection.channel()).get_queue(BOOKING_EVENTS)
        message = await queue.get(timeout=5)
        assert message.routing_key == CREATED
        assert message.body == (EXAMPLES / "booking.json").read_bytes()
        await message.ack()


def test_the_address_that_we_hand_out_leaves_the_virtual_host_to_the_default(servers):
    """A trailing slash would name the virtual host with the empty name to most clients."""
    assert servers.addresses.amqp_url.rpartition(":")[2].isdigit()
