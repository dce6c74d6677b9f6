"""The texts that patients get: one file per text and language."""

from pathlib import Path

from jinja2 import Template

from services.notifier.domain.rendering import build_environment

_HERE = Path(__file__).parent


class TemplateCatalogue:
    """The templates of a folder, compiled once: ``<language>/<name>.j2``."""

    def __init__(self, folder: Path = _HERE) -> None:
        environment = build_environment()
        self._templates: dict[tuple[str, str], Template] = {
            (file.parent.name, file.stem): environment.from_string(file.read_text(encoding="utf-8"))
            for file in sorted(folder.glob("??/*.j2"))
        }

    def get(self, language: str, name: str) -> Template | None:
        """Return a template, or None."""
        return self._templates.get((language, name))

    def names(self, language: str) -> set[str]:
        """Return the names of a language's templates."""
        return {name for spoken, name in self._templates if spoken == language}

    def languages(self) -> set[str]:
        """Return the languages that have templates."""
        return {spoken for spoken, _name in self._templates}
