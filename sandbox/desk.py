"""What the page and its JSON show: phones and mailboxes, as a person would see them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.calls import FINAL, Call
from sandbox.mail import Mail
from sandbox.messages import Message, segments_of
from sandbox.twilio_account import TEST_NUMBER

_MOST_PHONES = 24
_MOST_IN_A_THREAD = 100


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a phone."""

    name: str
    role: str = "patient"
    """patient or staff."""


def phones_of(
    messages: Iterable[Message],
    calls: Iterable[Call],
    owners: Mapping[str, Owner],
    blocked: set[str],
) -> list[dict[str, Any]]:
    """Return the phones that were used last, and the patients' that were named: patients first, then staff.

    Among their like they stand in the order in which they came up, so that nothing jumps. A phone of the staff is
    named beforehand, from a roster, and shown once somebody texts or calls it.
    """
    texts: dict[str, list[Message]] = {number: [] for number in owners}
    for message in messages:
        number = (message.from_ if message.direction == "inbound" else message.to) or ""
        texts.setdefault(number, []).append(message)
    rung: dict[str, list[Call]] = {}
    for call in calls:
        texts.setdefault(call.to, [])
        rung.setdefault(call.to, []).append(call)

    def last_used(number: str) -> str:
        times = [m.updated_at for m in texts[number][-1:]] + [c.updated_at for c in rung.get(number, [])[-1:]]
        return max(times).isoformat() if times else ""

    used = sorted((number for number in texts if last_used(number)), key=last_used)
    shown = set(used[-_MOST_PHONES:]) | {number for number, owner in owners.items() if owner.role == "patient"}
    phones = [
        {
            "number": number,
            "name": owners[number].name if number in owners else None,
            "role": owners[number].role if number in owners else "patient",
            "blocked": number in blocked,
            "ours": _our_number(texts[number], rung.get(number, [])),
            "messages": [_bubble(message) for message in texts[number][-_MOST_IN_A_THREAD:]],
            "calls": [call.as_page() for call in rung.get(number, [])[-_MOST_IN_A_THREAD:]],
            "ringing": any(call.status not in FINAL for call in rung.get(number, [])),
        }
        for number in texts
        if number in shown
    ]
    return sorted(phones, key=lambda phone: phone["role"] == "staff")


def mailboxes_of(mails: Iterable[Mail], suppressed: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the mailboxes in the order in which they first came up, each with its mail, the newest first."""
    boxes: dict[str, list[Mail]] = {}
    for mail in mails:
        boxes.setdefault(mail.to.lower(), []).append(mail)
    return [
        {
            "address": mails[0].to,
            "name": next((mail.to_name for mail in reversed(mails) if mail.to_name), None),
            "suppressed": suppressed.get(address),
            "mails": [mail_as_page(mail) for mail in reversed(mails[-_MOST_IN_A_THREAD:])],
        }
        for address, mails in boxes.items()
    ]


def mail_as_page(mail: Mail) -> dict[str, Any]:
    """Return what a mailbox shows of a mail: everything but the attachments' content."""
    shown = asdict(mail)
    shown["attachments"] = [
        {name: one[name] for name in ("filename", "type", "size")} for one in shown.pop("attachments")
    ]
    shown["wall"] = shown.pop("accepted_at").isoformat()
    shown["at"] = mail.at or shown["wall"]
    return shown | {"one_click_unsubscribe": mail.unsubscribe_url() is not None}


def _our_number(texts: list[Message], calls: list[Call]) -> str:
    """Return the number that a phone answers to: the one that it last heard from."""
    if texts:
        return (texts[-1].to if texts[-1].direction == "inbound" else texts[-1].from_) or TEST_NUMBER
    return calls[-1].from_ if calls else TEST_NUMBER


def _bubble(message: Message) -> dict[str, Any]:
    return {
        "sid": message.sid,
        "body": message.body,
        "incoming": message.direction == "inbound",
        "status": message.status,
        "code": message.error_code,
        "segments": segments_of(message.body),
        "media": message.media_urls,
        "at": message.at or message.created_at.isoformat(),
        "wall": message.created_at.isoformat(),
        "ours": message.from_ if message.direction != "inbound" else message.to,
    }
