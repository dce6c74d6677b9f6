"""Reading the clinic file, with errors a person can act on."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.clinics.model import Clinics
from shared.kernel.errors import ConfigurationError


def load_clinics(path: Path) -> Clinics:
    """Read and validate the clinic file.

    Raises:
        ConfigurationError: one line per mistake, each with the file's line and key and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({type(error).__name__})") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    try:
        return Clinics.model_validate(_beside(path, content))
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False)
        raise ConfigurationError("\n".join(_describe(path, text, mistake) for mistake in mistakes)) from None


def _beside(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Read a clinic's folder of templates from where the clinic file lies, not from where the program was started."""
    clinics = content.get("clinics")
    for clinic in clinics.values() if isinstance(clinics, dict) else ():
        if isinstance(clinic, dict) and isinstance(clinic.get("templates"), str):
            clinic["templates"] = str(path.parent / clinic["templates"])
    return content


def _describe(path: Path, text: str, mistake: ErrorDetails) -> str:
    steps = [str(step) for step in mistake["loc"] if step != "[key]"]
    sentence = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        sentence = "is not a setting that exists here"
    line = _line_of(text, steps)
    where = f"{path}:{line}" if line else str(path)
    return f"{where}: {'.'.join(steps) or 'the file'}: {sentence}"


def _line_of(text: str, steps: list[str]) -> int | None:
    """Return the line of a key: the table header that fits best, then the key below it."""
    lines = text.splitlines()
    keys = [step for step in steps if not step.isdigit()]
    start = 0
    for depth in range(len(keys), 0, -1):
        header = re.compile(r"\s*\[\[?\s*" + r"\s*\.\s*".join(_quoted(key) for key in keys[:depth]) + r"\s*\]\]?")
        found = next((number for number, line in enumerate(lines) if header.match(line)), None)
        if found is not None:
            start, keys = found + 1, keys[depth:]
            if not keys:
                return start
            break
    for key in reversed(keys):
        assignment = re.compile(rf"[\s{{,]*(.*[{{,\s])?{_quoted(key)}\s*=")
        for number in range(start, len(lines)):
            if number > start and lines[number].lstrip().startswith("["):
                break
            if assignment.match(lines[number]):
                return number + 1
    return start or None


def _quoted(key: str) -> str:
    return rf"[\"']?{re.escape(key)}[\"']?"
