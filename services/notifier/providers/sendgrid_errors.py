"""What we do about SendGrid's refusals and bad news. Nothing else in the tree spells them."""

from services.notifier.domain.answer import ErrorRule, Remedy, TaskKind

UNKNOWN_CODE = ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK)

RULES: dict[str, ErrorRule] = {
    "401": ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # bad key
    "403": ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # the sender is not verified, or may not send
    "400": ErrorRule(Remedy.NONE, TaskKind.TEMPLATE_BROKEN),  # something in the request itself
    "413": ErrorRule(Remedy.NONE, TaskKind.TEMPLATE_BROKEN),  # too large
    "bounce": ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.ADDRESS_UNUSABLE),
    "blocked": ErrorRule(Remedy.NONE),  # the mailbox's server said no this once
    "dropped_bounced": ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.ADDRESS_UNUSABLE),
    "dropped_invalid": ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.ADDRESS_UNUSABLE),
    "dropped_unsubscribed": ErrorRule(Remedy.SUPPRESS),
    "dropped_spam_report": ErrorRule(Remedy.SUPPRESS),
    "dropped": ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK),
}


def rule_for(code: str) -> ErrorRule:
    """Return what to do about a code."""
    return RULES.get(code, UNKNOWN_CODE)


def code_of(event: str, *, kind: str, reason: str) -> str | None:
    """Return the code of an event that carries bad news; None where it carries none.

    ``kind`` is the event's ``type`` (a bounce may be only a block), ``reason`` its words for a drop.
    """
    if event == "bounce":
        return "blocked" if kind == "blocked" else "bounce"
    if event != "dropped":
        return None
    words = reason.casefold()
    causes = {"bounced": "bounced", "invalid": "invalid", "unsubscribed": "unsubscribed", "spam report": "spam_report"}
    return next((f"dropped_{code}" for word, code in causes.items() if word in words), "dropped")
