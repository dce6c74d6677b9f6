"""Identifiers: random ones for things that are new, digests for things that must come out the same again."""

import hashlib
import json
import secrets
import uuid
from typing import Any


def new_id() -> str:
    """Return a random identifier for a message, a request or a task."""
    return str(uuid.uuid4())


def new_token() -> str:
    """Return an opaque, unguessable token that may stand in a URL."""
    return secrets.token_urlsafe(18)


def canonical_json(value: Any) -> bytes:
    """Return the one JSON spelling of ``value`` that digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def digest(*parts: bytes | str) -> str:
    """Return the SHA-256 of the parts, in hex; their boundaries count."""
    running = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        running.update(len(data).to_bytes(8, "big"))
        running.update(data)
    return running.hexdigest()
