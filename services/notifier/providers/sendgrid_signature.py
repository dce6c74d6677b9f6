"""Who really sent an event: SendGrid signs the time and the raw body with an elliptic-curve key."""

import base64
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.kernel.errors import ConfigurationError

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


class EventSignature:
    """Checks signatures by the account's public keys: two are valid while one is being replaced."""

    def __init__(self, public_keys: Sequence[str], *, oldest_s: float) -> None:
        self._keys = [_read_key(text) for text in public_keys]
        self._oldest_s = oldest_s

    def accepts(self, body: bytes, *, signature: str | None, timestamp: str | None, now: float) -> bool:
        """Return whether one of our keys signed this body lately. ``now`` is in seconds since 1970, by the wall clock.

        A request whose time lies too far back, or ahead, is refused: it may be a copy of one that was overheard.
        """
        if not signature or not timestamp or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13):
            return False
        if abs(now - int(timestamp)) > self._oldest_s:
            return False
        try:
            signed = base64.b64decode(signature, validate=True)
        except ValueError:
            return False
        return any(_verifies(key, signed, timestamp.encode() + body) for key in self._keys)


def _read_key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigurationError(
            "SENDGRID_WEBHOOK_PUBLIC_KEY: is not the key that the provider shows beside the signed event webhook"
        )
    return key


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
