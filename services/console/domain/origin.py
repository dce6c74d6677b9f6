"""Whose message a dead letter was, as far as it says so itself."""

import json
from dataclasses import dataclass
from typing import Any

from shared.messages.envelope import BARE_SOURCE

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Origin:
    """The sender's name for itself, and the clinic it speaks of; None where the message does not say."""

    source: str | None = None
    clinic_id: str | None = None


def origin_of(body: bytes) -> Origin:
    """Read both from a message that may be no message at all; nothing else of it leaves the seal."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Origin()
    if not isinstance(content, dict):
        return Origin()
    data = content.get("data")
    if isinstance(data, dict):
        return Origin(_name(content.get("source")), _name(data.get("clinic_id")))
    return Origin(
        BARE_SOURCE if "booking_id" in content else _name(content.get("source")), _name(content.get("clinic_id"))
    )


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else None
