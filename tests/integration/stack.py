"""Every service as a process of its own, on the session's servers, for tests of what only processes can show."""

import asyncio
import json
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from cli.stack import SERVICES, start_stack
from sandbox.signature import sign as twilio_signature
from services.booking_events.domain.signature import sign as feed_signature
from shared.broker.publisher import Publication, Publisher
from shared.kernel.errors import DependencyUnavailableError
from shared.kernel.ids import new_id
from shared.messages.booking import CREATED
from shared.runtime.local_servers import _free_ports
from tests.builders import booking_json
from tests.conftest import fresh_database, fresh_vhost
from tests.waiting import until

SECOND_TOKEN = "the-token-that-is-being-rotated-in"
WITHOUT_OPENTELEMETRY = {"PYTHONPATH": str(Path(__file__).parent / "without_opentelemetry")}


def zone_where_it_is_noon():
    """Return a zone in which texts may leave now, whenever the tests run."""
    hours = datetime.now(UTC).hour - 12
    return f"Etc/GMT{hours:+d}"


@contextmanager
def own_place(servers, template):
    """A vhost and a database of its own for a running system."""
    with fresh_vhost(servers) as amqp_url, fresh_database(servers, template) as database_url:
        yield {"amqp_url": amqp_url, "database_url": database_url}


def two_clinics(home, zone, *, roster=""):
    """Write a clinic file of two clinics in a zone, whose texts leave at once and at any hour; return its path.

    ``roster`` is the first clinic's, as the file spells it.
    """
    config = home / "clinic.toml"
    config.write_text(
        "".join(
            f"""[clinics.{clinic}]
name = "{clinic.title()} Clinic"
phone = "{phone}"
time_zone = "{zone}"
settle = {{ confirmation = "1s", change = "1s" }}
window = {{ opens = "00:00", closes = "23:59" }}
"""
            # The second is there to be paused: whatever other tests send is the first one's.
            for clinic, phone in {"harbor": "(212) 555-0100", "lakeside": "(212) 555-0199"}.items()
        )
        + roster,
        encoding="utf-8",
    )
    return config


