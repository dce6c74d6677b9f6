"""The Call resource: validation with Twilio's codes, and its JSON. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.settings import SandboxSettings
from sandbox.twilio_account import API, TEST_NUMBER, VERSION, Refusal, rfc2822
from sandbox.twiml import LONGEST_INLINE

E164 = re.compile(r"\+[1-9]\d{6,14}")
EVENTS = ("initiated", "ringing", "answered", "completed")
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

PARAMETERS = frozenset(
    {
        "To",
        "From",
        "Method",
        "FallbackUrl",
        "FallbackMethod",
        "StatusCallback",
        "StatusCallbackEvent",
        "StatusCallbackMethod",
        "SendDigits",
        "Timeout",
        "Record",
        "RecordingChannels",
        "RecordingStatusCallback",
        "RecordingStatusCallbackMethod",
        "SipAuthUsername",
        "SipAuthPassword",
        "MachineDetection",
        "MachineDetectionTimeout",
        "RecordingStatusCallbackEvent",
        "Trim",
        "CallerId",
        "MachineDetectionSpeechThreshold",
        "MachineDetectionSpeechEndThreshold",
        "MachineDetectionSilenceTimeout",
        "AsyncAmd",
        "AsyncAmdStatusCallback",
        "AsyncAmdStatusCallbackMethod",
        "Byoc",
        "CallReason",
        "CallToken",
        "RecordingTrack",
        "TimeLimit",
        "ClientNotificationUrl",
        "Url",
        "Twiml",
        "ApplicationSid",
    }
)
"""What Twilio's published API description knows of; it passes over anything else without a word."""

# Twilio's documented test numbers.
MAGIC_TO = {
    "+15005550001": (21217, "Phone number does not appear to be valid"),
    "+15005550002": (21214, "'To' phone number cannot be reached"),
    "+15005550003": (21215, "Geo Permission configuration is not permitting call"),
    "+15005550004": (21216, "Account not allowed to call this number"),
}
MAGIC_FROM = {"+15005550001": (21212, "Invalid 'From' Phone Number")}


