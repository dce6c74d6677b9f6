"""Signatures, against Twilio's own vectors and its own library."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from sandbox.settings import SettingsError, read_settings
from sandbox.signature import MailSigner, sign

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}


@pytest.mark.parametrize(
    ("url", "form", "signature"),
    [
        (URL, FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL + "#rc=5&rp=all", FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:443"), FORM, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (
            URL,
            {"Sid": "CA123", "SidAccount": "AC123", "Digits": ["5678", "1234", "1234"]},
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
    ],
    ids=["form", "fragment", "port", "repeated"],
)
def test_the_published_vectors(url, form, signature):
    assert sign("12345", url, form) == signature


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), st.lists(st.text(max_size=8), min_size=1, max_size=3), max_size=6)
)
def test_twilios_library_agrees_on_any_form(form):
    pairs = MultiDict((name, value) for name, values in form.items() for value in values)
    for algorithm, name in (("sha1", "HMAC_SHA1"), ("sha256", "HMAC_SHA256")):
        signature = sign("token", "https://a.example/x?y=1", form, algorithm=algorithm)
        assert RequestValidator("token").validate("https://a.example/x?y=1", pairs, signature, name)


def test_a_key_that_is_handed_over_stays_the_same():
    key = MailSigner()
    assert base64.b64decode(key.public_key)[:2] == b"\x30\x59"
    with pytest.raises(ValueError, match="."):
        MailSigner("bm8ga2V5")


ENVIRONMENT = {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "t"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWILIO_ACCOUNT_SID", "AC1"),
        ("TWILIO_AUTH_TOKEN", ""),
        ("SANDBOX_PORT", "eight"),
        ("SANDBOX_STEP_MS", "²"),
        ("SANDBOX_SHARED_KEY", "no-colon"),
        ("SANDBOX_MAIL_SIGNING_KEY", "no key"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        read_settings({**ENVIRONMENT, name: value})


def test_what_is_set_is_taken():
    settings = read_settings(
        {**ENVIRONMENT, "SANDBOX_SHARED_KEY": "k:s:t", "SANDBOX_MAIL_SENDERS": "a@b.example, c@d.example"}
    )
    assert settings.shared_key == ("k", "s:t")
    assert settings.mail_senders == {"a@b.example", "c@d.example"}
