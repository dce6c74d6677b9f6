"""One plain form for every way of typing the same letters and digits."""

import re
import unicodedata

_FRACTIONS = {"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3"}
_KEYCAPS = re.compile(r"[0-9#*]\ufe0f?\u20e3(?:[.,]?[0-9]\ufe0f?\u20e3)*")
_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]")
_EMOTICONS = re.compile(
    r"(?<![a-z0-9])[:;=8]['^]?-[)(dp3/|](?![a-z0-9])|(?<![a-z0-9])[:;=]'?[)(dpo/|\\*3](?![0-9])|</?3+"
)
_LOOKALIKES = str.maketrans(
    {
        # Cyrillic and Greek letters that look Latin.
        **dict(zip("авеіјкмнорѕстухьԁ", "abeijkmhopsctuxbd", strict=True)),
        **dict(zip("αβεικνορτυχ", "abeiknoptux", strict=True)),
        "ı": "i",
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        **dict.fromkeys("‘’ʼ´`′＇", "'"),
        **dict.fromkeys("“”„«»″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "⁄": "/",
        "→": ">",
        "➡": ">",
        "🔟": " 10 ",
        "💯": " 💯 ",
        "·": ".",
        "•": " ",
    }
)


def plain(text: str) -> str:
    """Return a text in lower case, without accents, invisible characters, look-alikes, emoticons and keycaps.

    Digits of every script become ASCII digits; a vulgar fraction becomes a written one. Marks that change a letter's
    sound are dropped (``ñ`` becomes ``n``), for people type without them.
    """
    text = _KEYCAPS.sub(lambda match: f" {re.sub(r'[^0-9.,#*]', '', match[0])} ", text)
    text = _SUPERSCRIPT.sub("", text)
    for sign, written in _FRACTIONS.items():
        if sign in text:
            text = text.replace(sign, written)
    # A keycap or circled digit stands for itself, never for a part of its neighbour.
    text = "".join(f" {char} " if _circled(char) else char for char in text)
    text = unicodedata.normalize("NFKD", text.replace("¡", " ").replace("¿", " ")).casefold().translate(_LOOKALIKES)
    text = unicodedata.normalize("NFKD", text)
    kept = "".join(_ascii_digit(char) for char in text if not _invisible(char))
    return _EMOTICONS.sub(" ", kept)


def _circled(char: str) -> bool:
    return "\u2460" <= char <= "\u249b" or "\u2776" <= char <= "\u2793"


def _ascii_digit(char: str) -> str:
    if char.isascii():
        return char
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)


def _invisible(char: str) -> bool:
    if char.isascii():
        return char < " " and char not in "\n\t\r"
    # Combining marks, zero-width characters, skin tones and variation selectors.
    return unicodedata.category(char) in {"Mn", "Me", "Cf"} or "\U0001f3fb" <= char <= "\U0001f3ff"
