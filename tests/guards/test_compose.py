"""The compose file: valid, guarded, and started as the tests start things."""

import io
import json
import re
import subprocess
import sys
from contextlib import redirect_stdout

import pytest
from ruamel.yaml import YAML

from cli.secrets import new_secrets
from cli.stack import SERVICES
from tests.builders import ROOT

FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
COMPOSE = YAML(typ="safe").load(TEXT)["services"]
OURS = {name: service for name, service in COMPOSE.items() if service["image"] == "aftercare"}
NEEDED = re.compile(r"\$\{(\w+):\?")
OPTIONAL = re.compile(r"\$\{(\w+):-([^}]*)\}")


def test_it_is_what_the_compose_specification_allows():
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_starts_with_the_command_that_the_tests_use(name):
    assert OURS[name]["command"] == ["python", "-m", f"services.{name}"]


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_runs_without_privileges_on_a_file_system_that_it_cannot_change(name):
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_nobody_in_particular():
    users = [line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("USER ")]
    assert users == ["10001:10001"]


@pytest.mark.parametrize("name", [name for name in COMPOSE if name != "migrate"])
def test_every_container_that_stays_up_says_how_it_is(name):
    assert COMPOSE[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", COMPOSE)
def test_ports_are_open_on_this_host_only(name):
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE[name].get("ports", []))


def test_no_secret_has_a_default():
    defaults = {name: value for name, value in OPTIONAL.findall(TEXT) if value}
    assert not {name for name in defaults if re.search("SECRET|TOKEN|PASSWORD|KEY", name)}


def test_new_secrets_fills_every_gap_and_repeats_nothing():
    first, second = _printed(), _printed()
    assert set(NEEDED.findall(TEXT)) <= first.keys()
    fixed = {"TWILIO_FROM_NUMBER", "TWILIO_API_BASE_URL", "SENDGRID_FROM_EMAIL", "SENDGRID_API_BASE_URL"}
    assert {name for name in first if first[name] == second[name]} == fixed


def test_every_start_waits_for_the_migrations():
    for name in SERVICES:
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, json.dumps(name)


def _printed():
    output = io.StringIO()
    with redirect_stdout(output):
        assert new_secrets() == 0
    lines = [line for line in output.getvalue().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
