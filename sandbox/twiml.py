"""Reads the documents that tell a call what to do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

SPOKEN = frozenset({"Say", "Play", "Pause"})
VERBS = SPOKEN | {"Gather", "Redirect", "Hangup", "Reject"}
LONGEST_INLINE = 4000
"""Characters that the ``Twiml`` parameter may have."""


class TwimlError(ValueError):
    """A document that cannot be followed; ``code`` is Twilio's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing to do."""

    name: str
    text: str
    attributes: Mapping[str, str]
    inside: tuple["Verb", ...] = ()

    def number(self, name: str, default: int) -> int:
        """Return a numeric attribute."""
        text = self.attributes.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else default

    def seconds(self) -> float:
        """Return how long it is heard, in letters' worth for what is said: see ``SECONDS_OF_A_LETTER``."""
        match self.name:
            case "Say":
                return len(self.text) * SECONDS_OF_A_LETTER
            case "Pause":
                return float(self.number("length", 1))
            case _:
                return 1.0


SECONDS_OF_A_LETTER = 0.06
"""A voice says about sixteen letters a second."""


@dataclass(frozen=True, slots=True)
class Document:
    """What to do, in order, and the address that it came from (None: given with the call)."""

    verbs: tuple[Verb, ...]
    url: str | None
    warnings: tuple[str, ...] = field(default=())
    """Verbs that are passed over: Twilio's warning 12200."""

    def resolve(self, target: str) -> str | None:
        """Return an address named in the document as an absolute one; empty means the document itself."""
        if target.startswith(("http://", "https://")):
            return target
        return urljoin(self.url, target) if self.url else None


def read_twiml(text: str, url: str | None) -> Document:
    """Read a document.

    Args:
        text: XML whose root is ``Response``.
        url: where it came from, to resolve relative addresses; None when it was given with the call.

    Raises:
        TwimlError: it is not XML, or not TwiML.
    """
    if "<!DOCTYPE" in text:
        raise TwimlError(12100, "Document parse failure: a document type is not read")
    try:
        root = ET.fromstring(text.strip())  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise TwimlError(12100, f"Document parse failure: {error}") from None
    if root.tag != "Response":
        raise TwimlError(12102, "The root element has to be Response")
    warnings: list[str] = []
    return Document(_verbs(root, VERBS, warnings), url, tuple(warnings))


def _verbs(parent: ET.Element, known: frozenset[str], warnings: list[str]) -> tuple[Verb, ...]:
    found = []
    for element in parent:
        if element.tag not in known:
            warnings.append(str(element.tag))
            continue
        inside = _verbs(element, SPOKEN, warnings) if element.tag == "Gather" else ()
        text = "" if inside else " ".join("".join(element.itertext()).split())
        found.append(Verb(element.tag, text, dict(element.attrib), inside))
    return tuple(found)