@dataclass(slots=True)
class Call:
    """A call that the sandbox has accepted."""

    sid: str
    account_sid: str
    to: str
    from_: str
    created_at: datetime
    updated_at: datetime
    status: str = "queued"
    number: int = 0
    """Running number: the order of listings."""
    url: str | None = None
    method: str = "POST"
    twiml: str | None = None
    fallback_url: str | None = None
    """Asked for instructions, once, when those of the address or the document cannot be followed."""
    fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})
    timeout_s: int = 60
    detects_machines: bool = False
    answered_by: str | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    at: str | None = None
    """The product's own time when it was made, if known."""
    heard: list[dict[str, Any]] = field(default_factory=list)
    """What was said and pressed, in order: ``{"kind": "say" | "play" | "press" | "note", "text": …}``."""
    listening: dict[str, Any] | None = None
    """What keys the call waits for: ``{"digits": how many or None, "finish_on": "#"}``."""

    @property
    def duration_s(self) -> int:
        """How long it was connected, in whole seconds; a second begun counts."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(1, -(-int((self.ended_at - self.answered_at).total_seconds() * 1000) // 1000))

    def as_json(self) -> dict[str, Any]:
        """Return the resource as the API shows it."""
        uri = f"{API}/Accounts/{self.account_sid}/Calls/{self.sid}"
        return {
            "sid": self.sid,
            "date_created": rfc2822(self.created_at),
            "date_updated": rfc2822(self.updated_at),
            "parent_call_sid": None,
            "account_sid": self.account_sid,
            "to": self.to,
            "to_formatted": _formatted(self.to),
            "from": self.from_,
            "from_formatted": _formatted(self.from_),
            "phone_number_sid": None,
            "status": self.status,
            "start_time": rfc2822(self.started_at),
            "end_time": rfc2822(self.ended_at),
            "duration": str(self.duration_s) if self.ended_at else None,
            "price": None,
            "price_unit": "USD",
            "direction": "outbound-api",
            "answered_by": self.answered_by,
            "api_version": VERSION,
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": "0",
            "trunk_sid": None,
            "uri": f"{uri}.json",
            "subresource_uris": {"events": f"{uri}/Events.json", "notifications": f"{uri}/Notifications.json"},
        }

    def form(self) -> dict[str, str]:
        """Return the parameters that every request about the call carries."""
        form = {
            "CallSid": self.sid,
            "AccountSid": self.account_sid,
            "To": self.to,
            "Called": self.to,
            "From": self.from_,
            "Caller": self.from_,
            "CallStatus": self.status,
            "ApiVersion": VERSION,
            "Direction": "outbound-api",
        }
        return form | ({"AnsweredBy": self.answered_by} if self.answered_by else {})

    def as_page(self) -> dict[str, Any]:
        """Return what a phone shows of the call."""
        return {
            "sid": self.sid,
            "from": self.from_,
            "status": self.status,
            "answered_by": self.answered_by,
            "heard": self.heard,
            "listening": self.listening,
            "seconds": self.duration_s,
            "at": self.at or self.created_at.isoformat(),
            "wall": self.created_at.isoformat(),
        }


def validate_call(form: Mapping[str, str], settings: SandboxSettings) -> Refusal | None:
    """Check a create request; None when it is accepted."""
    return _check_numbers(form, settings) or check_instructions(form, needed=True) or _check_options(form)


def _check_numbers(form: Mapping[str, str], settings: SandboxSettings) -> Refusal | None:
    to, sender = form.get("To", "").strip(), form.get("From", "").strip()
    if not to:
        return Refusal(21201, "No 'To' number is specified")
    if not sender:
        return Refusal(21213, "Caller phone number is required")
    if to in MAGIC_TO:
        return Refusal(*MAGIC_TO[to])
    if not E164.fullmatch(to):
        return Refusal(21211, "Invalid 'To' Phone Number")
    if sender in MAGIC_FROM:
        return Refusal(*MAGIC_FROM[sender])
    if not E164.fullmatch(sender):
        return Refusal(21212, "Invalid 'From' Phone Number")
    if settings.from_numbers and sender not in settings.from_numbers and sender != TEST_NUMBER:
        return Refusal(21210, "The source phone number provided is not yet verified for your account.")
    return None


def check_instructions(form: Mapping[str, str], *, needed: bool) -> Refusal | None:
    """Check where a call's instructions come from: an address, a document, or at least something."""
    url, twiml = form.get("Url"), form.get("Twiml")
    if url and twiml:
        return Refusal(20001, "Url and Twiml are mutually exclusive")
    if twiml and len(twiml) > LONGEST_INLINE:
        return Refusal(20001, f"Twiml exceeds {LONGEST_INLINE} characters")
    if url and not _is_address(url):
        return Refusal(21205, "Url is not a valid URL")
    if needed and not (url or twiml or form.get("ApplicationSid")):
        return Refusal(21205, "Url parameter is required.")
    if form.get("ApplicationSid"):
        return Refusal(21218, "Invalid ApplicationSid")
    return None


def _check_options(form: Mapping[str, str]) -> Refusal | None:
    callback, fallback = form.get("StatusCallback"), form.get("FallbackUrl")
    if callback and not _is_address(callback):
        return Refusal(21609, "The 'StatusCallback' URL is not a valid fully-qualified URL.")
    if fallback and not _is_address(fallback):
        return Refusal(21402, "FallbackUrl is not a valid URL")
    for name in ("Method", "StatusCallbackMethod", "FallbackMethod"):
        if form.get(name, "POST").upper() not in ("GET", "POST"):
            return Refusal(21403 if name == "FallbackMethod" else 21400, f"{name} must be GET or POST")
    timeout = form.get("Timeout", "60")
    if not (timeout.isascii() and timeout.isdigit() and 0 < int(timeout) <= 600):
        return Refusal(20001, "Timeout must be from 1 to 600")
    return None


def events_of(given: Sequence[str]) -> tuple[frozenset[str], list[str]]:
    """Return the progress events that are asked for, and those that do not exist (Twilio's warning 21626)."""
    words = [word for value in given for word in value.split()]
    known = frozenset(words) & frozenset(EVENTS)
    return known or frozenset({"completed"}), [word for word in words if word not in EVENTS]


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in (parts.hostname or "")


def _formatted(number: str) -> str:
    match = re.fullmatch(r"\+1(\d{3})(\d{3})(\d{4})", number)
    return f"({match[1]}) {match[2]}-{match[3]}" if match else number
