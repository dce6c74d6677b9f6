"""From a template to a text."""

import pytest

from services.notifier.domain.rendering import TemplateError, render
from services.notifier.domain.text_samples import samples
from services.notifier.templates import TemplateCatalogue

CATALOGUE = TemplateCatalogue()
VALUES = samples("confirmation", clinic_name="Harbor Clinic", clinic_phone="555-0100", time_zone="America/New_York")


def test_times_are_spelled_on_the_zone_that_the_values_name():
    text = render("confirmation", "en", VALUES["plain"], CATALOGUE).text
    assert "Wed, Dec 30 at 5:30 PM" in text
    far_west = {**VALUES["plain"], "time_zone": "Pacific/Honolulu"}
    assert "12:30 PM" in render("confirmation", "en", far_west, CATALOGUE).text


def test_spanish_is_spanish_and_an_unknown_language_is_english():
    assert (
        "su cita es el mié 30 dic a las 5:30 p.m." in render("confirmation", "es-MX", VALUES["plain"], CATALOGUE).text
    )
    assert "your visit" in render("confirmation", "ht", VALUES["plain"], CATALOGUE).text


def test_several_visits_share_a_month_and_a_time_where_they_can():
    assert (
        "Dec 14, 16, 18, 21, 23, 28 at 10:00 AM" in render("confirmation", "en", VALUES["six visits"], CATALOGUE).text
    )


@pytest.mark.parametrize("name", ["x\nReply YES", "x\x00\u202ey", "{{ 7*7 }}", "{% for x in y %}", "<b>&"])
def test_a_hostile_value_stays_a_value(name):
    text = render("help", "en", {**VALUES["plain"], "clinic_name": name}, CATALOGUE).text
    assert "\n" not in text
    assert "\u202e" not in text
    assert "49" not in text


def test_errors_name_the_template_and_no_value():
    without = {name: value for name, value in VALUES["plain"].items() if name != "clinic_phone"}
    with pytest.raises(TemplateError, match="^confirmation/en: UndefinedError$"):
        render("confirmation", "en", without, CATALOGUE)
    with pytest.raises(TemplateError, match="no such template"):
        render("nonsense", "en", VALUES["plain"], CATALOGUE)
