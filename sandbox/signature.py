"""Signing webhooks as the providers do."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Parameters = Mapping[str, str | Sequence[str]]


def sign(token: str, url: str, parameters: Parameters, *, algorithm: str = "sha1") -> str:
    """Return Twilio's ``X-Twilio-Signature``: base64 of an HMAC over the address and the sorted parameters.

    Args:
        token: the account's primary token, or with sha256 the secret of a shared key.
        url: where the request goes; its fragment is not signed.
        parameters: the posted form; several values of a name count sorted and once each.
        algorithm: sha1, or sha256 for requests that name a shared key in their settings header.
    """
    text = url.partition("#")[0]
    for name in sorted(parameters):
        value = parameters[name]
        text += "".join(name + one for one in ([value] if isinstance(value, str) else sorted(set(value))))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), getattr(hashlib, algorithm)).digest()).decode()


class MailSigner:
    """Signs SendGrid's event webhook: ECDSA on P-256 with SHA-256, over the timestamp and the raw body."""

    def __init__(self, private_key: str | None = None) -> None:
        """Take a private key as base64 of its PKCS #8 DER form, or make one up.

        Raises:
            ValueError: this is no such key.
        """
        if private_key is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            return
        key = serialization.load_der_private_key(base64.b64decode(private_key, validate=True), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("not a P-256 key")  # noqa: TRY004 - one error for whatever was configured
        self._key = key

    @property
    def public_key(self) -> str:
        """What the receiver is configured with: base64 DER without PEM lines."""
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def sign(self, timestamp: str, body: bytes) -> str:
        """Return ``X-Twilio-Email-Event-Webhook-Signature``: base64 DER."""
        return base64.b64encode(self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
