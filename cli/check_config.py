"""``aftercare check-config``: read the clinic file and every text it leads to, and say what is wrong."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli.private_servers import ROOT
from services.followup.domain.safety.lexicon import lexicon
from services.notifier.domain.template_check import check_templates
from services.notifier.templates import TemplateCatalogue
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinic
from shared.clinics.roster import current_shift, has_roster
from shared.kernel.errors import ConfigurationError


def check_config(file: Path | None) -> int:
    """Check a clinic file; return 1 if a text would not do."""
    path = clinic_file(file)
    clinics = load_clinics(path)
    findings = [line for clinic_id, clinic in clinics.clinics.items() for line in _texts(clinic_id, clinic)]
    for line in findings:
        sys.stdout.write(f"{line}\n")
    for clinic_id, clinic in clinics.clinics.items():
        sys.stdout.write(f"{clinic_id}: {clinic.name}, {clinic.time_zone}, texts {clinic.window.opens:%H:%M} to ")
        sys.stdout.write(f"{clinic.window.closes:%H:%M}{_on_call(clinic)}\n")
    for language, reviewer in lexicon().reviewed_by.items():
        if not reviewer:
            sys.stdout.write(f"warning: no clinician has signed the {language} safety lexicon (reviewed_by is empty)\n")
    sys.stdout.write(f"{path}: {len(findings)} findings\n")
    return 1 if findings else 0


def _on_call(clinic: Clinic) -> str:
    """Say what the roster means for check-ins: a clinic may do without, but should know it."""
    if not has_roster(clinic):
        return "; no roster: no check-ins are asked"
    week = [datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=hour) for hour in range(14 * 24)]
    covered = sum(current_shift(clinic, hour) is not None for hour in week)
    return f"; somebody is on call for {round(100 * covered / len(week))} % of the time"


def clinic_file(given: Path | None) -> Path:
    """Return the clinic file that is meant: the one given, else the environment's, else the example."""
    return given or Path(os.environ.get("AFTERCARE_CONFIG", ROOT / "config" / "clinic.example.toml"))


def _texts(clinic_id: str, clinic: Clinic) -> list[str]:
    """Render everything that this clinic sends, in every language, and lint it."""
    try:
        catalogue = TemplateCatalogue(*filter(None, [clinic.templates]))
    except ConfigurationError as error:
        return [f"{clinic_id}: {error}"]
    return [f"{clinic_id}: {finding}" for finding in check_templates(clinic, catalogue)]
