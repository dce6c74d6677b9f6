"""From a template to an e-mail: a subject, a text part, an HTML part with the same words, and a calendar entry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from jinja2 import Template
from jinja2 import TemplateError as JinjaError

from services.notifier.domain.policy import POLICIES
from services.notifier.domain.rendering import TemplateError, find_template, prepare_values, tidy
from shared.clinics.model import EmailWords
from shared.messages.base import Purpose

LONGEST_EMAIL = 8000
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
NOTICE = "email/notice"
FOOTER = "email/footer"
PREPARATION = "email/preparation"
PARTS = frozenset({FOOTER, PREPARATION})
"""Not e-mails of their own: they stand inside others."""
_LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class EmailContent:
    """What a mailbox gets. ``calendar`` is a file of iCalendar, where a visit may be named at all."""

    subject: str
    text: str
    html: str
    calendar: str | None = None


class EmailCatalogue(Protocol):
    """Where e-mails come from: their words by language, and one layout for all."""

    @property
    def layout(self) -> Template:
        """The HTML around every e-mail's words."""
        ...

    def get(self, language: str, name: str) -> Template | None:
        """Return a template, or None."""
        ...


def write_email(
    template: str,
    purpose: Purpose,
    values: Mapping[str, Any],
    *,
    language: str,
    words: EmailWords,
    catalogue: EmailCatalogue,
    unsubscribe_url: str,
) -> EmailContent:
    """Render an e-mail as a clinic words it.

    Raises:
        TemplateError: its words cannot be made.
    """
    spoken: Literal["en", "es"] = "es" if language.partition("-")[0].lower() == "es" else "en"
    given = {
        **values,
        "soon": purpose is Purpose.CHANGE_NOTICE,
        "about_visit": POLICIES[purpose].consent == "reminders",
        "bring": words.bring.get(spoken, ""),
    }
    return render_email(
        template, language, given, catalogue, unsubscribe_url=unsubscribe_url, may_tell=words.phi_allowed
    )


def render_email(
    template: str,
    language: str,
    values: Mapping[str, Any],
    catalogue: EmailCatalogue,
    *,
    unsubscribe_url: str,
    may_tell: bool,
) -> EmailContent:
    """Render an e-mail. Unless the clinic ``may_tell`` of visits by e-mail, it says only whom to call (DOMAIN.md H3).

    Raises:
        TemplateError: no such template, a placeholder without a value, or words that are too long.
    """
    name = f"email/{template}"
    spoken, found = find_template(name, language, catalogue) if may_tell else ("", None)
    if found is None:
        name = NOTICE
        spoken, found = find_template(NOTICE, language, catalogue)
    footer, preparation = (find_template(part, spoken, catalogue)[1] for part in (FOOTER, PREPARATION))
    if found is None or footer is None or preparation is None:
        raise TemplateError(f"{name}: there is no such template")
    given = prepare_values(values, spoken, longest=_LONGEST_VALUE)
    try:
        given["preparation_text"] = preparation.render(given) if given.get("preparation") else ""
        context = found.new_context(given)
        subject = tidy("".join(found.blocks["subject"](context)))
        paragraphs = _paragraphs("".join(found.blocks["body"](context)))
        closing = tidy(footer.render(given))
        html = catalogue.layout.render(
            language=spoken,
            subject=subject,
            paragraphs=paragraphs,
            closing=closing,
            unsubscribe_url=unsubscribe_url,
        )
    except (JinjaError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise TemplateError(f"{name}/{spoken}: {type(error).__name__}") from None
    text = "\n\n".join([*paragraphs, f"{closing} {unsubscribe_url}"]) + "\n"
    if not subject or not paragraphs or len(text) > LONGEST_EMAIL:
        raise TemplateError(f"{name}/{spoken}: the e-mail is empty or too long")
    return EmailContent(subject, text, html)


def _paragraphs(body: str) -> list[str]:
    """Split words at blank lines; inside a paragraph, line breaks of the template mean nothing."""
    return [paragraph for paragraph in map(tidy, _BLANK_LINE.split(body)) if paragraph]


def calendar_entry(
    *, uid: str, summary: str, phone: str, starts_at: datetime, ends_at: datetime | None, cancelled: bool, now: datetime
) -> str:
    """Return one visit as a file of iCalendar (RFC 5545), in UTC, so that no time zone has to be spelled out.

    The same ``uid`` replaces an earlier entry of the visit; ``SEQUENCE`` rises with time, so the newest one wins.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Aftercare//Visits//EN",
        f"METHOD:{'CANCEL' if cancelled else 'PUBLISH'}",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{_stamp(now)}",
        f"SEQUENCE:{int(now.timestamp()) // 60}",
        f"DTSTART:{_stamp(starts_at)}",
        *([f"DTEND:{_stamp(ends_at)}"] if ends_at is not None else []),
        f"SUMMARY:{_escape(summary)}",
        f"DESCRIPTION:{_escape(phone)}",
        f"STATUS:{'CANCELLED' if cancelled else 'CONFIRMED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _fold(line: str) -> str:
    """Break a line at 75 octets, never inside a character; what follows a break starts with a space."""
    parts: list[str] = []
    current = ""
    for char in line:
        if len((current + char).encode()) > (75 if not parts else 74):
            parts.append(current)
            current = ""
        current += char
    return "\r\n ".join([*parts, current])
