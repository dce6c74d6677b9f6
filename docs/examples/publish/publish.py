"""Publish a booking with pika: python publish.py ../booking.json"""

import os
import sys
from pathlib import Path

import pika

body = Path(sys.argv[1]).read_bytes()
with pika.BlockingConnection(pika.URLParameters(os.environ["AFTERCARE_AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.confirm_delivery()  # basic_publish now returns only when the broker has the booking, or raises
    channel.basic_publish(
        exchange="aftercare",
        routing_key="booking.created.v1",
        body=body,
        properties=pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent, content_type="application/json"),
        mandatory=True,
    )
print("published; the broker has it")
