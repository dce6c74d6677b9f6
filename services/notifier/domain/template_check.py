"""Every text and e-mail of a clinic, rendered for plausible and extreme values and held to the rules of the house."""

from typing import Protocol

from services.notifier.domain.checkin_texts import checkin_rule
from services.notifier.domain.email import NOTICE, PARTS, EmailCatalogue, write_email
from services.notifier.domain.rendering import TemplateError, render
from services.notifier.domain.text_lint import lint_email, lint_text
from services.notifier.domain.text_samples import LONG_TEXTS, samples
from shared.clinics.model import Clinic
from shared.messages.base import Purpose

_ALSO_CONTAINS = {"enrolment": ("24", "911", "988"), "help": ("911", "988")}
"""Whom to call in an emergency, said where a patient first hears of the number and asks for help (DOMAIN.md 3.5)."""
_LINK = "https://texts.example.org/unsubscribe/0123456789abcdefghijklmn"


class WholeCatalogue(EmailCatalogue, Protocol):
    """A catalogue that can say what it contains."""

    def languages(self) -> set[str]:
        """Return the languages that have templates."""
        ...

    def names(self, language: str) -> set[str]:
        """Return the names of a language's texts."""
        ...

    def emails(self, language: str) -> set[str]:
        """Return the names of a language's e-mails."""
        ...


def check_templates(clinic: Clinic, catalogue: WholeCatalogue) -> list[str]:
    """Return what is wrong with a clinic's texts and e-mails: one sentence each, with its language, name and case."""
    findings = []
    for language in sorted(catalogue.languages()):
        for name in sorted(catalogue.names(language)):
            findings += _check_text(name, language, clinic, catalogue)
        for name in sorted(catalogue.emails(language) - PARTS):
            findings += _check_email(name, language, clinic, catalogue)
    return findings


def _check_text(name: str, language: str, clinic: Clinic, catalogue: WholeCatalogue) -> list[str]:
    findings = []
    for case, values in _samples(name, clinic).items():
        most, must_contain, names_feelings = _rule(name, case, language, clinic)
        try:
            text = render(name, language, values, catalogue).text
        except TemplateError as error:
            findings.append(f"{error} ({case})")
            continue
        wrong = lint_text(text, most_segments=most, must_contain=must_contain, names_feelings=names_feelings)
        findings += [f"{language}/{name} ({case}): {sentence}" for sentence in wrong]
    return findings


def _check_email(name: str, language: str, clinic: Clinic, catalogue: WholeCatalogue) -> list[str]:
    findings = []
    words = clinic.email.model_copy(update={"phi_allowed": name != NOTICE})
    template = name.removeprefix("email/")
    for case, values in _samples(template, clinic).items():
        try:
            content = write_email(
                template,
                Purpose.CHANGE_NOTICE,
                values,
                language=language,
                words=words,
                catalogue=catalogue,
                unsubscribe_url=_LINK,
            )
        except TemplateError as error:
            findings.append(f"{error} ({case})")
            continue
        wrong = lint_email(
            content.subject,
            content.text.replace(_LINK, ""),
            must_contain=(clinic.name, clinic.phone),
            says_nothing=name == NOTICE,
        )
        findings += [f"{language}/{name} ({case}): {sentence}" for sentence in wrong]
    return findings


def _samples(name: str, clinic: Clinic) -> dict[str, dict[str, object]]:
    return samples(name, clinic_name=clinic.name, clinic_phone=clinic.phone, time_zone=clinic.time_zone)


def _rule(name: str, case: str, language: str, clinic: Clinic) -> tuple[int, tuple[str, ...], bool]:
    """Return how many parts a text may take, what it must contain, and whether it may speak of feelings."""
    rule = checkin_rule(name, case)
    if rule is None:
        wanted = _ALSO_CONTAINS.get(name, ())
        most = 1 if language == "en" and (name, case) not in LONG_TEXTS else 2
        return most, (clinic.name, clinic.phone, *wanted), False
    wanted = tuple(part.format(clinic_name=clinic.name, clinic_phone=clinic.phone) for part in rule.must_contain)
    return rule.english_parts if language == "en" else rule.spanish_parts, wanted, rule.names_feelings
