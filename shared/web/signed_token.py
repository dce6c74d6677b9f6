"""Short-lived signed tokens between our own services: who asks, in which role, for what."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LIFETIME = timedelta(seconds=60)
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Bearer:
    """A signed-in person, as the service that signed them in says. ``about`` is the one thing they may see."""

    who: str
    role: str
    about: str


def sign(bearer: Bearer, secret: str, *, now: datetime) -> str:
    """Return a token that is good for a minute."""
    content = json.dumps(
        {
            "who": bearer.who,
            "role": bearer.role,
            "about": bearer.about,
            "until": int((now + LIFETIME).timestamp()),
        }
    )
    body = urlsafe_b64encode(content.encode()).decode()
    return f"{body}.{_signature(body, secret)}"


def read(token: str, secret: str, *, now: datetime) -> Bearer | None:
    """Return whom a token speaks for, or None where it is not ours, or its minute is over."""
    body, _, signature = token.partition(".")
    if len(token) > _LONGEST or not hmac.compare_digest(signature.encode(), _signature(body, secret).encode()):
        return None
    try:
        content = json.loads(urlsafe_b64decode(body.encode()))
        bearer, until = Bearer(content["who"], content["role"], content["about"]), float(content["until"])
    except (ValueError, KeyError, TypeError):
        return None
    return bearer if now.astimezone(UTC).timestamp() <= until <= (now + 2 * LIFETIME).timestamp() else None


def _signature(body: str, secret: str) -> str:
    return hmac.new(secret.encode(), b"aftercare token 1." + body.encode(), hashlib.sha256).hexdigest()
