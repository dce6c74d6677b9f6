"""The reference says what the code does."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from cli.reference import FOLDER, WAYS_IN, reference
from shared.messages.booking import BOOKING_TYPES
from shared.messages.catalogue import CATALOGUE
from tests.builders import ROOT, booking_json

WRITTEN = reference()
LITERAL_ROUTE = re.compile(r'Route\(\s*"(GET|POST)",\s*f?"([^"]+)"')


def test_the_files_are_what_the_code_would_write_today():
    found = {str(path.relative_to(FOLDER)): path.read_text() for path in FOLDER.rglob("*") if path.is_file()}
    assert found.keys() == WRITTEN.keys(), "run ./aftercare reference"
    assert [name for name in WRITTEN if found[name] != WRITTEN[name]] == [], "run ./aftercare reference"


def test_every_type_stands_in_the_asynchronous_description():
    described = json.loads(WRITTEN["asyncapi.json"])
    assert described["channels"].keys() == CATALOGUE.keys()
    assert all(_resolves(described, ref) for ref in _references(described))


def test_every_route_that_others_call_stands_in_the_http_description():
    coded = {
        route
        for service in ("booking_events", "notifier", "followup")
        for file in (ROOT / "services" / service).glob("*.py")
        for route in LITERAL_ROUTE.findall(file.read_text())
    }
    assert {(way.method, way.path) for way in WAYS_IN} == coded


def test_every_reference_in_the_http_description_resolves():
    described = json.loads(WRITTEN["openapi.json"])
    assert all(_resolves(described, ref) for ref in _references(described))


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_schema_is_a_schema(name):
    Draft202012Validator.check_schema(json.loads(WRITTEN[f"schemas/{name}.json"]))


@pytest.mark.parametrize("name", BOOKING_TYPES)
def test_the_example_fits_its_schema(name):
    validator = Draft202012Validator(json.loads(WRITTEN[f"schemas/{name}.json"]))
    assert list(validator.iter_errors(json.loads((ROOT / "docs/examples/booking.json").read_text()))) == []
    assert list(validator.iter_errors(booking_json())) == []
    assert list(validator.iter_errors(booking_json() | {"starts_at": 7})) != []


def _references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _resolves(document, reference):
    node = document
    for part in reference.removeprefix("#/").split("/"):
        if part not in node:
            return False
        node = node[part]
    return True
