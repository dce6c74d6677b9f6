"""Twilio's own handling of STOP, START and HELP on a long code, which an account can have switched off."""

from dataclasses import dataclass

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})


@dataclass(frozen=True, slots=True)
class Heard:
    """What the filter made of a text: the ``OptOutType`` its webhook carries, and the automatic answer."""

    kind: str | None = None
    answer: str | None = None


class OptOutFilter:
    """Blocks numbers that sent a keyword as their whole message, and answers them."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self.blocked: set[str] = set()

    def heard(self, sender: str, body: str) -> Heard:
        """Take in a text."""
        word = body.strip().upper()
        if not self.on:
            return Heard()
        if word in STOP:
            again = sender in self.blocked
            self.blocked.add(sender)
            return Heard("STOP", None if again else "You are unsubscribed. Reply START to hear from us again.")
        if word in START:
            was_blocked = sender in self.blocked
            self.blocked.discard(sender)
            return Heard("START", "You will hear from this number again. Reply HELP for help." if was_blocked else None)
        return Heard("HELP", "Reply STOP to unsubscribe. Msg&Data rates may apply.") if word in HELP else Heard()
