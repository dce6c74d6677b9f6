"""What may be shown of a message whose content nobody could handle."""

from dataclasses import dataclass
from typing import Any

_SHOWN = frozenset(
    """specversion id source type time datacontenttype correlationid causationid revision clinic_id booking_id
    occurred_at visit_kind modality starts_at ends_at subject key purpose template status""".split()  # noqa: SIM905
)
_LONGEST_SHOWN = 60
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a message's content: a field, how deep it stands, and its value unless that is hidden."""

    depth: int
    name: str
    value: str | None
    hidden: bool = False


def is_harmless(value: object, name: str) -> bool:
    """Return whether a value names no person, going by its field."""
    if value is None or isinstance(value, bool):
        return True
    return name in _SHOWN and len(str(value)) <= _LONGEST_SHOWN


def describe(value: object) -> str:
    """Say what kind of value is hidden, for example ``text, 12 characters``: often that is what is wrong with it."""
    if isinstance(value, str):
        return f"text, {len(value)} characters" if value else "empty text"
    return "number" if isinstance(value, int | float) else type(value).__name__


def lines_of(content: Any, *, reveal: bool, name: str = "", depth: int = 0) -> list[Line]:
    """Return content line by line, each value hidden unless it is harmless or may be revealed."""
    if depth > _DEEPEST:
        return [Line(depth, name, "nested deeper than is shown", hidden=True)]
    if isinstance(content, dict):
        own = [Line(depth, name, None)] if name else []
        inner = depth + bool(name)
        return own + [
            line for key, value in content.items() for line in lines_of(value, reveal=reveal, name=key, depth=inner)
        ]
    if isinstance(content, list):
        return [
            line
            for number, item in enumerate(content)
            for line in lines_of(item, reveal=reveal, name=f"{name}[{number}]", depth=depth)
        ]
    if reveal or is_harmless(content, name.partition("[")[0]):
        return [Line(depth, name, _spell(content))]
    return [Line(depth, name, describe(content), hidden=True)]


def _spell(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
