"""The words that patients get: one file per text and language; e-mails in a folder of their own beside them."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Template

from services.notifier.domain.rendering import build_environment

_HERE = Path(__file__).parent
_EMAIL = "email/"


class TemplateCatalogue:
    """Templates compiled once: ``<language>/<name>.j2`` and ``<language>/email/<name>.j2``.

    A file in one of the ``overrides`` takes the place of ours, or of an earlier folder's.
    """

    def __init__(self, *overrides: Path) -> None:
        environment = build_environment()
        self._templates: dict[tuple[str, str], Template] = {
            (language, name): environment.from_string(file.read_text(encoding="utf-8"))
            for folder in (_HERE, *overrides)
            for language, name, file in _files(folder)
        }
        with_markup = build_environment(escapes=True)
        self.layout = with_markup.from_string((_HERE / "email.html.j2").read_text(encoding="utf-8"))
        self.unsubscribe_page = with_markup.from_string((_HERE / "unsubscribe.html.j2").read_text(encoding="utf-8"))

    def get(self, language: str, name: str) -> Template | None:
        """Return a template, or None."""
        return self._templates.get((language, name))

    def names(self, language: str) -> set[str]:
        """Return the names of a language's texts."""
        return {name for spoken, name in self._templates if spoken == language and not name.startswith(_EMAIL)}

    def emails(self, language: str) -> set[str]:
        """Return the names of a language's e-mails, each as in ``email/notice``."""
        return {name for spoken, name in self._templates if spoken == language and name.startswith(_EMAIL)}

    def languages(self) -> set[str]:
        """Return the languages that have templates."""
        return {spoken for spoken, _name in self._templates}


def _files(folder: Path) -> Sequence[tuple[str, str, Path]]:
    texts = [(file.parent.name, file.stem, file) for file in sorted(folder.glob("??/*.j2"))]
    emails = [(file.parts[-3], f"{_EMAIL}{file.stem}", file) for file in sorted(folder.glob("??/email/*.j2"))]
    return [*texts, *emails]
