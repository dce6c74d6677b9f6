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
OTHER_FAULTS = frozenset(
    {
        "list_lag",
        "callbacks_dropped",
        "callbacks_doubled",
        "callbacks_reordered",
        "callback_early",
        "undelivered",
        "failed",
    }
)


class FaultError(ValueError):
    """A fault that does not exist, or cannot be asked for like this."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong: ``count`` times, or each time with ``probability``."""

    kind: str
    count: int | None = None
    probability: float = 1.0
    to: str | None = None
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
        if kind not in CREATE_FAULTS | OTHER_FAULTS:
            raise FaultError(f"kind: one of {', '.join(sorted(CREATE_FAULTS | OTHER_FAULTS))}")
        known = {name: value for name, value in wish.items() if name in Fault.__dataclass_fields__ and name != "chance"}
        try:
            fault = Fault(**known)
        except TypeError as error:
            raise FaultError(str(error)) from None
        fault.chance = random.Random(fault.seed)  # noqa: S311 - dice, not secrets
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def all(self) -> list[Fault]:
        """Return what is asked for."""
        return list(self._faults)

    def strike(self, *kinds: str, to: str | None) -> Fault | None:
        """Return the first fault of these kinds whose turn it is, and count it."""
        for fault in self._faults:
            if fault.kind not in kinds or (fault.to is not None and fault.to != to):
                continue
            if fault.count is not None and fault.hits >= fault.count:
                continue
            if fault.chance.random() < fault.probability:
                fault.hits += 1
                return fault
        return None
