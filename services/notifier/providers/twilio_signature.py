"""Who really sent a webhook: Twilio signs with the account's primary token; two are valid while it is rotated."""

from collections.abc import Sequence

from multidict import MultiMapping
from twilio.request_validator import RequestValidator


class SignatureCheck:
    """Checks signatures against the configured public address, never against what a proxy says the host is."""

    def __init__(self, tokens: Sequence[str], *, public_url: str) -> None:
        self._validators = [RequestValidator(token) for token in tokens]
        self._public_url = public_url.rstrip("/")

    def accepts(self, path_and_query: str, parameters: MultiMapping[str], signature: str | None) -> bool:
        """Return whether one of our tokens signed this request. Anything odd counts as unsigned."""
        if not signature:
            return False
        url = f"{self._public_url}{path_and_query}"
        return any(self._matches(validator, url, parameters, signature) for validator in self._validators)

    @staticmethod
    def _matches(validator: RequestValidator, url: str, parameters: MultiMapping[str], signature: str) -> bool:
        try:
            return bool(validator.validate(url, parameters, signature))
        except (TypeError, ValueError, AttributeError):
            return False  # the library raises on input that it does not expect
