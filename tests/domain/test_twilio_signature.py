"""Who really sent a webhook: the provider's own vectors, and everything that must not pass (RELIABILITY F44, F46)."""

import base64
import hashlib
import hmac

import pytest
from multidict import CIMultiDict, MultiDict

from services.notifier.providers.twilio_signature import SignatureCheck

BASE, PATH = "https://mycompany.com", "/myapp.php?foo=1&bar=2"
FORM = MultiDict(
    {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
)
SHA1 = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
SHA1_WITH_PORT = "kvajT1Ptam85bY51eRf/AJRuM3w="


def accepts(signature, *, form=FORM, tokens=("12345",), path=PATH, settings=None):
    headers = CIMultiDict({"X-Twilio-Signature": signature} if signature is not None else {})
    if settings is not None:
        headers["X-Twilio-Webhooks-Signature-Settings"] = settings
    return SignatureCheck(list(tokens), public_url=BASE).accepts(path, form, headers)


def sha256(secret):
    text = BASE + PATH + "".join(name + FORM[name] for name in sorted(FORM))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("signature", [SHA1, SHA1_WITH_PORT])
def test_the_providers_own_vectors_are_accepted(signature):
    assert accepts(signature)


def test_either_token_is_accepted_while_one_is_rotated():
    assert accepts(SHA1, tokens=("new", "12345"))


def test_a_shared_key_signs_with_the_algorithm_that_the_settings_header_names():
    settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    assert accepts(sha256("shared"), tokens=("12345", "shared"), settings=settings)
    assert not accepts(sha256("shared"), tokens=("12345",), settings=settings)
    assert not accepts(sha256("shared"), tokens=("12345", "shared"))
    assert not accepts(SHA1, settings=settings)


@pytest.mark.parametrize("settings", ["algorithm=HMAC_MD5", "algorithm=none", "algorithm=HMAC_SHA512"])
def test_an_algorithm_that_nobody_knows_proves_nothing(settings):
    assert not accepts(SHA1, settings=settings)


@pytest.mark.parametrize("signature", [None, "", "x", SHA1[:-1], SHA1.lower()])
def test_anything_else_is_unsigned(signature):
    assert not accepts(signature)


@pytest.mark.parametrize(
    "change", [{"form": MultiDict({**FORM, "Digits": "1"})}, {"path": "/myapp.php?foo=1"}, {"tokens": ("other",)}]
)
def test_a_change_of_anything_that_is_signed_is_noticed(change):
    assert not accepts(SHA1, **change)
