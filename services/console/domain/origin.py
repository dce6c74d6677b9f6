"""Whose message a dead letter was, as far as it says so itself."""

import json
import re
from dataclasses import dataclass
from typing import Any

from shared.messages.envelope import BARE_SOURCE

# As systems and clinics are called; what a person wrote by mistake where a name belongs stays under the seal.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,59}")
_LIKE_A_NUMBER = re.compile(r"[0-9]{7}")


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
    return value if isinstance(value, str) and _NAME.fullmatch(value) and not _LIKE_A_NUMBER.search(value) else None
