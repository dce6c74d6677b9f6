"""Every finding of the console has a place in the runbook."""

import re

from services.console.pages.runbook import anchor_of
from tests.builders import ROOT


def test_every_finding_leads_to_a_heading_of_the_runbook():
    verdict = (ROOT / "services" / "console" / "domain" / "verdict.py").read_text()
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', verdict))
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert named
    assert named <= {anchor_of(heading) for heading in headings}
