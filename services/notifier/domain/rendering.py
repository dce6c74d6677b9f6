"""From a template's name and values to the text that a patient reads."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from jinja2 import StrictUndefined, Template, pass_context
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.domain.gsm7 import Measure, measure, normalise

LONGEST_TEXT = 1600
_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)")  # "5:30 p.m." at the end of a sentence
LONGEST_VALUE = 60
FALLBACK_LANGUAGE = "en"
_LOCALES = {"en": "en_US", "es": "es_US"}


class TemplateError(Exception):
    """A text cannot be made. Names the template, never a value."""


class Catalogue(Protocol):
    """Where templates come from."""

    def get(self, language: str, name: str) -> Template | None:
        """Return a template, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text, and how it travels."""

    text: str
    measure: Measure


def render(template: str, language: str, values: Mapping[str, Any], catalogue: Catalogue) -> Rendered:
    """Render a template in the recipient's language, or in English where there is no such translation.

    Raises:
        TemplateError: no such template, a placeholder without a value, or a text that is too long.
    """
    spoken, found = find_template(template, language, catalogue)
    if found is None:
        raise TemplateError(f"{template}: there is no such template")
    try:
        text = found.render(prepare_values(values, spoken))
    except (JinjaError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise TemplateError(f"{template}/{spoken}: {type(error).__name__}") from None
    text = normalise(tidy(text))
    if not 0 < len(text) <= LONGEST_TEXT:
        raise TemplateError(f"{template}/{spoken}: the text is empty or too long")
    return Rendered(text, measure(text))


class _Frugal(ImmutableSandboxedEnvironment):
    """Refuses arithmetic that could make a text of a gigabyte out of a short template."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse an operator."""
        _ = context, left, right
        raise SecurityError(f"templates do not use {operator}")


def find_template(name: str, language: str, catalogue: Catalogue) -> tuple[str, Template | None]:
    """Return the language that a text can be had in, and its template; English where there is no such translation."""
    spoken = language.partition("-")[0].lower()
    found = catalogue.get(spoken, name)
    return (spoken, found) if found is not None else (FALLBACK_LANGUAGE, catalogue.get(FALLBACK_LANGUAGE, name))


def prepare_values(values: Mapping[str, Any], language: str, *, longest: int = LONGEST_VALUE) -> dict[str, Any]:
    """Return values that cannot break out of a line, with the locale that spells dates."""
    return {**_clean(dict(values), longest), "locale": _LOCALES.get(language, language)}


def tidy(text: str) -> str:
    """Run a template's lines together, and let a sentence that ends in "p.m." end in one full stop."""
    return _TWO_STOPS.sub(".", " ".join(text.split()))


def build_environment(*, escapes: bool = False) -> ImmutableSandboxedEnvironment:
    """Return the environment that templates are compiled in: sandboxed, and strict about missing values.

    ``escapes`` is for markup: every value is escaped.
    """
    environment = _Frugal(undefined=StrictUndefined, autoescape=escapes, trim_blocks=True)
    environment.filters |= {"clock": _clock, "las": _las, "day": _day, "full_day": _full_day, "days": _days}
    environment.globals.clear()
    return environment


@pass_context
def _clock(context: Context, at: str) -> str:
    """Spell a time of day on the clinic's clock: 10:00 AM, 10:00 a. m."""
    return format_time(_local(context, at), "short", locale=context["locale"])


@pass_context
def _las(context: Context, at: str) -> str:
    """Spell a time of day with its Spanish article: las 10:00 a.m., la 1:30 p.m."""
    local = _local(context, at)
    return f"{_article(local)} {format_time(local, 'short', locale=context['locale'])}"


@pass_context
def _day(context: Context, at: str) -> str:
    """Spell a day: Tue, Dec 1; mar 1 de dic."""
    return _spell_day(_local(context, at).date(), str(context["locale"]))


@pass_context
def _full_day(context: Context, at: str) -> str:
    """Spell a day where there is room: Tuesday, December 1; martes 1 de diciembre."""
    locale = str(context["locale"])
    pattern = "EEEE, MMMM d" if locale.startswith("en") else "EEEE d 'de' MMMM"
    return format_date(_local(context, at).date(), pattern, locale=locale)


@pass_context
def _days(context: Context, visits: list[dict[str, Any]]) -> str:
    """List the days and times of several visits as briefly as they allow."""
    starts = [_local(context, str(visit["starts_at"])) for visit in visits]
    locale = str(context["locale"])
    clocks = {start.timetz().replace(tzinfo=None) for start in starts}
    if len(clocks) == 1:
        days = _enumerate([start.date() for start in starts], locale)
        clock = format_time(starts[0], "short", locale=locale)
        return f"{days} at {clock}" if locale.startswith("en") else f"{days} a {_article(starts[0])} {clock}"
    return "; ".join(
        f"{_enumerate([start.date()], locale)} {format_time(start, 'short', locale=locale)}" for start in starts
    )


def _article(at: datetime) -> str:
    return "la" if at.hour % 12 == 1 else "las"


def _enumerate(days: list[date], locale: str) -> str:
    """Name a month once for the days in it: Dec 1, 3, 5; 1, 3, 5 de dic."""
    english = locale.startswith("en")
    months: list[tuple[str, list[str]]] = []
    for day in days:
        month = format_date(day, "MMM", locale=locale).rstrip(".")
        if not months or months[-1][0] != month:
            months.append((month, []))
        months[-1][1].append(str(day.day))
    parts = [
        f"{month} {', '.join(numbers)}" if english else f"{', '.join(numbers)} {month}" for month, numbers in months
    ]
    return ", ".join(parts)


def _spell_day(day: date, locale: str) -> str:
    pattern = "EEE, MMM d" if locale.startswith("en") else "EEE d MMM"
    # With its accent, Saturday alone would turn a Spanish text into UCS-2 and double its parts.
    return format_date(day, pattern, locale=locale).replace(".", "").replace("sáb", "sab")


def _local(context: Context, at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(str(context["time_zone"])))


def _clean(value: Any, longest: int) -> Any:
    """Strip what could break out of a line, and bound every value."""
    if isinstance(value, str):
        kept = "".join(char for char in value if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
        return " ".join(kept.split())[:longest]
    if isinstance(value, dict):
        return {key: _clean(item, longest) for key, item in value.items()}
    return [_clean(item, longest) for item in value] if isinstance(value, list | tuple) else value
