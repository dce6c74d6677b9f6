"""``aftercare check-config``: read the clinic file and every text it leads to, and say what is wrong."""

import os
import sys
from pathlib import Path

from services.notifier.domain.rendering import TemplateError, render
from services.notifier.domain.text_lint import lint_text
from services.notifier.domain.text_samples import LONG_TEXTS, samples
from services.notifier.templates import TemplateCatalogue
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinic


def check_config(file: Path | None) -> int:
    """Check a clinic file; return 1 if a text would not do."""
    path = file or Path(os.environ.get("AFTERCARE_CONFIG", "config/clinic.example.toml"))
    clinics = load_clinics(path)
    findings = [line for clinic_id, clinic in clinics.clinics.items() for line in _texts(clinic_id, clinic)]
    for line in findings:
        sys.stdout.write(f"{line}\n")
    for clinic_id, clinic in clinics.clinics.items():
        sys.stdout.write(f"{clinic_id}: {clinic.name}, {clinic.time_zone}, texts {clinic.window.opens:%H:%M} to ")
        sys.stdout.write(f"{clinic.window.closes:%H:%M}\n")
    sys.stdout.write(f"{path}: {len(findings)} findings\n")
    return 1 if findings else 0


def _texts(clinic_id: str, clinic: Clinic) -> list[str]:
    """Render every text in every language with this clinic's name and number, and lint it."""
    catalogue = TemplateCatalogue()
    findings = []
    for language in sorted(catalogue.languages()):
        for name in sorted(catalogue.names(language)):
            cases = samples(name, clinic_name=clinic.name, clinic_phone=clinic.phone, time_zone=clinic.time_zone)
            for case, values in cases.items():
                most = 1 if language == "en" and (name, case) not in LONG_TEXTS else 2
                try:
                    text = render(name, language, values, catalogue).text
                except TemplateError as error:
                    findings.append(f"{clinic_id}: {error}")
                    continue
                wrong = lint_text(text, most_segments=most, must_contain=(clinic.name, clinic.phone))
                findings += [f"{clinic_id}: {language}/{name} ({case}): {sentence}" for sentence in wrong]
    return findings
