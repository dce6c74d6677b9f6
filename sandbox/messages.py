"""The Message resource: validation with Twilio's codes, and its JSON. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.settings import SandboxSettings
from sandbox.twilio_account import API, TEST_NUMBER, VERSION, Refusal, rfc2822

E164 = re.compile(r"\+[1-9]\d{6,14}")
_CHANNEL = re.compile(r"(whatsapp|messenger|rcs):.+")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)
_WIDE = frozenset("\f^{}\\[~]|€")

PARAMETERS = frozenset(
    {
        "To",
        "StatusCallback",
        "ApplicationSid",
        "MaxPrice",
        "ProvideFeedback",
        "Attempt",
        "ValidityPeriod",
        "ForceDelivery",
        "ContentRetention",
        "AddressRetention",
        "SmartEncoded",
        "PersistentAction",
        "TrafficType",
        "ShortenUrls",
        "ScheduleType",
        "SendAt",
        "SendAsMms",
        "ContentVariables",
        "RiskCheck",
        "From",
        "FallbackFrom",
        "MessagingServiceSid",
        "Body",
        "MediaUrl",
        "ContentSid",
    }
)
"""What Twilio's published API description knows of; it passes over anything else without a word."""

# Twilio's documented test numbers.
MAGIC_TO = {
    "+15005550001": (21211, "The 'To' number is not a valid phone number."),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable via SMS."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient."),
    "+15005550009": (21614, "The 'To' number is not a valid mobile number."),
}
MAGIC_FROM = {
    "+15005550001": (21212, "The 'From' number is not a valid phone number."),
    "+15005550007": (21606, "The 'From' number is not a valid, SMS-capable number for your account."),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of queued messages."),
}


@dataclass(slots=True)
class Message:
    """A message that the sandbox has accepted, or that somebody sent in."""

    sid: str
    account_sid: str
    to: str
    from_: str | None
    body: str
    direction: str
    status: str
    created_at: datetime
    updated_at: datetime
    number: int = 0
    """Running number: the order of listings."""
    sent_at: datetime | None = None
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    error_code: int | None = None
    media_urls: list[str] = field(default_factory=list)
    visible_at: float = 0.0
    """From when on listings show it, on the monotonic clock."""
    at: str | None = None
    """The product's own time when it was made, if known."""

    def as_json(self) -> dict[str, Any]:
        """Return the resource as the API shows it. The status callback is not part of it."""
        segments = "0" if self.messaging_service_sid and self.status == "accepted" else str(segments_of(self.body))
        uri = f"{API}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "body": self.body,
            "num_segments": segments,
            "direction": self.direction,
            "from": self.from_,
            "to": self.to,
            "date_updated": rfc2822(self.updated_at),
            "price": None,
            "error_message": None,
            "uri": f"{uri}.json",
            "account_sid": self.account_sid,
            "num_media": str(len(self.media_urls)),
            "status": self.status,
            "messaging_service_sid": self.messaging_service_sid,
            "sid": self.sid,
            "date_sent": rfc2822(self.sent_at),
            "date_created": rfc2822(self.created_at),
            "error_code": self.error_code,
            "price_unit": "USD",
            "api_version": VERSION,
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }


def segments_of(body: str) -> int:
    """Count the parts of a text; a character of two units is never split between parts."""
    if all(char in _BASIC for char in body):
        widths, single, part = [2 if char in _WIDE else 1 for char in body], 160, 153
    else:
        widths, single, part = [2 if ord(char) > 0xFFFF else 1 for char in body], 70, 67
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts


def validate(form: Mapping[str, str], settings: SandboxSettings, blocked: set[str]) -> Refusal | None:
    """Check a create request in the order in which Twilio complains; None when it is accepted."""
    return _check_to(form) or _check_content(form) or _check_from(form, settings, blocked) or _check_options(form)


def _check_to(form: Mapping[str, str]) -> Refusal | None:
    to = form.get("To", "").strip()
    if not to:
        return Refusal(21604, "A 'To' phone number is required.")
    if to in MAGIC_TO:
        return Refusal(*MAGIC_TO[to])
    if not (E164.fullmatch(to) or _CHANNEL.fullmatch(to)):
        return Refusal(21211, "The 'To' number is not a valid phone number.")
    return None


def _check_content(form: Mapping[str, str]) -> Refusal | None:
    if not (form.get("Body") or form.get("MediaUrl") or form.get("ContentSid")):
        return Refusal(21602, "Message body is required.")
    if len(form.get("Body", "")) > 1600:
        return Refusal(21617, "The concatenated message body exceeds the 1600 character limit.")
    return None


def _check_from(form: Mapping[str, str], settings: SandboxSettings, blocked: set[str]) -> Refusal | None:
    sender, service = form.get("From"), form.get("MessagingServiceSid")
    if not sender and not service:
        return Refusal(21603, "A 'From' phone number is required.")
    if service and not _SERVICE.fullmatch(service):
        return Refusal(21705, "The Messaging Service Sid is invalid.")
    if sender:
        if sender in MAGIC_FROM:
            return Refusal(*MAGIC_FROM[sender])
        if not E164.fullmatch(sender) and not re.fullmatch(r"[A-Za-z0-9 ]{1,11}|\d{3,6}", sender):
            return Refusal(21212, "The 'From' number is not a valid phone number.")
        if settings.from_numbers and sender not in settings.from_numbers and sender != TEST_NUMBER:
            return Refusal(21659, "'From' is not a Twilio phone number or Short Code country mismatch.")
    if form.get("To") in blocked:
        return Refusal(21610, "Attempt to send to unsubscribed recipient.")
    return None


def _check_options(form: Mapping[str, str]) -> Refusal | None:
    callback = form.get("StatusCallback")
    if callback:
        parts = urlsplit(callback)
        if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
            return Refusal(21609, "The 'StatusCallback' URL is not a valid fully-qualified URL.")
    validity = form.get("ValidityPeriod")
    if validity is not None and not (validity.isdigit() and 1 <= int(validity) <= 36_000):
        return Refusal(21624, "The 'ValidityPeriod' is invalid.")
    if form.get("ScheduleType") == "fixed" or form.get("SendAt"):
        return _check_schedule(form)
    return None


def _check_schedule(form: Mapping[str, str]) -> Refusal | None:
    if not form.get("MessagingServiceSid"):
        return Refusal(35118, "A Messaging Service Sid is required to schedule a message.")
    if form.get("ScheduleType") != "fixed":
        return Refusal(35117, "The 'ScheduleType' is missing or invalid.")
    try:
        at = datetime.fromisoformat(form.get("SendAt", ""))
    except ValueError:
        return Refusal(35114, "The 'SendAt' time is missing or invalid.")
    ahead = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return None if 300 < ahead <= 35 * 86_400 else Refusal(35115, "The 'SendAt' time is out of range.")