@asynccontextmanager
async def running_stack(home, *, amqp_url, database_url, config=None, management_url=None, environment=None, **options):
    """Run the services and the sandbox until the block ends."""
    zone = zone_where_it_is_noon()
    names = [f"AFTERCARE_{name.upper()}_PORT" for name in SERVICES] + ["SANDBOX_PORT"]
    ports = map(str, _free_ports(len(names)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFTERCARE_AMQP_URL", amqp_url)
        patch.setenv("AFTERCARE_DATABASE_URL", database_url)
        patch.setenv("AFTERCARE_CONFIG", str(config or two_clinics(home, zone)))
        if management_url is not None:
            patch.setenv("AFTERCARE_MANAGEMENT_URL", management_url)
        patch.setenv("TWILIO_AUTH_TOKEN_SECONDARY", SECOND_TOKEN)
        for name, port in zip(names, ports, strict=True):
            patch.setenv(name, port)
        extra = {
            "SANDBOX_STEP_MS": "20",
            "AFTERCARE_UNKNOWN_GRACE_S": "1",
            "AFTERCARE_UNKNOWN_LOOK_GAP_S": "0.5",
            "AFTERCARE_SEND_LEASE_S": "2",
            **(environment or {}),
        }
        stack = await asyncio.to_thread(start_stack, home, sandbox=True, extra=extra, **options)
    system = Running(stack, zone)
    try:
        yield system
    finally:
        await system.publisher.close()
        await asyncio.to_thread(stack.stop)


class Running:
    """A running system, as the world outside sees it."""

    def __init__(self, stack, zone):
        self.stack = stack
        self.zone = zone
        self.publisher = Publisher(stack.environment["AFTERCARE_AMQP_URL"], name="feed")

    def booking(self, **changes):
        """Return the body of a booking ten days ahead, at a clock time, of a patient in the stack's zone."""
        starts = (datetime.now(UTC) + timedelta(days=10)).replace(microsecond=0)
        times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=2)).isoformat()}
        patient = {"time_zone": self.zone} | changes.pop("patient", {})
        return booking_json(**{**times, **changes}, patient=patient)

    def phone(self, number):
        """Return the telephone number of the patient with a number."""
        return f"+1212555{number:04d}"

    async def publish(self, *, number, event=CREATED, headers=None, **changes):
        """Publish the booking of the patient with that number, until the broker has it; return the patient's number."""
        phone = self.phone(number)
        data = self.booking(booking_id=f"bk_{number}", patient={"patient_id": f"p_{number}", "phone": phone})
        await self.send(self.event(data, event=event, **changes), event=event, headers=headers)
        return phone

    async def send(self, body, *, event=CREATED, headers=None):
        """Publish a body as a feed does: again and again, until the broker has it."""
        message = Publication(routing_key=event, body=body, message_id=new_id(), type=event, headers=headers)

        async def confirmed():
            try:
                await self.publisher.publish(message)
            except DependencyUnavailableError:
                return False
            return True

        await until(confirmed, within=20, what="the broker's confirmation")

    def event(self, data, *, event=CREATED, **changes):
        """Return an envelope around a booking."""
        now = datetime.now(UTC).isoformat()
        base = {"specversion": "1.0", "id": new_id(), "source": "ehr", "type": event, "time": now, "data": data}
        return json.dumps(base | changes).encode()

    async def texts(self):
        """Return what the provider has accepted: number and body."""
        entries = json.loads((await self.call("GET", "sandbox", "/sandbox/ledger"))[1])["entries"]
        return [(entry["to"], entry["body"]) for entry in entries if entry["kind"] == "accepted"]

    async def texts_to(self, phones, *, within=30.0):
        """Wait until each of the numbers has had a text; return all texts to them."""

        async def all_there():
            return set(phones) <= {to for to, _body in await self.texts()}

        await until(all_there, within=within, what=f"a text to each of {len(phones)} numbers")
        return [text for text in await self.texts() if text[0] in phones]

    async def kill(self, name):
        """Kill a service with kill -9 and start it again at once."""
        process = self.stack.processes[name]
        await asyncio.to_thread(process.kill)
        process.start()

    @asynccontextmanager
    async def another(self, name):
        """Run a second process of a service beside the first until the block ends."""
        first = self.stack.processes[name]
        port = _free_ports(1)[0]
        second = replace(
            first,
            environment=first.environment | {f"AFTERCARE_{name.upper()}_PORT": str(port)},
            log=first.log.with_stem(f"{name}-2"),
            ready_url=f"http://127.0.0.1:{port}/readyz",
        )
        second.start()
        try:
            await until(lambda: asyncio.to_thread(second.is_ready), within=30, what=f"a second {name} ready")
            yield second
        finally:
            second.signal(signal.SIGTERM)
            await asyncio.to_thread(second.wait, 20)

    async def count(self, query):
        """Ask the database for one number."""
        url = self.stack.environment["AFTERCARE_DATABASE_URL"]
        async with await psycopg.AsyncConnection.connect(url) as connection:
            return (await (await connection.execute(query)).fetchone())[0]

    async def fault(self, kind, **details):
        """Let the provider go wrong in one way."""
        body = json.dumps({"kind": kind, **details}).encode()
        await self.call("POST", "sandbox", "/sandbox/faults", body=body, headers={"Content-Type": "application/json"})

    async def ready(self, name, *, within=30.0):
        """Wait until a service says that it is ready."""
        process = self.stack.processes[name]
        await until(lambda: asyncio.to_thread(process.is_ready), within=within, what=f"{name} ready")

    async def call(self, method, service, path, *, body=None, headers=None):
        """Make a request; return status and body."""
        request = urllib.request.Request(
            self.stack.addresses[service] + path, method=method, data=body, headers=headers or {}
        )
        return await asyncio.to_thread(_answer, request)

    async def post_booking(self, body, *, secret=None, at=None, path="/bookings/native", header=None, **headers):
        """Post a booking as a feed does."""
        secret = self.stack.environment["AFTERCARE_FEED_NATIVE_SECRET"] if secret is None else secret
        signature = feed_signature(secret, body, at=int(time.time()) if at is None else at)
        headers |= {"Content-Type": "application/json", "X-Aftercare-Signature": header or signature}
        return await self.call("POST", "booking_events", path, body=body, headers=headers)

    async def post_form(self, path, fields, *, token=None, signature=None, pairs=None, url=None):
        """Post a form as the provider does, signed for the public address."""
        token = token or self.stack.environment["TWILIO_AUTH_TOKEN"]
        url = (url or self.stack.environment["AFTERCARE_PUBLIC_URL"]) + path
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if signature != "":
            headers["X-Twilio-Signature"] = signature or twilio_signature(token, url, fields)
        body = urllib.parse.urlencode(pairs or list(fields.items())).encode()
        return await self.call("POST", "notifier", path, body=body, headers=headers)

    def inbound(self, text, *, sid=None, phone="+12125550177"):
        """Return the fields of an inbound text."""
        return {
            "AccountSid": self.stack.environment["TWILIO_ACCOUNT_SID"],
            "MessageSid": sid or f"SM{new_id().replace('-', '')}",
            "From": phone,
            "To": "+15005550006",
            "Body": text,
            "NumMedia": "0",
        }


def _answer(request):
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
