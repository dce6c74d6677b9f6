"""Settings: from the environment or from files, refused in words that name the variable and hold no value."""

import pytest

from services.booking_events.settings import BookingEventsSettings
from services.notifier.settings import NotifierSettings
from shared.kernel.errors import ConfigurationError
from shared.runtime.settings import ServiceSettings, load_settings

GOOD = {
    "AFTERCARE_AMQP_URL": "amqp://u:p@h/",
    "AFTERCARE_DATABASE_URL": "postgresql://u:p@h/d",
    "AFTERCARE_CONFIG": "clinic.toml",
    "AFTERCARE_SEALING_KEYS": "a:b",
    "AFTERCARE_PUBLIC_URL": "https://texts.example.org",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_FROM_NUMBER": "+12125550199",
}


@pytest.fixture
def environment(monkeypatch):
    """The environment of a service that can start, and nothing of this machine's own."""
    import os

    for name in list(os.environ):
        if name.startswith(("AFTERCARE_", "TWILIO_", "SENDGRID_")):
            monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def secret_file(tmp_path, text, mode=0o400):
    path = tmp_path / "secret"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def refusal(model):
    with pytest.raises(ConfigurationError) as error:
        load_settings(model)
    return str(error.value)


def test_a_secret_may_come_from_a_file(environment, tmp_path):  # S12
    for name in ("AFTERCARE_DATABASE_URL", "TWILIO_AUTH_TOKEN"):
        environment.delenv(name)
    environment.setenv("AFTERCARE_DATABASE_URL_FILE", secret_file(tmp_path, "postgresql://u:hush@h/d\n"))
    (tmp_path / "token").write_text("hush2\n", encoding="utf-8")
    (tmp_path / "token").chmod(0o400)
    environment.setenv("TWILIO_AUTH_TOKEN_FILE", str(tmp_path / "token"))
    settings = load_settings(NotifierSettings)
    assert settings.database_url.get_secret_value() == "postgresql://u:hush@h/d"
    assert settings.signing_tokens == ["hush2"]
    assert "hush" not in repr(settings)


def test_a_file_that_everybody_may_read_is_refused(environment, tmp_path):  # S12
    environment.setenv("AFTERCARE_SEALING_KEYS_FILE", secret_file(tmp_path, "CANARY", mode=0o444))
    assert refusal(ServiceSettings).startswith("AFTERCARE_SEALING_KEYS_FILE: the file may be read by everybody")


def test_a_file_that_is_not_there_is_named(environment):
    environment.setenv("AFTERCARE_FEED_NATIVE_SECRET_FILE", "/nowhere/at/all")
    assert (
        refusal(BookingEventsSettings)
        == "AFTERCARE_FEED_NATIVE_SECRET_FILE: the file cannot be read (FileNotFoundError)"
    )


@pytest.mark.parametrize(
    "name", ["AFTERCARE_AMQP_URL", "AFTERCARE_DATABASE_URL", "AFTERCARE_CONFIG", "AFTERCARE_SEALING_KEYS"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named(environment, name, value):
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    assert refusal(ServiceSettings) == f"{name}: is not set"


@pytest.mark.parametrize(
    ("model", "name", "value", "expected"),
    [
        (ServiceSettings, "AFTERCARE_AMQP_URL", "http://CANARY", "is not an address such as amqp://"),
        (ServiceSettings, "AFTERCARE_DATABASE_URL", "mysql://CANARY", "is not an address such as postgresql://"),
        (ServiceSettings, "AFTERCARE_LOG_LEVEL", "CANARY", "AFTERCARE_LOG_LEVEL: Input should be"),
        (BookingEventsSettings, "AFTERCARE_BOOKING_EVENTS_PORT", "CANARY", "AFTERCARE_BOOKING_EVENTS_PORT: "),
        (BookingEventsSettings, "AFTERCARE_BOOKING_EVENTS_PORT", "70000", "less than or equal to 65535"),
        (NotifierSettings, "AFTERCARE_PUBLIC_URL", "CANARY", "AFTERCARE_PUBLIC_URL: "),
        (NotifierSettings, "TWILIO_ACCOUNT_SID", "CANARY", "TWILIO_ACCOUNT_SID: "),
        (NotifierSettings, "TWILIO_FROM_NUMBER", "CANARY", "TWILIO_FROM_NUMBER: is not a telephone number"),
        (NotifierSettings, "TWILIO_API_KEY", "CANARY", "only one of them is set"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(environment, model, name, value, expected):
    environment.setenv(name, value)
    said = refusal(model)
    assert expected in said
    assert "CANARY" not in said
