"""SMS encoding: spelling a text so that it stays in GSM-7 where it can, and counting its segments (DOMAIN.md 5.1)."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_SPELLED = str.maketrans(
    {
        "\u202f": " ",
        "\u00a0": " ",
        "\u2009": " ",
        "\u2007": " ",
        "\t": " ",
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u02bc": "'",
        "`": "'",
        "\u00b4": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2026": "...",
        "\u2022": "-",
    }
)


@dataclass(frozen=True, slots=True)
class Measure:
    """How a text travels: its encoding, its length in that encoding's units, and how many parts it takes."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def normalise(text: str) -> str:
    """Spell a text with GSM-7 characters where that loses nothing; letters are never dropped or stripped of accents.

    Invisible characters (zero width, direction, control) go, except line breaks.
    """
    spelled = unicodedata.normalize("NFC", text).translate(_SPELLED)
    return "".join(char for char in spelled if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf"))


def measure(text: str) -> Measure:
    """Count a text's units and segments: 160 and 153 septets per part, or 70 and 67 code units."""
    if all(char in _BASIC or char in _EXTENSION for char in text):
        widths = [2 if char in _EXTENSION else 1 for char in text]
        return Measure("GSM-7", sum(widths), _segments(widths, single=160, part=153))
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return Measure("UCS-2", sum(widths), _segments(widths, single=70, part=67))


def _segments(widths: list[int], *, single: int, part: int) -> int:
    """Fill parts one after another; a character of two units is never split across two parts."""
    if sum(widths) <= single:
        return 1
    segments, filled = 1, 0
    for width in widths:
        if filled + width > part:
            segments, filled = segments + 1, 0
        filled += width
    return segments
