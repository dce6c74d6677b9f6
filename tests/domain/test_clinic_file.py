"""A mistake in the clinic file names its line or key, and what was expected."""

import pytest

from shared.clinics.file import load_clinics
from shared.kernel.errors import ConfigurationError
from tests.builders import ROOT, example_clinics

GOOD = '[clinics.harbor]\nname = "Harbor Clinic"\nphone = "(212) 555-0100"\ntime_zone = "America/New_York"\n'


def test_the_example_is_valid():
    assert set(example_clinics().clinics) == {"harbor", "mesa", "kona"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("America/New_York", "New York"), "4: clinics.harbor.time_zone: is not an IANA time zone"),
        (GOOD.replace("Harbor Clinic", "Harbor Ketamine"), "2: clinics.harbor.name: would tell what the patient"),
        (GOOD + "colour = 1\n", "5: clinics.harbor.colour: is not a setting that exists here"),
        (GOOD + '[clinics.harbor.window]\nopens = "9"\n', "6: clinics.harbor.window.opens: is not a time of day"),
        (
            GOOD + '[clinics.harbor.window]\nopens = "21:00"\n',
            "clinics.harbor.window: opens must be earlier than closes",
        ),
        (
            GOOD + '[clinics.harbor.cadence]\ninfusion = [{ before = "3 days", useless_within = "1h" }]\n',
            'clinics.harbor.cadence.infusion.0.before: is not a duration such as "72h"',
        ),
        (GOOD + 'sender = "12"\n', "5: clinics.harbor.sender: is not a telephone number"),
        (
            GOOD
            + '[[clinics.harbor.roster.shifts]]\ndays = ["mon"]\nstarts = "08:00"\nends = "20:00"\npeople = ["osei"]\n',
            "a shift names osei, who is not among people",
        ),
        ("clinics = 5\n", "clinics: Input should be a valid dictionary"),
        ("[clinics.harbor\n", "at line 1"),
        ("", "clinics: Field required"),
    ],
)
def test_mistakes(tmp_path, text, expected):
    path = tmp_path / "clinic.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_clinics(path)
    assert expected in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_clinics(tmp_path / "none.toml")


def test_the_example_explains_every_section():
    text = (ROOT / "config" / "clinic.example.toml").read_text()
    for section in ("window", "delivery", "email", "budget", "settle", "preparation", "cadence", "roster", "retention"):
        assert section in text
