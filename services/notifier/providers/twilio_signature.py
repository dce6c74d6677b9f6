"""Who really sent a webhook: Twilio signs with the account's primary token; two are valid while it is rotated."""

from collections.abc import Mapping, Sequence

from multidict import MultiMapping
from twilio.request_validator import (
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)


class SignatureCheck:
    """Checks signatures against the configured public address, never against what a proxy says the host is."""

    def __init__(self, tokens: Sequence[str], *, public_url: str) -> None:
        self._validators = [RequestValidator(token) for token in tokens]
        self._public_url = public_url.rstrip("/")

    def accepts(self, path_and_query: str, parameters: MultiMapping[str], headers: Mapping[str, str]) -> bool:
        """Return whether one of our secrets signed this request. Anything odd counts as unsigned.

        The settings header names the algorithm of webhooks that are signed with a shared key; without it the account's
        token signs, with HMAC-SHA1.
        """
        signature = headers.get(SIGNATURE_HEADER)
        if not signature:
            return False
        algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER))
        url = f"{self._public_url}{path_and_query}"
        return any(_matches(validator, url, parameters, signature, algorithm) for validator in self._validators)


def _matches(
    validator: RequestValidator, url: str, parameters: MultiMapping[str], signature: str, algorithm: str
) -> bool:
    try:
        return bool(validator.validate(url, parameters, signature, algorithm))
    except (TypeError, ValueError, AttributeError):
        return False  # the library raises on input that it does not expect
