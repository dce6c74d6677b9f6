"""The states of a message and its outcomes: closed lists (DESIGN.md section 2)."""

from enum import StrEnum


class DeliveryStatus(StrEnum):
    """Where one message on one channel stands."""

    PLANNED = "planned"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    WITHDRAWN = "withdrawn"


WAITING = (DeliveryStatus.PLANNED, DeliveryStatus.HELD)


class Reason(StrEnum):
    """Why a message was held, or how it ended. Error codes of the provider stand beside these."""

    NOT_WANTED = "not_wanted"
    OPTED_OUT = "opted_out"
    ERASED = "erased"
    BLOCKED_OPT_OUT = "blocked_opt_out"
    NO_CONSENT = "no_consent"
    NO_ADDRESS = "no_address"
    UNUSABLE = "address_unusable"
    NO_TEXTS = "cannot_receive_texts"
    OUTSIDE_WINDOW = "outside_window"
    BUDGET = "weekly_budget"
    SPACING = "spacing"
    PAUSED = "paused"
    BUSY_NUMBER = "busy_number"
    EXPIRED = "expired"
    TEMPLATE = "template"
    NO_CHANNEL = "no_channel"
    NOT_ALLOWED_HERE = "not_allowed_here"
    RATE_LIMITED = "rate_limited"
    NOT_REACHED = "provider_not_reached"
    PROVIDER_STOPPED = "provider_stopped"
    NOT_FOUND = "not_found_at_provider"
    NOT_RESENT = "unknown_not_resent"
    NO_RECEIPT = "no_receipt"
    LOOP = "too_many_in_an_hour"
