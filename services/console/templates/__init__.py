"""The pages' templates, and the small things that they all need."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.console.domain import words

_HERE = Path(__file__).parent


class Pages:
    """Renders the templates of this folder; everything is escaped unless it is markup of our own."""

    def __init__(self, *, zone: ZoneInfo, asset: Callable[[str], str]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {"asset": asset, "house_zone": zone, "detail": words.detail}
        self._environment.filters |= {
            "at": spell_time,
            "brief": spell_briefly,
            "day": spell_day,
            "clock": spell_clock,
            "spell_for": words.spell_for,
            "number": lambda value: f"{value:,}",
            "reason": words.reason,
            "event": words.event,
            "tone": words.tone,
            "answer": words.answer_word,
            "advice": words.letters_advice,
            "pause_cause": words.pause_cause,
            "code_word": words.code_word,
            "task": words.task,
            "purpose": words.purpose,
            "tier": words.tier,
            "disposition": words.disposition,
            "question": words.question,
            "reading": words.reading,
            "sum_values": lambda counts: sum(counts.values()),
            "sparkline": sparkline,
            "plain": lambda value: str(value).replace("_", " "),
        }

    def render(self, template: str, **values: Any) -> str:
        """Return a page."""
        return self._environment.get_template(template).render(**values)

    def respond(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """Return a page as an answer."""
        return web.Response(text=self.render(template, **values), status=status, content_type="text/html")


def spell_time(at: datetime, zone: ZoneInfo) -> str:
    """Spell an instant in full, for example ``Tue Dec 1 2026, 10:00:05 EST``."""
    local = at.astimezone(zone)
    return f"{local:%a %b} {local.day} {local.year}, {local:%H:%M:%S %Z}"


def spell_briefly(at: datetime, zone: ZoneInfo) -> str:
    """Spell an instant for a list, for example ``Tue Dec 1, 10:00``."""
    local = at.astimezone(zone)
    return f"{local:%a %b} {local.day}, {local:%H:%M}"


def spell_day(at: datetime, zone: ZoneInfo) -> str:
    """Spell the day of an instant, for example ``Tuesday, December 1, 2026``."""
    local = at.astimezone(zone)
    return f"{local:%A, %B} {local.day}, {local.year}"


def spell_clock(at: datetime, zone: ZoneInfo, form: str = "%H:%M") -> str:
    """Spell the time of day of an instant."""
    return at.astimezone(zone).strftime(form)


def sparkline(values: Sequence[int], label: str) -> Markup:
    """Draw how a number went, as a small picture that needs no script."""
    width, height = 120, 24
    highest = max([*values, 1])
    step = width / max(len(values) - 1, 1)
    points = " ".join(
        f"{index * step:.1f},{height - 1 - (height - 3) * value / highest:.1f}" for index, value in enumerate(values)
    )
    template = '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}"><polyline points="{}"/></svg>'
    return Markup(template).format(width, height, label, points)  # noqa: S704 - format escapes what it fills in
