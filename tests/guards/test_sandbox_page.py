"""The page about the sandbox names all that the sandbox can do."""

import re

from sandbox.faults import KINDS
from sandbox.server import Sandbox
from tests.builders import ROOT
from tests.sandbox.room import open_client

PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_fault_is_named():
    assert {kind for kind in KINDS if f"`{kind}`" not in PAGE} == set()


def test_every_setting_is_named():
    settings = (ROOT / "sandbox" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"((?:SANDBOX|TWILIO|SENDGRID)_[A-Z_]+)"', settings))
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


async def test_every_route_of_its_own_that_acts_is_named():
    async with open_client() as client:
        assert isinstance(client.sandbox, Sandbox)
        routes = {
            route.resource.canonical
            for route in client.sandbox.application().router.routes()
            if route.method in {"POST", "DELETE"} and route.resource.canonical.startswith("/sandbox/")
        }
    known = {"/sandbox/calls/{sid}/{deed}": "/sandbox/calls/{sid}/answer", "/sandbox/mail/{id}/events": "`/events`"}
    page_only = {"/sandbox/mail/{id}/read"}
    assert {route for route in routes - page_only if known.get(route, route) not in PAGE} == set()
