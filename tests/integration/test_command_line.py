"""The command line on a running system, as an operations person uses it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from cli.__main__ import main
from cli.environment import running_system
from cli.stack import PID, Process, Stack
from shared.broker.connection import open_connection
from shared.broker.topology import BOOKING_EVENTS, dead_letter_queue
from shared.kernel.errors import ConfigurationError
from shared.kernel.ids import new_id
from shared.messages.booking import CREATED
from shared.runtime.local_servers import ServersUnavailableError, _claim
from tests.builders import ROOT
from tests.conftest import manage
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def command(running, monkeypatch, capsys):
    """Run one command on the running system; returns exit status, output and complaints."""
    for name in list(os.environ):
        if name.startswith("AFTERCARE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AFTERCARE_HOME", str(running.stack.home))

    async def run(*arguments):
        status = await asyncio.to_thread(main, arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def booking_file(tmp_path, running, **changes):
    path = tmp_path / f"{new_id()}.json"
    path.write_text(json.dumps(running.booking(**changes)), encoding="utf-8")
    return str(path)


async def dead(running):
    """Count the dead letters that wait for a person; the console takes them off their queue."""
    async with await psycopg.AsyncConnection.connect(running.stack.environment["AFTERCARE_DATABASE_URL"]) as connection:
        query = "SELECT count(*) FROM console.dead_letters WHERE state = 'open' AND queue = 'booking_events'"
        return (await (await connection.execute(query)).fetchone())[0]


async def empty(command):
    await command("dlq", "discard", BOOKING_EVENTS, "--all", "--reason", "left by another test")


async def test_publish_then_why(command, running, tmp_path):
    phone = "+12125550701"
    file = booking_file(tmp_path, running, booking_id="cli_1", patient={"patient_id": "cli_1", "phone": phone})
    assert await command("publish", "booking.created", file) == (0, "published; the broker has it\n", "")
    await running.texts_to([phone])

    async def told():
        return "receipt: delivered" in (await command("why", "cli_1"))[1]

    await until(told, what="the whole story")
    status, story, _err = await command("why", "cli_1")
    assert status == 0
    for part in ("booking.created.v1", "taken (r1)", "planned", "sending", "sent", "still to come", "reminder:24h"):
        assert part in story
    assert (await command("why", phone))[1] == story, "a number leads to the same patient"
    assert phone not in story
    status, said, _err = await command("why", "unheard-of")
    assert (status, "Nothing is known" in said, "dlq list" in said) == (1, True, True)


async def test_what_cannot_be_published_is_said(command, running, tmp_path):
    status, _out, said = await command("publish", "booking.exploded", booking_file(tmp_path, running))
    assert (status, said.startswith("type: one of booking.created.v1")) == (2, True)
    status, _out, said = await command("publish", CREATED, str(tmp_path / "none.json"))
    assert (status, "not readable as JSON (FileNotFoundError)" in said) == (2, True)


async def test_publish_as_http_prints_what_the_brokers_page_takes(command, running, tmp_path):
    status, out, _err = await command("publish", CREATED, booking_file(tmp_path, running), "--as-http")
    assert status == 0
    assert json.loads(out)["routing_key"] == CREATED


async def test_dead_letters_are_listed_shown_replayed_and_discarded(command, running, tmp_path):
    await empty(command)
    bad = booking_file(tmp_path, running, booking_id="cli_2", clinic_id="nowhere", patient={"given_name": "CANARY"})
    await command("publish", CREATED, bad)
    event_id = new_id()
    await running.send(running.event(running.booking(booking_id="cli_3", clinic_id="nowhere"), id=event_id))

    async def both():
        return await dead(running) == 2

    await until(both, what="two dead letters")
    status, out, _err = await command("dlq", "list")
    assert status == 1, "something waits for a person"
    assert "2 times: data.clinic_id: no clinic of that id" in out

    status, out, _err = await command("dlq", "show", BOOKING_EVENTS)
    assert (status, len(re.findall("reason +data.clinic_id", out)), "CANARY" in out) == (0, 2, False)
    assert "2 dead letters shown" in out
    status, out, _err = await command("dlq", "show", BOOKING_EVENTS, "--id", event_id, "--reveal")
    assert (status, event_id in out, "nowhere" in out, "1 dead letter shown" in out) == (0, True, True, True)
    assert await dead(running) == 2, "looking takes nothing away"

    assert (await command("dlq", "replay", BOOKING_EVENTS, "--id", event_id))[1] == "1 dead letter sent again\n"
    await until(both, what="it comes back, since nothing was mended")

    assert (await command("dlq", "discard", BOOKING_EVENTS, "--id", event_id))[
        2
    ] == "--reason: say why it is discarded\n"
    status, _out, said = await command("dlq", "discard", BOOKING_EVENTS, "--reason", "x")
    assert (status, said.startswith("--id: say which one")) == (2, True)
    status, out, _err = await command("dlq", "discard", BOOKING_EVENTS, "--id", event_id, "--reason", "a test")
    assert (status, out) == (0, "1 dead letter discarded: a test\n")
    assert (await command("dlq", "show", BOOKING_EVENTS, "--id", event_id))[0] == 1
    assert await dead(running) == 1
    await empty(command)
    assert (await command("dlq", "list"))[0] == 0


async def test_what_the_broker_gave_up_on_can_be_replayed_with_its_meaning(command, running):
    """A bare booking is known by its routing key alone, which the broker replaces when it dead-letters by itself."""
    await empty(command)
    phone, data = "+12125550703", {"patient_id": "cli_7", "phone": "+12125550703"}
    body = json.dumps(running.booking(booking_id="cli_7", patient=data)).encode()
    connection = await open_connection(running.stack.environment["AFTERCARE_AMQP_URL"], name="test")
    async with connection:
        channel = await connection.channel()
        # A queue like ours, whose only message is rejected: it reaches our dead letters as the broker writes them.
        arguments = {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "aftercare.queues",
            "x-dead-letter-routing-key": dead_letter_queue(BOOKING_EVENTS),
        }
        queue = await channel.declare_queue("given_up", durable=True, arguments=arguments)
        exchange = await channel.declare_exchange("given_up", "topic", auto_delete=True)
        await queue.bind(exchange, routing_key="#")
        from aio_pika import Message

        await exchange.publish(Message(body), CREATED)
        message = await until(lambda: queue.get(fail=False), what="the message")
        await message.reject(requeue=False)

        async def there():
            return await dead(running) == 1

        await until(there, what="a dead letter")
        await channel.queue_delete("given_up")
    status, out, _err = await command("dlq", "show", BOOKING_EVENTS)
    assert (status, bool(re.search(f"type +{CREATED}", out))) == (0, True)
    await command("dlq", "replay", BOOKING_EVENTS)
    assert len(await running.texts_to([phone])) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dlq", "show"), "queue: say which one"),
        (("dlq", "show", "nope"), "queue: one of booking_events"),
        (("pause", "nope"), "no clinic 'nope' in"),
        (("resume", "nope"), "no clinic 'nope' in"),
    ],
)
async def test_mistakes_are_one_clear_line(command, arguments, said):
    status, _out, err = await command(*arguments)
    assert (status, err.startswith(said), err.count("\n")) == (2, True, 1)


async def test_a_paused_clinic_sends_nothing_until_it_is_resumed(command, running, tmp_path):
    phone = "+12125550702"
    patient = {"patient_id": "cli_4", "phone": phone}
    file = booking_file(tmp_path, running, booking_id="cli_4", clinic_id="lakeside", patient=patient)
    status, out, _err = await command("pause", "lakeside")
    assert (status, out) == (0, "lakeside is paused: its texts are held until `./aftercare resume lakeside`\n")
    try:
        await command("publish", CREATED, file)

        async def held():
            return "held: paused" in (await command("why", "cli_4"))[1]

        await until(held, what="the message held")
        assert "lakeside is paused: its texts are held until" in (await command("why", "cli_4"))[1]
        assert phone not in [to for to, _body in await running.texts()]
    finally:
        status, out, _err = await command("resume", "lakeside")
    assert (status, out) == (0, "lakeside sends again; 1 held message is judged anew\n")
    assert len(await running.texts_to([phone])) == 1


async def test_migrate_changes_nothing_on_a_system_that_is_up_to_date(command):
    assert (await command("migrate"))[:2] == (0, "0 migrations applied; queues declared\n")


@pytest.mark.parametrize("arguments", [("why", "x"), ("verify",), ("migrate",), ("dlq", "list")])
async def test_without_a_running_system_it_says_how_to_start_one(command, monkeypatch, tmp_path, arguments):
    monkeypatch.setenv("AFTERCARE_HOME", str(tmp_path))
    (tmp_path / "env").write_text(f"AFTERCARE_DATABASE_URL=postgresql://gone/\n{PID}=999999999\n", encoding="utf-8")
    status, _out, said = await command(*arguments)
    assert (status, "nothing is running here: start `./aftercare up`" in said) == (2, True)


@pytest.mark.parametrize("arguments", [("why", "x"), ("verify",), ("migrate",), ("dlq", "list")])
async def test_servers_that_are_away_are_one_clear_line(command, monkeypatch, arguments):
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", "postgresql://x:CANARY@127.0.0.1:1/x")
    monkeypatch.setenv("AFTERCARE_AMQP_URL", "amqp://x:CANARY@127.0.0.1:1/")
    status, _out, said = await command(*arguments)
    assert (status, "does not answer" in said, said.count("\n"), "CANARY" in said) == (2, True, 1, False)


def test_two_may_not_run_on_the_same_data(tmp_path):
    claim = _claim(tmp_path)
    with pytest.raises(ServersUnavailableError, match="running here already: stop it first"):
        _claim(tmp_path)
    claim.close()
    _claim(tmp_path).close()


# The command itself, as a process.


@pytest.fixture
def own_servers(servers, template):
    """A vhost and a database for a system of its own."""
    name = f"up_{new_id()[:8]}"
    manage(servers, "PUT", f"/api/vhosts/{name}")
    server = servers.addresses.database_url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    yield {
        "AFTERCARE_AMQP_URL": servers.addresses.amqp_url.rstrip("/") + f"/{name}",
        "AFTERCARE_DATABASE_URL": server.rsplit("/", 1)[0] + f"/{name}",
    }
    manage(servers, "DELETE", f"/api/vhosts/{name}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def start(tmp_path, *arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERCARE_", "TWILIO_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**inherited, "AFTERCARE_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_up_writes_down_where_everything_is_and_takes_it_all_along_when_it_ends(
    tmp_path, own_servers, how, monkeypatch
):
    process = start(tmp_path, "up", **own_servers)
    try:
        wait_for(lambda: (tmp_path / "env").exists() or process.poll() is not None, within=40)
        written = dict(line.split("=", 1) for line in (tmp_path / "env").read_text(encoding="utf-8").splitlines())
        assert (tmp_path / "env").stat().st_mode & 0o077 == 0, "it holds secrets"
        assert {
            f"AFTERCARE_{name}_URL"
            for name in ("AMQP", "DATABASE", "BOOKING_EVENTS", "NOTIFIER", "FOLLOWUP", "SANDBOX")
        } <= set(written)
        children = children_of(process.pid)
        assert len(children) >= 4
    finally:
        process.send_signal(how)
        said, _ = process.communicate(timeout=30)
    wait_for(lambda: not any(is_running(pid) for pid in children), within=20)
    monkeypatch.setenv("AFTERCARE_HOME", str(tmp_path))
    for name in own_servers:
        monkeypatch.delenv(name, raising=False)
    assert "AFTERCARE_DATABASE_URL" not in running_system()
    if how == signal.SIGINT:
        assert process.returncode == 0, said
        assert said.rstrip().endswith("stopped")
        assert not (tmp_path / "env").exists()


def test_up_without_the_sandbox_refuses_before_anything_starts(tmp_path):
    process = start(tmp_path, "up", "--no-sandbox")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    lines = said.splitlines()
    assert lines[0] == "Without the sandbox real texts leave; these settings are needed first:"
    assert {
        "AFTERCARE_CONFIG: is not set",
        "AFTERCARE_PUBLIC_URL: is not set",
        "TWILIO_ACCOUNT_SID: is not set",
        "TWILIO_AUTH_TOKEN: is not set",
    } <= set(lines[1:])
    assert not (tmp_path / "servers").exists()


def test_a_system_that_is_thrown_away_ends_at_once_and_says_what_had_ended_before(tmp_path):
    def process(name, program):
        return Process(name, [sys.executable, "-c", program], dict(os.environ), tmp_path / f"{name}.log", "")

    ended, running = process("notifier", ""), process("followup", "import signal; signal.pause()")
    for one in (ended, running):
        one.start()
    ended.child.wait(timeout=20)
    stack = Stack(tmp_path, {}, {}, {one.name: one for one in (ended, running)})
    with pytest.raises(ConfigurationError, match="^ended too early: notifier;"):
        stack.kill()
    assert running.child.returncode == -signal.SIGKILL


def wait_for(condition, *, within):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
