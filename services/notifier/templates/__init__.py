"""The words that patients get: one file per text and language; e-mails in a folder of their own beside them."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, Template, TemplateSyntaxError

from services.notifier.domain.rendering import build_environment
from services.notifier.domain.template_check import check_templates
from shared.clinics.model import Clinics
from shared.kernel.errors import ConfigurationError

_HERE = Path(__file__).parent
_EMAIL = "email/"


class TemplateCatalogue:
    """Templates compiled once: ``<language>/<name>.j2`` and ``<language>/email/<name>.j2``.

    A file in one of the ``overrides`` takes the place of ours, or of an earlier folder's.
    """

    def __init__(self, *overrides: Path) -> None:
        environment = build_environment()
        self._templates: dict[tuple[str, str], Template] = {}
        for folder in (_HERE, *overrides):
            for language, name, file in _files(folder):
                if folder is not _HERE and (language, name) not in self._templates:
                    raise ConfigurationError(f"{file}: there is no text of that language and name to replace")
                self._templates[language, name] = _compile(environment, file)
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


def catalogues_of(clinics: Clinics) -> dict[str, TemplateCatalogue]:
    """Return the catalogues of the clinics that have texts of their own.

    Raises:
        ConfigurationError: one of their texts cannot be read or breaks a rule; one line per mistake.
    """
    catalogues = {
        clinic_id: TemplateCatalogue(clinic.templates)
        for clinic_id, clinic in clinics.clinics.items()
        if clinic.templates is not None
    }
    findings = [
        f"{clinic_id}: {finding}"
        for clinic_id, catalogue in catalogues.items()
        for finding in check_templates(clinics.clinics[clinic_id], catalogue)
    ]
    if findings:
        raise ConfigurationError("\n".join(findings))
    return catalogues


def _compile(environment: Environment, file: Path) -> Template:
    try:
        return environment.from_string(file.read_text(encoding="utf-8"))
    except TemplateSyntaxError as error:
        raise ConfigurationError(f"{file}:{error.lineno}: {error.message}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read ({type(error).__name__})") from None


def _files(folder: Path) -> Sequence[tuple[str, str, Path]]:
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: there is no such folder of templates")
    texts = [(file.parent.name, file.stem, file) for file in sorted(folder.glob("??/*.j2"))]
    emails = [(file.parts[-3], f"{_EMAIL}{file.stem}", file) for file in sorted(folder.glob("??/email/*.j2"))]
    return [*texts, *emails]
