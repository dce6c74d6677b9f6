"""Twilio's error codes and what we do about each (DOMAIN.md 5.4). Nothing else in the tree spells a Twilio code.

The provider says that the cause behind a code may change; so a code that is not listed is permanent, and only counted.
"""

from services.notifier.domain.answer import ErrorRule, Remedy, TaskKind

UNKNOWN_CODE = ErrorRule(Remedy.NONE)

RULES: dict[int, ErrorRule] = {
    20003: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # bad credentials
    20008: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # test credentials
    20404: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # no such account
    30002: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # account suspended
    30034: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # sender not registered
    21606: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # this number cannot send
    21608: ErrorRule(Remedy.STOP_SENDING, TaskKind.PROVIDER_STOPPED),  # trial account
    21211: ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.NUMBER_UNUSABLE),  # not a number
    21614: ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.NUMBER_UNUSABLE),  # not a mobile
    21635: ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.NUMBER_UNUSABLE),  # landline
    21408: ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK),  # region switched off
    21610: ErrorRule(Remedy.SUPPRESS),  # opted out at the provider
    21611: ErrorRule(Remedy.RETRY_LATER, TaskKind.OPS_LOOK),  # sender's queue is full
    21617: ErrorRule(Remedy.NONE, TaskKind.TEMPLATE_BROKEN),  # text too long
    14107: ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK),  # a conversation with a machine
    30001: ErrorRule(Remedy.RETRY_ONCE, TaskKind.OPS_LOOK),  # queue overflow
    30003: ErrorRule(Remedy.RETRY_UNREACHABLE),  # handset off or out of reach
    30004: ErrorRule(Remedy.NONE, TaskKind.NUMBER_UNUSABLE),  # blocked
    30005: ErrorRule(
        Remedy.MARK_IF_REPEATED, TaskKind.NUMBER_UNUSABLE
    ),  # unknown or inactive: believed the second time
    30006: ErrorRule(Remedy.MARK_UNUSABLE, TaskKind.NUMBER_UNUSABLE),  # landline or carrier unreachable
    30007: ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK),  # filtered as spam: never the same text again
    30008: ErrorRule(Remedy.RETRY_ONCE),  # carrier gave no reason
    30022: ErrorRule(Remedy.RETRY_LATER),  # campaign sends too fast
    30036: ErrorRule(Remedy.NONE),  # validity expired: missed, as R9 has it
    30410: ErrorRule(Remedy.RETRY_ONCE),  # the provider's own timeout
    30450: ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK),  # suspected pumping
    30610: ErrorRule(Remedy.RETRY_LATER),  # quiet hours at the provider
    30640: ErrorRule(Remedy.SUPPRESS, TaskKind.LEGAL_LOOK),  # known litigator
    35115: ErrorRule(Remedy.NONE, TaskKind.OPS_LOOK),  # a schedule we never ask for
}


def rule_for(code: str) -> ErrorRule:
    """Return what to do about a code, as digits."""
    is_number = code.isascii() and code.isdigit() and len(code) < 7
    return RULES.get(int(code), UNKNOWN_CODE) if is_number else UNKNOWN_CODE
