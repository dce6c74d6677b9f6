"""A name, a number, an address and words are pushed through every way in, right and wrong; then everything is searched."""

import json

import psycopg
import pytest
from psycopg import sql

from shared.broker.connection import open_connection
from shared.broker.topology import BOOKING_EVENTS, TOPOLOGY
from shared.messages.booking import CANCELLED
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)

NAME, PHONE, EMAIL, WORDS, SECRET = (
    "Canaria",
    "+12125550666",
    "canary@example.org",
    "sing like a canary",
    "canary-secret",
)
CANARIES = (NAME, PHONE, "2125550666", "212-555-0666", EMAIL, WORDS, SECRET)
PATIENT = {"patient_id": "canary", "given_name": NAME, "phone": PHONE, "email": EMAIL}


async def test_no_canary_outside_sealed_columns_and_the_providers_call(running):  # I15, S9, S18
    await push_through_everything(running)
    found = {
        **{
            f"log of {path.stem}": path.read_text(encoding="utf-8")
            for path in (running.stack.home / "logs").glob("*.log")
            if path.stem != "sandbox"
        },
        **{
            f"metrics of {name}": (await running.call("GET", name, "/metrics"))[1]
            for name in running.stack.addresses
            if name != "sandbox"
        },
        **{
            f"readiness of {name}": (await running.call("GET", name, "/readyz"))[1]
            for name in running.stack.addresses
            if name != "sandbox"
        },
        **await tables(running),
    }
    assert all(text for name, text in found.items() if name.startswith(("log", "metrics"))), (
        "nothing was written, so nothing was tested"
    )
    leaks = [
        (where, canary)
        for where, text in found.items()
        for canary in CANARIES
        if canary in text or canary.encode().hex() in text
    ]
    assert leaks == []
    assert not any(
        canary in row.name or any(canary in key for key in row.bindings) for row in TOPOLOGY for canary in CANARIES
    )


async def push_through_everything(running):
    good = running.booking(booking_id="canary", patient=PATIENT, join_url=None)
    await running.send(running.event(good, id="canary-1"))
    await running.texts_to([PHONE])
    # Wrong in every way that quotes a value: syntax, types, references, order, the same id for other words.
    await running.send(f'{{"given_name": "{NAME}", "phone": {PHONE}'.encode())
    await running.send(running.event(good | {"patient": {**good["patient"], "language": {"x": WORDS}}}))
    await running.send(running.event(good | {"clinic_id": WORDS}))
    await running.send(running.event(good | {"modality": WORDS}))
    await running.send(running.event(good, event=f"booking.{NAME}.v1"))
    await running.send(
        running.event({**good, "patient": {**good["patient"], "phone": f"{PHONE}99999999"}}, id="canary-1")
    )
    await running.send(running.event({**good, "starts_at": "2031-01-01T10:00:00Z", "ends_at": None}, id="canary-2"))
    await running.send(running.event(good | {"revision": 9}, event=CANCELLED), event=CANCELLED)
    await running.post_booking(running.event(good | {"visit_kind": WORDS}))
    await running.post_booking(running.event(good), secret=SECRET)
    await running.call(
        "POST", "booking_events", f"/bookings/{SECRET}/{WORDS.replace(' ', '')}?phone={PHONE}", body=b"{}"
    )
    for text in (WORDS, f"call {PHONE}", f"write to {EMAIL}", "STOP", "START", "HELP"):
        assert (await running.post_form("/twilio/inbound", running.inbound(text, phone=PHONE)))[0] == 200
    await running.post_form("/twilio/inbound", running.inbound(WORDS, phone=PHONE) | {"NumMedia": WORDS})
    await running.post_form("/twilio/inbound", running.inbound(WORDS, phone=PHONE), token=SECRET)
    await running.call(
        "POST",
        "sandbox",
        "/sandbox/faults",
        body=json.dumps({"kind": "400", "code": 21211, "count": 1}).encode(),
        headers={"Content-Type": "application/json"},
    )

    async def nothing_under_way():
        kept = (await tables(running))["table console.dead_letters"].count("\n") + 1
        return kept >= 5 and await depth(running, BOOKING_EVENTS) == 0

    await until(nothing_under_way, within=30, what="all of it handled")


async def depth(running, queue):
    connection = await open_connection(running.stack.environment["AFTERCARE_AMQP_URL"], name="test")
    async with connection:
        channel = await connection.channel()
        return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count


async def tables(running):
    """Return every row of every table as text."""
    found = {}
    async with await psycopg.AsyncConnection.connect(running.stack.environment["AFTERCARE_DATABASE_URL"]) as connection:
        cursor = await connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for schema, table in await cursor.fetchall():
            rows = await connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, table))
            )
            found[f"table {schema}.{table}"] = "\n".join(row[0] for row in await rows.fetchall())
    assert found["table notifier.messages"], "the patient is there, sealed"
    return found
