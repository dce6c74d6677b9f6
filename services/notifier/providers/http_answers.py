"""What every HTTP provider's failures have in common: did the request leave, and when may we ask again."""

from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from services.notifier.domain.answer import Answer, NotReached, Unsure

TIMEOUT_S = 10.0
CONNECT_S = 3.0
TOO_MANY = 429
_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)


def answer_to_failure(error: Exception) -> Answer:
    """Tell a request that certainly never left from one that may have arrived."""
    # ServerTimeoutError also covers reading: only a connection that never came about is certain.
    never_left = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return NotReached() if never_left else Unsure(type(error).__name__)


def retry_after(headers: Mapping[str, str]) -> timedelta:
    """Read how long to wait after HTTP 429: whole seconds, never under one second and never over five minutes."""
    said = headers.get("Retry-After", "").strip()
    wait = timedelta(seconds=int(said)) if said.isascii() and said.isdigit() and len(said) < 7 else _SHORTEST_WAIT
    return min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT)
