"""On a machine that has nothing: one clear sentence that names the package and the compose way, and nothing left behind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.runtime import local_servers
from shared.runtime.local_servers import (
    _RUN,
    ServersUnavailableError,
    _claim,
    _needed_of,
    _remove_what_was_left,
    start_local_servers,
)
from tests.builders import ROOT

WITHHELD = {"apt-get", "dpkg-deb", "erl", "rabbitmq-server", "docker"}


@pytest.fixture
def bare_path(tmp_path):
    """A PATH with every command of this machine but those that could bring a broker."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        if Path(place).is_dir():
            for entry in os.scandir(place):
                link = folder / entry.name
                if entry.name not in WITHHELD and not link.exists():
                    link.symlink_to(entry.path)
    return str(folder)


def test_without_a_broker_and_a_way_to_unpack_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServersUnavailableError) as error:
        start_local_servers(tmp_path / "home", broker_places=(), want_database=False)
    said = str(error.value)
    assert "`rabbitmq-server`" in said
    assert "`docker compose up`" in said
    assert "AFTERCARE_AMQP_URL" in said
    assert (said.count("\n"), said.count(". ")) == (0, 0), "one sentence"


def test_without_a_database_and_a_way_to_fetch_one(tmp_path, monkeypatch):
    monkeypatch.setattr(local_servers.sys, "executable", shutil.which("false"))
    with pytest.raises(ServersUnavailableError) as error:
        start_local_servers(tmp_path / "home", database_places=(), want_broker=False)
    said = str(error.value)
    assert "`postgresql`" in said
    assert "`docker compose up`" in said
    assert "AFTERCARE_DATABASE_URL" in said
    assert "\n" not in said


def test_a_private_broker_has_only_the_applications_it_needs(tmp_path):
    scripts, plugins = tmp_path / "rabbitmq_server-4.0.1" / "sbin", tmp_path / "rabbitmq_server-4.0.1" / "plugins"
    scripts.mkdir(parents=True)
    (scripts / "rabbitmq-server").write_text("a script", encoding="utf-8")
    for name, lists in {
        "rabbit": "kernel,ra,\n  rabbit_common",
        "rabbitmq_management": "rabbit,cowboy",
        "ra": "",
        "rabbit_common": "kernel",
        "cowboy": "ra",
        "rabbitmq_mqtt": "rabbit",
    }.items():
        folder = plugins / f"{name}-4.0.1-rc.1" / "ebin"
        folder.mkdir(parents=True)
        (folder / f"{name}.app").write_text(
            f"{{application,{name},\n [{{applications, [{lists}]}}]}}.", encoding="utf-8"
        )
    made = _needed_of(scripts, tmp_path / "program")
    assert (made / "rabbitmq-server").read_text(encoding="utf-8") == "a script"
    assert {folder.name.split("-")[0] for folder in (made.parent / "plugins").iterdir()} == {
        "rabbit",
        "rabbitmq_management",
        "ra",
        "rabbit_common",
        "cowboy",
    }


def test_a_broker_that_is_packed_in_another_way_is_taken_as_it_is(tmp_path):
    scripts = tmp_path / "rabbitmq_server-4.0.1" / "sbin"
    (scripts.parent / "plugins").mkdir(parents=True)
    (scripts.parent / "plugins" / "rabbit-4.0.1.ez").touch()
    assert _needed_of(scripts, tmp_path / "program") == scripts


def test_what_killed_runs_left_in_memory_is_removed_and_what_runs_is_kept(tmp_path):
    running, left = tmp_path / f"{_RUN}1", tmp_path / f"{_RUN}2"
    for folder in (running, left):
        folder.mkdir()
        (folder / "data").touch()
    claim = _claim(running)
    _claim(left).close()
    _remove_what_was_left(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == [running.name]
    claim.close()


def test_up_says_it_in_one_sentence_and_leaves_nothing_running(tmp_path, bare_path):
    home = tmp_path / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERCARE_", "TWILIO_"))}
    done = subprocess.run(
        [str(ROOT / "aftercare"), "up"],
        env={**environment, "PATH": bare_path, "AFTERCARE_HOME": str(home), "AFTERCARE_LOCK": "requirements-dev.txt"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    said = done.stderr.strip()
    assert done.returncode == 2, said
    assert said.startswith("RabbitMQ is not installed and cannot be unpacked on this system: install the package")
    assert "Traceback" not in said
    assert "\n" not in said
    assert not (home / "env").exists()
