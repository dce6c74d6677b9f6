"""Faults on demand: what is to go wrong next, decided by count or by a seeded chance. Pure."""

import random
from dataclasses import asdict, dataclass, field
from typing import Any

CREATE_FAULTS = frozenset(
    {
        "429",
        "500_before",
        "500_after",
        "502_html",
        "slow",
        "slow_accept",
        "accept_then_drop",
        "drop_before",
        "hang_after",
        "broken_json",
        "401",
        "error",
    }
)
"""What can happen to a create request, of a text, a call or a mail."""
REPORT_FAULTS = frozenset({"callbacks_dropped", "callbacks_doubled", "callbacks_reordered"})
"""What can happen to a status callback or to a mail event."""
TEXT_FAULTS = frozenset({"list_lag", "list_500", "callback_early", "undelivered", "failed", "inbound_lost"})
CALL_FAULTS = frozenset({"busy", "no_answer", "call_failed", "machine"})
MAIL_FAULTS = frozenset({"bounce", "blocked", "dropped", "deferred", "spamreport"})

RESOURCES = frozenset({"messages", "calls", "mail"})
_RESOURCE_OF = (
    dict.fromkeys(TEXT_FAULTS, "messages") | dict.fromkeys(CALL_FAULTS, "calls") | dict.fromkeys(MAIL_FAULTS, "mail")
)
KINDS = CREATE_FAULTS | REPORT_FAULTS | frozenset(_RESOURCE_OF)


class FaultError(ValueError):
    """A fault that does not exist, or cannot be asked for like this."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong: ``count`` times, or each time with ``probability``.

    ``to`` narrows it to one number or address, ``on`` to messages, calls or mail. ``seconds`` is how long what is
    slow takes, ``code`` and ``http_status`` what an error says.
    """

    kind: str
    count: int | None = None
    probability: float = 1.0
    to: str | None = None
    on: str | None = None
    seconds: float = 1.0
    code: int | None = None
    http_status: int = 400
    seed: int | None = None
    hits: int = 0
    chance: random.Random = field(default_factory=random.Random, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return the fault without its dice."""
        shown = asdict(self)
        del shown["chance"]
        return shown


class Faults:
    """The faults that are asked for, looked at in order."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, wish: dict[str, Any]) -> Fault:
        """Ask for a fault.

        Raises:
            FaultError: the wish makes no sense.
        """
        kind = wish.get("kind")
        if kind not in KINDS:
            raise FaultError(f"kind: one of {', '.join(sorted(KINDS))}")
        if wish.get("on") not in RESOURCES | {None}:
            raise FaultError(f"on: one of {', '.join(sorted(RESOURCES))}")
        unknown = set(wish) - set(Fault.__dataclass_fields__) | set(wish) & {"chance", "hits"}
        if unknown:
            raise FaultError(f"{min(unknown)}: no such field")
        fault = Fault(**wish)
        if not 0 <= fault.probability <= 1:
            raise FaultError("probability: from 0 to 1")
        fault.chance = random.Random(fault.seed)  # noqa: S311 - dice, not secrets
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def all(self) -> list[Fault]:
        """Return what is asked for."""
        return list(self._faults)

    def strike(self, *kinds: str, to: str | None, on: str) -> Fault | None:
        """Return the first fault of these kinds whose turn it is, and count it."""
        for fault in self._faults:
            if fault.kind not in kinds or fault.to not in (None, to) or fault.on not in (None, on):
                continue
            if fault.count is not None and fault.hits >= fault.count:
                continue
            if fault.chance.random() < fault.probability:
                fault.hits += 1
                return fault
        return None
