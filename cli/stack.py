"""Everything on one machine: private servers, migrations, every service as a process of its own, and the sandbox."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cli.private_servers import ROOT, begin_private_servers
from cli.secrets import account, mail_keys, sealing_keys
from shared.broker.connection import declare_on
from shared.clinics.file import load_clinics
from shared.kernel.errors import ConfigurationError, DependencyUnavailableError
from shared.postgres.migrate import migrate
from shared.runtime.local_servers import LocalServers, Say, end_with_parent

SERVICES = ("booking_events", "notifier", "followup", "console")
MIGRATIONS = {name: ROOT / "services" / name / "migrations" for name in SERVICES}
_PORTS = {
    "booking_events": 8081,
    "notifier": 8082,
    "followup": 8083,
    "console": 8080,
    "sandbox": 8090,
    "reception": 8091,
}
PID = "AFTERCARE_UP_PID"
"""Under this name ``env`` holds the process that runs everything: where it is gone, so is what it started."""
_READY_WITHIN_S = 40.0
_DRAIN_S = 25.0


@dataclass(slots=True)
class Process:
    """One service as a child process."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    ready_url: str
    child: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def start(self) -> None:
        """Start the process; it leads a group of its own, so that Ctrl-C reaches only us and we drain it."""
        self.started_at = time.monotonic()
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509 - it asks the kernel one thing
            )

    def is_ready(self) -> bool:
        """Return whether it says that it is ready.

        Raises:
            ConfigurationError: it has ended, with what it said.
        """
        assert self.child is not None
        if self.child.poll() is not None:
            said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
            raise ConfigurationError(f"{self.name} ended while starting:\n" + "\n".join(said))
        try:
            with urllib.request.urlopen(self.ready_url, timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.signal(signal.SIGKILL)
        if self.child is not None:
            self.child.wait()

    def wait(self, timeout: float) -> None:
        """Wait for its end, and end it the hard way if it takes too long."""
        if self.child is None:
            return
        try:
            self.child.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(slots=True)
class Stack:
    """A running system."""

    home: Path
    environment: dict[str, str]
    addresses: dict[str, str]
    processes: dict[str, Process]
    servers: LocalServers | None = None
    say: Say = field(default=lambda _line: None)

    def stop(self) -> None:
        """Drain every service, then stop what else was started here."""
        (self.home / "env").unlink(missing_ok=True)
        services = [process for name, process in self.processes.items() if name != "sandbox"]
        for process in services:
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + _DRAIN_S
        for process in services:
            process.wait(max(0.1, deadline - time.monotonic()))
        if "sandbox" in self.processes:
            self.processes["sandbox"].signal(signal.SIGTERM)
            self.processes["sandbox"].wait(5)
        if self.servers is not None:
            self.say("stopping the private servers")
            self.servers.stop()

    def kill(self) -> None:
        """End everything at once, where nothing of it is kept.

        Raises:
            ConfigurationError: a process had ended before, by itself.
        """
        ended = [name for name, process in self.processes.items() if process.child and process.child.poll() is not None]
        (self.home / "env").unlink(missing_ok=True)
        for process in self.processes.values():
            process.signal(signal.SIGKILL)
        for process in self.processes.values():
            process.wait(5)
        if self.servers is not None:
            self.servers.stop()
        if ended:
            raise ConfigurationError(f"ended too early: {', '.join(ended)}; see {self.home / 'logs'}")

    def wait_until_ready(self) -> None:
        """Wait until every process says that it is ready.

        Raises:
            ConfigurationError: one of them ended, or is not ready in time.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        waiting = list(self.processes.values())
        while waiting:
            waiting = [process for process in waiting if not process.is_ready()]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(process.name for process in waiting)
                raise ConfigurationError(f"not ready after {_READY_WITHIN_S:.0f} s: {names}; see {self.home / 'logs'}")
            time.sleep(0.05)


def start_stack(
    home: Path,
    *,
    sandbox: bool,
    clock: str = "system",
    throwaway: bool = False,
    side_by_side: bool = False,
    servers: LocalServers | None = None,
    say: Say = lambda _line: None,
    before_services: Callable[[str], None] = lambda _url: None,
    extra: Mapping[str, str] | None = None,
) -> Stack:
    """Start everything and wait until it is ready. Servers named in the environment are used instead of private ones.

    ``side_by_side`` lets the sandbox show the console inside a page of its own. ``servers`` may have begun before.

    Raises:
        ConfigurationError: something does not start as configured.
        ServersUnavailableError: a private server can be neither found nor unpacked.
    """
    home.mkdir(parents=True, exist_ok=True)
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    servers = servers or begin_private_servers(throwaway=throwaway, say=say)
    try:
        if servers is not None:
            servers.wait_for_database(say)
        environment = _environment(home, servers, sandbox=sandbox, clock=clock, extra=extra or {})
        if side_by_side:
            environment |= _beside_each_other(environment)
        say("migrating the database")
        asyncio.run(migrate(environment["AFTERCARE_DATABASE_URL"], MIGRATIONS))
        before_services(environment["AFTERCARE_DATABASE_URL"])
        stack = _spawn(home, environment, servers, sandbox=sandbox, say=say)
    except BaseException:
        if servers is not None:
            servers.stop()
        raise
    try:
        # The services start while the broker does: they wait for it as they would after its failure.
        if servers is not None:
            servers.wait_for_broker(say)
        say("declaring the queues")
        asyncio.run(_declare(environment["AFTERCARE_AMQP_URL"]))
        stack.wait_until_ready()
        if sandbox:
            _name_phones(stack)
        _write_env(home, stack)
    except BaseException:
        stack.stop()
        raise
    return stack


async def _declare(amqp_url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            return await declare_on(amqp_url)
        except DependencyUnavailableError:
            # A broker that accepts connections may still be loading its users and queues.
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


def _environment(
    home: Path, servers: LocalServers | None, *, sandbox: bool, clock: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return what every process is started with; what the caller has set wins, but for the sandbox's own account."""
    environment = dict(os.environ)
    made_up = _secrets(home)
    environment.setdefault("AFTERCARE_CONFIG", str(ROOT / "config" / "clinic.example.toml"))
    environment.setdefault("AFTERCARE_SEALING_KEYS", made_up["sealing_keys"])
    environment.setdefault("AFTERCARE_FEED_NATIVE_SECRET", made_up["feed_secret"])
    environment.setdefault("AFTERCARE_FOLLOWUP_TOKEN", made_up["followup_token"])
    environment["AFTERCARE_CLOCK"] = clock
    if servers is not None:
        if servers.broker is not None:
            environment["AFTERCARE_AMQP_URL"] = servers.addresses.amqp_url
            environment["AFTERCARE_MANAGEMENT_URL"] = servers.addresses.management_url
        if servers.database is not None:
            environment["AFTERCARE_DATABASE_URL"] = servers.addresses.database_url
    for name, usual in _PORTS.items():
        variable = "SANDBOX_PORT" if name == "sandbox" else f"AFTERCARE_{name.upper()}_PORT"
        environment[variable] = environment.get(variable) or str(_free_port(usual))
    # Who runs this on their own machine is not sent away from it after a quarter of an hour.
    environment.setdefault("AFTERCARE_CONSOLE_IDLE_MINUTES", "720")
    environment.setdefault("AFTERCARE_FOLLOWUP_URL", f"http://127.0.0.1:{environment['AFTERCARE_FOLLOWUP_PORT']}")
    environment.setdefault("AFTERCARE_PUBLIC_URL", f"http://127.0.0.1:{environment['AFTERCARE_NOTIFIER_PORT']}")
    if sandbox:
        environment |= {
            "TWILIO_ACCOUNT_SID": made_up["account_sid"],
            "TWILIO_AUTH_TOKEN": made_up["auth_token"],
            "TWILIO_FROM_NUMBER": "+15005550006",
            "TWILIO_API_BASE_URL": f"http://127.0.0.1:{environment['SANDBOX_PORT']}",
            "SANDBOX_INBOUND_URL": f"{environment['AFTERCARE_PUBLIC_URL']}/twilio/inbound#rc=5&rp=all",
            "SANDBOX_LEDGER": str(home / "ledger.jsonl"),
            "SANDBOX_RECEPTION_URL": f"http://127.0.0.1:{environment['AFTERCARE_RECEPTION_PORT']}",
            "SANDBOX_RECEPTION_TOKEN": secrets.token_hex(24),
            "SENDGRID_API_KEY": made_up["sendgrid_api_key"],
            "SENDGRID_API_BASE_URL": f"http://127.0.0.1:{environment['SANDBOX_PORT']}",
            "SENDGRID_FROM_EMAIL": "visits@clinic.example",
            "SENDGRID_WEBHOOK_PUBLIC_KEY": made_up["mail_public_key"],
            "SANDBOX_MAIL_SIGNING_KEY": made_up["mail_signing_key"],
            "SANDBOX_MAIL_EVENTS_URL": f"{environment['AFTERCARE_PUBLIC_URL']}/sendgrid/events",
        }
        for name in ("TWILIO_MESSAGING_SERVICE_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET"):
            environment.pop(name, None)  # of a real account, which the sandbox does not know
    return environment | dict(extra)


def _beside_each_other(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        "SANDBOX_CONSOLE_URL": f"http://127.0.0.1:{environment['AFTERCARE_CONSOLE_PORT']}",
        "AFTERCARE_CONSOLE_FRAMED_BY": f"http://127.0.0.1:{environment['SANDBOX_PORT']}",
    }


def _secrets(home: Path) -> dict[str, str]:
    """Return secrets made up for this machine, kept in a file that only its owner reads."""
    path = home / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    wanted = {**_made_up(), **kept}
    if wanted != kept:
        path.touch(mode=0o600)
        path.write_text(json.dumps(wanted), encoding="utf-8")
    return wanted


def _made_up() -> dict[str, str]:
    account_sid, auth_token = account()
    sendgrid_api_key, mail_signing_key, mail_public_key = mail_keys()
    return {
        "sealing_keys": sealing_keys("local"),
        "feed_secret": secrets.token_hex(24),
        "followup_token": secrets.token_hex(24),
        "account_sid": account_sid,
        "auth_token": auth_token,
        "sendgrid_api_key": sendgrid_api_key,
        "mail_signing_key": mail_signing_key,
        "mail_public_key": mail_public_key,
    }


def _free_port(preferred: int) -> int:
    """Return the usual port, or any other where that one is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ConfigurationError("no free port on 127.0.0.1")


def _spawn(home: Path, environment: dict[str, str], servers: LocalServers | None, *, sandbox: bool, say: Say) -> Stack:
    names = (*SERVICES, *(("sandbox",) if sandbox else ()))
    say(f"starting {', '.join(names)}")
    addresses, processes = {}, {}
    for name in names:
        variable = "SANDBOX_PORT" if name == "sandbox" else f"AFTERCARE_{name.upper()}_PORT"
        addresses[name] = f"http://127.0.0.1:{environment[variable]}"
        module = "sandbox" if name == "sandbox" else f"services.{name}"
        processes[name] = Process(
            name=name,
            command=[sys.executable, "-m", module],
            environment=environment,
            log=home / "logs" / f"{name}.log",
            ready_url=f"{addresses[name]}/{'livez' if name == 'sandbox' else 'readyz'}",
        )
        processes[name].start()
    return Stack(home, environment, addresses, processes, servers, say)


def _name_phones(stack: Stack) -> None:
    """Tell the sandbox who holds the phones of the roster, so that its page shows them by name."""
    clinics = load_clinics(Path(stack.environment["AFTERCARE_CONFIG"]))
    for clinic in clinics.clinics.values():
        for person in clinic.roster.people.values():
            owner = {"number": person.phone, "name": person.name, "role": "staff"}
            request = urllib.request.Request(  # noqa: S310 - the sandbox that was just started
                f"{stack.addresses['sandbox']}/sandbox/phones",
                data=json.dumps(owner).encode(),
                headers={"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - as above


def _write_env(home: Path, stack: Stack) -> None:
    """Write where everything is, once all of it is ready."""
    values = {
        "AFTERCARE_AMQP_URL": stack.environment["AFTERCARE_AMQP_URL"],
        "AFTERCARE_DATABASE_URL": stack.environment["AFTERCARE_DATABASE_URL"],
        **{f"AFTERCARE_{name.upper()}_URL": address for name, address in stack.addresses.items()},
        "AFTERCARE_SEALING_KEYS": stack.environment["AFTERCARE_SEALING_KEYS"],
        "AFTERCARE_FEED_NATIVE_SECRET": stack.environment["AFTERCARE_FEED_NATIVE_SECRET"],
        "AFTERCARE_CONFIG": stack.environment["AFTERCARE_CONFIG"],
        PID: str(os.getpid()),
    }
    partial = home / "env.partial"
    partial.touch(mode=0o600)
    partial.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
    partial.replace(home / "env")
