"""Alerts and dashboards speak of metrics that exist and of headings that the runbook has."""

import json
import os
import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from services.console.pages.runbook import anchor_of
from shared.telemetry.metrics import Metrics
from tests.builders import ROOT

PROMETHEUS = ROOT / "ops" / "prometheus"
DASHBOARD = json.loads((ROOT / "ops" / "grafana" / "dashboards" / "aftercare.json").read_text())
RULES = YAML(typ="safe").load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
METRIC = re.compile(r"\baftercare_[a-z_]+\b")


def known():
    """Return every name under which a figure of ours is scraped."""
    names = set()
    for family in Metrics().registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


def test_every_panel_and_every_alert_asks_for_figures_that_are_told():
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    expressions += [rule["expr"] for rule in RULES]
    asked = {name for expression in expressions for name in METRIC.findall(expression)}
    assert asked
    assert asked <= known()


def test_the_runbook_speaks_of_figures_that_are_told():
    histograms = {family.name for family in Metrics().registry.collect() if family.type == "histogram"}
    named = set(METRIC.findall((ROOT / "docs" / "runbook.md").read_text()))
    assert named
    assert named <= known() | histograms


def test_every_alert_says_what_it_means_and_where_the_runbook_begins():
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    anchors = {anchor_of(heading) for heading in headings}
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]
        assert rule["annotations"]["runbook_url"].partition("#")[2] in anchors, rule["alert"]


@pytest.mark.parametrize("step", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_the_alerts_fire_when_they_should(step):
    promtool = shutil.which("promtool")
    if promtool is None:
        reason = "no promtool here: .ci/run unpacks Debian's"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    checked = subprocess.run([promtool, *step], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
