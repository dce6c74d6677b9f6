"""Whole-message keywords that the notifier acts on by itself (DOMAIN.md 4.4, K1 to K8)."""

import re
import unicodedata

from shared.messages.reply import HandledAs

# The FCC's words of revocation, the provider's defaults, and their Spanish kin.
OPT_OUT = frozenset(
    {
        *(
            "stop",
            "stopall",
            "stop all",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
            "opt out",
            "opt-out",
        ),
        *("alto", "parar", "baja", "detener", "basta", "cancelar", "no mas mensajes"),
    }
)
OPT_IN = frozenset({"start", "unstop", "empezar", "comenzar", "iniciar"})
HELP = frozenset({"help", "info", "ayuda", "informacion"})
LONE_CANCEL = frozenset({"cancel", "cancelar"})

_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def fold(text: str) -> str:
    """Return a text without case, accents, surrounding punctuation and doubled spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char) and char != "\u200b")
    return re.sub(r"\s+", " ", _EDGES.sub("", plain))


def read_keyword(text: str) -> HandledAs:
    """Return what a text asks for if it consists of a keyword and nothing else."""
    word = fold(text)
    if word in OPT_OUT:
        return HandledAs.OPT_OUT
    if word in OPT_IN:
        return HandledAs.OPT_IN
    return HandledAs.HELP if word in HELP else HandledAs.NONE


def is_lone_cancel(text: str) -> bool:
    """Return whether a text is the one opt-out word that may have meant the appointment (K3)."""
    return fold(text) in LONE_CANCEL
