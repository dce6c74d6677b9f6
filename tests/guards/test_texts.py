"""Every text and e-mail that can be sent stands in ``texts.md``, for people to read before a patient does.

After changing a template, write it anew and read the difference: ``UPDATE_TEXTS=1 ./test tests/guards/test_texts.py``.
"""

import os
from pathlib import Path

import pytest

from cli.check_config import _texts
from services.notifier.domain.email import PARTS, write_email
from services.notifier.domain.rendering import render
from services.notifier.domain.text_lint import lint_text
from services.notifier.domain.text_samples import samples
from services.notifier.templates import TemplateCatalogue
from shared.clinics.model import EmailWords
from shared.messages.base import Purpose
from tests.builders import example_clinics

GOLDEN = Path(__file__).parent / "texts.md"
CATALOGUE = TemplateCatalogue()
CLINIC = example_clinics().clinics["harbor"]
LANGUAGE = {"en": "English", "es": "Spanish"}
INTRODUCTION = """# Every text that can be sent

Written by `UPDATE_TEXTS=1 ./test tests/guards/test_texts.py`, with the example clinic's name and number, in every language and for
plausible and extreme values. Behind each text: its encoding and the parts it takes.
"""


def values_of(name):
    return samples(name, clinic_name=CLINIC.name, clinic_phone=CLINIC.phone, time_zone=CLINIC.time_zone)


def all_texts():
    lines = [INTRODUCTION]
    for language in sorted(CATALOGUE.languages()):
        lines.append(f"## Texts, {LANGUAGE[language]}\n")
        for name in sorted(CATALOGUE.names(language)):
            lines.append(f"### {name}\n")
            for case, values in values_of(name).items():
                rendered = render(name, language, values, CATALOGUE)
                parts = f"{rendered.measure.segments} {'part' if rendered.measure.segments == 1 else 'parts'}"
                lines.append(f"- *{case}* ({rendered.measure.encoding}, {parts})\n  > {rendered.text}\n")
    for language in sorted(CATALOGUE.languages()):
        lines.append(f"## E-mails, {LANGUAGE[language]}\n")
        for name in sorted(CATALOGUE.emails(language) - PARTS):
            lines.append(f"### {name}\n")
            for case, values in values_of(name.removeprefix("email/")).items():
                lines.append(f"- *{case}*\n{indented(email(name, language, values))}\n")
    return "\n".join(lines)


def email(name, language, values):
    """Return an e-mail as a clinic sends it that may tell of visits by e-mail."""
    words = EmailWords(phi_allowed=name != "email/notice")
    purpose = Purpose.CHANGE_NOTICE if name in {"email/moved", "email/cancelled"} else Purpose.REMINDER_FAR
    return write_email(
        name.removeprefix("email/"),
        purpose,
        values,
        language=language,
        words=words,
        catalogue=CATALOGUE,
        unsubscribe_url="https://texts.example.org/unsubscribe/x",
    )


def indented(content):
    lines = [f"Subject: {content.subject}", "", *content.text.strip().splitlines()]
    return "\n".join(f"  > {line}".rstrip() for line in lines)


def test_every_text_is_the_one_that_people_have_read():
    written = all_texts()
    if os.environ.get("UPDATE_TEXTS"):
        GOLDEN.write_text(written, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == written, f"a text changed: {__doc__}"


@pytest.mark.parametrize(
    ("name", "language", "case", "words"),
    [
        (
            *("help", "en", "plain"),
            "Harbor Clinic texts: appointment reminders and check-ins. Call (212) 555-0100 for help. "
            "Msg&data rates may apply. Emergency: 911 or 988. Reply STOP to end.",
        ),
        (
            *("opt_out_confirmation", "en", "plain"),
            "Harbor Clinic: you will get no more texts from us. Your appointments are NOT cancelled. "
            "Call (212) 555-0100 to change one. Reply START to resume.",
        ),
        (
            *("enrolment", "en", "plain"),
            "Harbor Clinic: reminders and check-ins by text, up to 7 msgs/week. Msg&data rates may apply. "
            "Reply HELP for help, STOP to end. Not monitored 24/7. Emergency: 911 or 988.",
        ),
        (
            *("checkin_today", "en", "again"),
            "Sorry, I could not read that. Please reply with one number from 0 (worst) to 10 (best).",
        ),
        (
            *("questionnaire_item", "en", "item 1"),
            "Over the last 2 weeks, how often have you been bothered by any of the following problems? 1/9: ",
        ),
        (
            *("questionnaire_item", "es", "item 1"),
            "Durante las últimas 2 semanas, ¿qué tan seguido ha tenido molestias debido a los siguientes problemas? "
            "1/9: ",
        ),
        (
            *("safety_crisis", "en", "plain"),
            "Thank you for telling us. This line is automated and not watched around the clock. "
            "If you might hurt yourself, call or text 988 now, or call 911.",
        ),
        (
            *("safety_alerted", "en", "plain"),
            "Our care team has been alerted and will try to reach you. Veterans: call 988 then press 1. "
            "Or text HOME to 741741. Clinic: (212) 555-0100",
        ),
        (
            *("safety_crisis", "es", "plain"),
            "Gracias por decírnoslo. Este sistema es automático y no se vigila las 24 horas. Si puede hacerse daño, "
            "llame al 988 (oprima 2), envíe AYUDA al 988 o llame al 911.",
        ),
    ],
)
def test_words_that_clinicians_and_carriers_know_stay_as_they_are(name, language, case, words):  # 2.4, 3.5, 4.4, 6
    assert words in render(name, language, values_of(name)[case], CATALOGUE).text


@pytest.mark.parametrize("name", ["answer_noted_low", "questionnaire_item", "safety_crisis", "safety_possible"])
def test_whoever_is_sent_to_988_in_spanish_may_text_as_well_as_call(name):  # 3.5: AYUDA to 988
    values = values_of(name)
    assert "AYUDA al 988" in render(name, "es", values.get("item 9") or values["plain"], CATALOGUE).text


def test_every_language_has_every_text():
    english = CATALOGUE.names("en") | CATALOGUE.emails("en")
    for language in CATALOGUE.languages():
        assert CATALOGUE.names(language) | CATALOGUE.emails(language) == english, language


@pytest.mark.parametrize("clinic_id", example_clinics().clinics)
def test_no_text_breaks_a_rule_of_the_house(clinic_id):  # K4, H2, and the parts that a text may take
    assert _texts(clinic_id, example_clinics().clinics[clinic_id]) == []


def test_the_lint_finds_what_it_is_for():
    for text, sentence in (
        ("Harbor: your ketamine visit", "names a drug"),
        ("Harbor: su infusión", "names a drug"),
        ("Harbor: reply YES", "invites a word"),
        ("Harbor: responda NO", "invites a word"),
        ("Harbor: " + "x" * 200, "takes 2 parts"),
        ("hello", "does not contain 'Harbor'"),
        ("Harbor: “hello”", "is not normalised"),
    ):
        found = lint_text(text, most_segments=1, must_contain=("Harbor",))
        assert any(sentence in finding for finding in found), (text, found)
