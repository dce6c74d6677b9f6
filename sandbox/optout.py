"""Twilio's own handling of STOP, START and HELP on a long code, which an account can have switched off."""

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})


class OptOutFilter:
    """Blocks numbers that sent a keyword as their whole message, and answers them."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self.blocked: set[str] = set()

    def heard(self, sender: str, body: str) -> str | None:
        """Take in a text; return the automatic answer, if the filter is on and gives one."""
        word = body.strip().upper()
        if not self.on:
            return None
        if word in STOP:
            if sender in self.blocked:
                return None
            self.blocked.add(sender)
            return "You have successfully been unsubscribed. Reply START to resubscribe."
        if word in START and sender in self.blocked:
            self.blocked.discard(sender)
            return "You have successfully been re-subscribed to messages from this number. Reply HELP for help."
        return "Reply STOP to unsubscribe. Msg&Data Rates May Apply." if word in HELP else None
