"""A clinic's own texts: in the place of ours, and held to the same rules."""

import pytest

from cli.check_config import check_config
from services.notifier.domain.rendering import TemplateError, render
from services.notifier.domain.template_check import check_templates
from services.notifier.domain.text_samples import samples
from services.notifier.templates import TemplateCatalogue, catalogues_of
from shared.clinics.file import load_clinics
from shared.kernel.errors import ConfigurationError
from tests.builders import clinic

HARBOR = '[clinics.harbor]\nname = "Harbor Clinic"\nphone = "(212) 555-0100"\ntime_zone = "America/New_York"\n'
GOOD = "{{ clinic_name }}: see you {{ starts_at | day }} at {{ starts_at | clock }}. Call {{ clinic_phone }}."
VALUES = samples("reminder_far", clinic_name="Harbor", clinic_phone="555", time_zone="America/New_York")["plain"]


@pytest.fixture
def own(tmp_path):
    """Write a clinic file with one text of its own; return the file."""

    def write(text, name="en/reminder_far.j2"):
        file = tmp_path / "texts" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        path = tmp_path / "clinic.toml"
        path.write_text(HARBOR + 'templates = "texts"\n')
        return path

    return write


def test_a_text_of_the_clinics_own_takes_the_place_of_ours(own):
    catalogue = catalogues_of(load_clinics(own(GOOD)))["harbor"]
    assert render("reminder_far", "en", VALUES, catalogue).text.startswith("Harbor: see you Wed, Dec 30")
    assert render("reminder_far", "es", VALUES, catalogue).text.startswith("Harbor: tiene cita")
    assert check_config(own(GOOD)) == 0


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Your ketamine visit, {{ clinic_name }} {{ clinic_phone }}", "en/reminder_far.j2", "names a drug"),
        ("{{ clinic_name }} {{ clinic_phone }}: reply YES", "en/reminder_far.j2", "opts the patient out or in"),
        ("{{ clinic_name }}: see you", "en/reminder_far.j2", "does not contain '(212) 555-0100'"),
        (GOOD + "x" * 160, "en/reminder_far.j2", "takes 2 parts"),
        ("{{ clinic_name }} {{ clinic_phone }} {{ surname }}", "en/reminder_far.j2", "reminder_far/en: UndefinedError"),
        ("{{ clinic_name", "en/reminder_far.j2", "reminder_far.j2:1: "),
        ("{{ 'a' * 1000000000 }}", "en/reminder_far.j2", "reminder_far/en: SecurityError"),
        (GOOD, "en/reminder_fra.j2", "there is no text of that language and name to replace"),
        (GOOD, "fr/reminder_far.j2", "there is no text of that language and name to replace"),
        (
            "{% block subject %}Visit{% endblock %}{% block body %}{{ starts_at | day }}{% endblock %}",
            "en/email/notice.j2",
            "tells a date",
        ),
        ("no blocks", "en/email/reminder_far.j2", "email/reminder_far/en: KeyError"),
    ],
)
def test_it_is_held_to_the_same_rules(own, text, name, expected, capsys):
    path = own(text, name)
    with pytest.raises(ConfigurationError) as error:
        catalogues_of(load_clinics(path))
    assert expected in str(error.value)
    assert check_config(path) == 1
    assert expected in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "clinic.toml"
    path.write_text(HARBOR + 'templates = "nowhere"\n')
    with pytest.raises(ConfigurationError, match="nowhere: there is no such folder"):
        catalogues_of(load_clinics(path))


@pytest.mark.parametrize(
    ("name", "phone"),
    [("Harbor Clinic", "(212) 555-0100"), ("St. Bartholomew Wellness NYC", "+1 (212) 555-0100")],
)
def test_every_text_fits_for_long_names_too(name, phone):
    findings = check_templates(clinic(name=name, phone=phone), TemplateCatalogue())
    assert [finding for finding in findings if "parts" not in finding] == []
    if name == "Harbor Clinic":
        assert findings == []


def test_an_unknown_template_is_an_error():
    with pytest.raises(TemplateError, match="there is no such template"):
        render("nothing", "en", VALUES, TemplateCatalogue())
