"""The runbook, beside what it speaks of."""

import re
from itertools import pairwise
from pathlib import Path

from aiohttp import web
from markdown_it import MarkdownIt
from markupsafe import Markup

from services.console.domain.access import Visitor
from services.console.pages.door import Door

_FILE = Path(__file__).resolve().parents[3] / "docs" / "runbook.md"


class Runbook:
    """What to do, by symptom: a page with a place for each heading, so that a finding can point at it."""

    def __init__(self, door: Door, file: Path = _FILE) -> None:
        self._door = door
        self._content = render(file.read_text(encoding="utf-8")) if file.exists() else None

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show it."""
        return self._door.show(request, visitor, "runbook.html", content=self._content)


def render(text: str) -> Markup:
    """Return Markdown of our own as markup, its headings named by their words."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(inline.content))
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - HTML in the text is escaped


def anchor_of(heading: str) -> str:
    """Return the name of a heading, as the usual Markdown pages make it."""
    return re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-")
