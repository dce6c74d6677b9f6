"""Every setting is told where people look for it, and can be given to the compose file."""

import re

import pytest
from ruamel.yaml import YAML

from services.booking_events.settings import BookingEventsSettings
from services.console.settings import ConsoleSettings
from services.followup.settings import FollowupSettings
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import ServiceSettings
from tests.builders import ROOT

SERVICES = {
    "booking_events": BookingEventsSettings,
    "notifier": NotifierSettings,
    "followup": FollowupSettings,
    "console": ConsoleSettings,
}
TOLD = (ROOT / "docs" / "go-live.md").read_text(encoding="utf-8").partition("## Every setting")[2]
COMPOSE = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
NOT_IN_A_CONTAINER = re.compile(r"AFTERCARE_(\w+_PORT|CLOCK|CONSOLE_FRAMED_BY|\w+_S)")
"""Its own port, the demo's, and how patient it is: nothing that differs from clinic to clinic."""


def names_of(settings: type[ServiceSettings]) -> set[str]:
    aliases = {name: field.validation_alias for name, field in settings.model_fields.items()}
    return {
        (alias.choices[0] if hasattr(alias, "choices") else f"AFTERCARE_{name}".upper())
        for name, alias in aliases.items()
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_told(service):
    assert {name for name in names_of(SERVICES[service]) if f"`{name}`" not in TOLD} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_compose_hands_every_setting_on(service):
    wanted = {name for name in names_of(SERVICES[service]) if not NOT_IN_A_CONTAINER.fullmatch(name)}
    assert wanted - COMPOSE[service]["environment"].keys() == set()
