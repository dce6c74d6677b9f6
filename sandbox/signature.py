"""Signing a webhook as Twilio does: base64 of HMAC-SHA1 over the address and the sorted parameters."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(token: str, url: str, parameters: Mapping[str, str]) -> str:
    """Return ``X-Twilio-Signature`` for a form posted to ``url`` (its fragment is not signed)."""
    text = url.partition("#")[0] + "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
