"""The signature of the native feed: ``X-Aftercare-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">``."""

import hashlib
import hmac
from collections.abc import Sequence

OLDEST_S = 300


def sign(secret: str, body: bytes, *, at: int) -> str:
    """Return the header that proves who sent a body, and when."""
    return f"t={at},v1={_mac(secret, body, at)}"


def is_signed(secrets: Sequence[str], header: str | None, body: bytes, *, now: float) -> bool:
    """Return whether one of the secrets signed the body within the last five minutes. Several ``v1`` may stand."""
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) < 16):
        return False
    at = int(times[0])
    if abs(now - at) > OLDEST_S:
        return False
    # As bytes: what a stranger sends need not be ASCII, and texts that are not cannot be compared in constant time.
    given = [value.encode("utf-8", "surrogateescape") for name, _, value in parts if name == "v1"]
    return any(hmac.compare_digest(_mac(secret, body, at).encode(), value) for secret in secrets for value in given)


def _mac(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
