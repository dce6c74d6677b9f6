"""SendGrid's mail/send: validation that names the field, and what becomes of a request. Pure."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
LARGEST = 30 * 1024 * 1024
_MOST_RECIPIENTS = _MOST_PERSONALIZATIONS = 1000
_MOST_CATEGORIES = 10
_MOST_CUSTOM_BYTES = 10_000
_LONGEST_AHEAD_S = 72 * 3600
_RESERVED_HEADERS = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
_HELP = "https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with a request."""

    field: str | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return it as SendGrid shows it."""
        return {"message": self.message, "field": self.field, "help": _HELP if self.field else None}


@dataclass(slots=True)
class Mail:
    """One mail in one mailbox: a personalization becomes one for each of its recipients."""

    id: str
    """``sg_message_id``; its first part is the request's ``X-Message-Id``."""
    to: str
    to_name: str | None
    sender: str
    sender_name: str | None
    subject: str
    parts: dict[str, str]
    """Content by type, for example text/plain."""
    headers: dict[str, str]
    custom_args: dict[str, str]
    categories: list[str]
    attachments: list[dict[str, Any]]
    tracking: dict[str, bool]
    """Which of open, click and subscription tracking the request did not switch off."""
    accepted_at: datetime
    number: int = 0
    status: str = "accepted"
    reason: str | None = None
    read: bool = False
    at: str | None = None
    bypasses: bool = False
    """Whether the request asked to reach people on suppression lists."""
    events: list[str] = field(default_factory=list)

    def unsubscribe_url(self) -> str | None:
        """Return where one click unsubscribes (RFC 8058), if the mail says so."""
        names = {name.lower(): value for name, value in self.headers.items()}
        if names.get("list-unsubscribe-post", "").replace(" ", "").lower() != "list-unsubscribe=one-click":
            return None
        match = re.search(r"<(https?://[^>]+)>", names.get("list-unsubscribe", ""))
        return match[1] if match else None


def outcome_of(address: str) -> str | None:
    """Return what is to become of a mail to an address that says so itself, such as bounce@… or bounce+ana@…."""
    word = re.split(r"[@+]", address.lower(), maxsplit=1)[0]
    return {
        "bounce": "bounce",
        "blocked": "blocked",
        "dropped": "dropped",
        "deferred": "deferred",
        "spam": "spamreport",
    }.get(word)


def validate_mail(request: Any, *, now: datetime) -> list[FieldError]:
    """Return everything that is wrong with a request, in the order of its fields; nothing when it is accepted."""
    if not isinstance(request, dict):
        return [FieldError(None, "Bad Request")]
    return [
        *_personalizations(request, now),
        *_person(request.get("from"), "from"),
        *_reply_to(request),
        *_subject(request),
        *_content(request),
        *_attachments(request.get("attachments")),
        *_headers(request.get("headers"), "headers"),
        *_custom_args(request.get("custom_args"), "custom_args"),
        *_categories(request.get("categories")),
        *_send_at(request.get("send_at"), "send_at", now),
        *_switches(request),
    ]


def _type_error(where: str, expected: str, given: Any) -> FieldError:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return FieldError(where, f"Invalid type. Expected: {expected}, given: {names.get(type(given), 'null')}.")


def _personalizations(request: Mapping[str, Any], now: datetime) -> Iterator[FieldError]:
    given = request.get("personalizations")
    if given is not None and not isinstance(given, list):
        yield _type_error("personalizations", "array", given)
        return
    if not given:
        yield FieldError("personalizations", "The personalizations field is required, with at least one in it.")
        return
    if len(given) > _MOST_PERSONALIZATIONS:
        yield FieldError(
            "personalizations", f"At most {_MOST_PERSONALIZATIONS} personalizations; here are {len(given)}."
        )
        return
    recipients = 0
    for n, one in enumerate(given):
        where = f"personalizations.{n}"
        if not isinstance(one, dict):
            yield _type_error(where, "object", one)
            continue
        recipients += sum(len(one[kind]) for kind in ("to", "cc", "bcc") if isinstance(one.get(kind), list))
        yield from _personalization(one, where, request.get("custom_args"), now)
    if recipients > _MOST_RECIPIENTS:
        yield FieldError("personalizations", f"At most {_MOST_RECIPIENTS} recipients in a request.")


def _personalization(one: Mapping[str, Any], where: str, shared_args: Any, now: datetime) -> Iterator[FieldError]:
    if not one.get("to"):
        yield FieldError(f"{where}.to", "The to array is required, with at least one valid address.")
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        people = one.get(kind)
        if people is not None and not isinstance(people, list):
            yield _type_error(f"{where}.{kind}", "array", people)
            continue
        for n, person in enumerate(people or []):
            yield from _person(person, f"{where}.{kind}.{n}")
            address = person.get("email") if isinstance(person, dict) else None
            if isinstance(address, str) and address.lower() in seen:
                yield FieldError(where, f"Each address only once between to, cc and bcc; again in {where}.{kind}.")
            elif isinstance(address, str):
                seen.add(address.lower())
    if "subject" in one and not (isinstance(one["subject"], str) and one["subject"]):
        yield FieldError(f"{where}.subject", "The subject must be a string of at least one character.")
    yield from _headers(one.get("headers"), f"{where}.headers")
    own_args = one.get("custom_args")
    yield from _custom_args(own_args, f"{where}.custom_args")
    if isinstance(own_args, dict) and isinstance(shared_args, dict):
        both_fit_alone = not [*_custom_size(own_args, where), *_custom_size(shared_args, where)]
        if both_fit_alone:
            yield from _custom_size({**shared_args, **own_args}, f"{where}.custom_args")
    yield from _send_at(one.get("send_at"), f"{where}.send_at", now)


def _person(person: Any, where: str) -> Iterator[FieldError]:
    if person is None:
        yield FieldError(where, "An object with at least an email is required.")
    elif not isinstance(person, dict):
        yield _type_error(where, "object", person)
    elif person.get("email") is None:
        yield FieldError(f"{where}.email", "The email parameter is required.")
    elif not isinstance(person["email"], str):
        yield _type_error(f"{where}.email", "string", person["email"])
    elif not ADDRESS.fullmatch(person["email"]):
        yield FieldError(f"{where}.email", "Does not contain a valid address.")
    elif not isinstance(person.get("name", ""), str):
        yield _type_error(f"{where}.name", "string", person["name"])


def _reply_to(request: Mapping[str, Any]) -> Iterator[FieldError]:
    if "reply_to" in request and "reply_to_list" in request:
        yield FieldError("reply_to", "Either reply_to or reply_to_list, not both.")
    elif "reply_to" in request:
        yield from _person(request["reply_to"], "reply_to")
    for n, person in enumerate(request.get("reply_to_list") or []):
        yield from _person(person, f"reply_to_list.{n}")


def _subject(request: Mapping[str, Any]) -> Iterator[FieldError]:
    subject = request.get("subject")
    if subject is not None and not isinstance(subject, str):
        yield _type_error("subject", "string", subject)
        return
    people = request.get("personalizations")
    each_has_one = isinstance(people, list) and all(isinstance(one, dict) and one.get("subject") for one in people)
    if not subject and not each_has_one and not request.get("template_id"):
        yield FieldError("subject", "The subject is required, here, in a template, or in every personalization.")


def _content(request: Mapping[str, Any]) -> Iterator[FieldError]:
    content = request.get("content")
    if not content:
        if not request.get("template_id"):
            yield FieldError("content", "Unless a template is used, at least one part is required.")
        return
    if not isinstance(content, list):
        yield _type_error("content", "array", content)
        return
    for n, part in enumerate(content):
        if not isinstance(part, dict):
            yield _type_error(f"content.{n}", "object", part)
            continue
        for name in ("type", "value"):
            if not (isinstance(part.get(name), str) and part[name]):
                yield FieldError(f"content.{n}.{name}", f"The {name} must be a string of at least one character.")
    kinds = [part.get("type") for part in content if isinstance(part, dict)]
    if "text/html" in kinds and "text/plain" in kinds and kinds.index("text/plain") > kinds.index("text/html"):
        yield FieldError("content", "text/plain comes first, then text/html, then any other.")


def _attachments(given: Any) -> Iterator[FieldError]:
    if given is None:
        return
    if not isinstance(given, list):
        yield _type_error("attachments", "array", given)
        return
    for n, one in enumerate(given):
        where = f"attachments.{n}"
        if not isinstance(one, dict):
            yield _type_error(where, "object", one)
            continue
        for name in ("content", "filename"):
            if not (isinstance(one.get(name), str) and one[name]):
                yield FieldError(f"{where}.{name}", f"The attachment {name} is required.")
        if isinstance(one.get("content"), str) and one["content"] and _decoded(one["content"]) is None:
            yield FieldError(f"{where}.content", "The attachment content must be base64 encoded.")
        if "type" in one and (not isinstance(one["type"], str) or re.search(r"[;\r\n]|^$", one["type"])):
            yield FieldError(f"{where}.type", "The attachment type must be a string without ';' and line breaks.")
        if one.get("disposition", "attachment") not in ("attachment", "inline"):
            yield FieldError(f"{where}.disposition", "Either attachment or inline.")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _headers(given: Any, where: str) -> Iterator[FieldError]:
    if given is None:
        return
    if not isinstance(given, dict):
        yield _type_error(where, "object", given)
        return
    for name, value in given.items():
        if name.lower() in _RESERVED_HEADERS:
            yield FieldError(f"{where}.{name}", "Header cannot be one of the reserved keys.")
        elif not name.isascii() or not name or re.search(r"[\s:]", name):
            yield FieldError(f"{where}.{name}", "Header keys are ASCII without spaces.")
        elif not isinstance(value, str):
            yield _type_error(f"{where}.{name}", "string", value)


def _custom_args(given: Any, where: str) -> Iterator[FieldError]:
    if given is None:
        return
    if not isinstance(given, dict):
        yield _type_error(where, "object", given)
        return
    for name, value in given.items():
        if not isinstance(value, str):
            yield FieldError(f"{where}.{name}", "Custom argument values must be strings.")
    yield from _custom_size(given, where)


def _custom_size(given: Mapping[str, Any], where: str) -> Iterator[FieldError]:
    if sum(len(str(name).encode()) + len(str(value).encode()) for name, value in given.items()) > _MOST_CUSTOM_BYTES:
        yield FieldError(where, f"Custom arguments may not exceed {_MOST_CUSTOM_BYTES} bytes.")


def _categories(given: Any) -> Iterator[FieldError]:
    if given is None:
        return
    if not isinstance(given, list):
        yield _type_error("categories", "array", given)
        return
    if len(given) > _MOST_CATEGORIES or len({str(one) for one in given}) != len(given):
        yield FieldError("categories", f"At most {_MOST_CATEGORIES} categories, each once.")
    for n, one in enumerate(given):
        if not isinstance(one, str) or len(one) > 255:
            yield FieldError(f"categories.{n}", "A category is a string of at most 255 characters.")


def _send_at(given: Any, where: str, now: datetime) -> Iterator[FieldError]:
    if given is None:
        return
    if not isinstance(given, int) or isinstance(given, bool):
        yield _type_error(where, "integer", given)
    elif given - now.timestamp() > _LONGEST_AHEAD_S:
        yield FieldError(where, "Scheduling more than 72 hours in advance is forbidden.")


def _switches(request: Mapping[str, Any]) -> Iterator[FieldError]:
    if request.get("batch_id") is not None:
        yield FieldError("batch_id", "The batch id is not known.")
    for group in ("mail_settings", "tracking_settings"):
        given = request.get(group)
        if given is not None and not isinstance(given, dict):
            yield _type_error(group, "object", given)
            continue
        for name, setting in (given or {}).items():
            if not isinstance(setting, dict):
                yield _type_error(f"{group}.{name}", "object", setting)
            elif "enable" in setting and not isinstance(setting["enable"], bool):
                yield _type_error(f"{group}.{name}.enable", "boolean", setting["enable"])


def is_dry_run(request: Mapping[str, Any]) -> bool:
    """Return whether a request is only to be checked: SendGrid's own sandbox mode, answered with 200."""
    return _enabled(request, "mail_settings", "sandbox_mode")


def mails_of(request: Mapping[str, Any], message_id: str, now: datetime) -> list[Mail]:
    """Return the mails that a valid request becomes, one for each recipient."""
    bypasses = any(
        _enabled(request, "mail_settings", f"bypass_{what}_management") for what in ("list", "bounce", "spam")
    )
    parts = {part["type"]: part["value"] for part in request.get("content", [])}
    attachments = [
        {
            "filename": one["filename"],
            "type": one.get("type", "application/octet-stream"),
            "content": one["content"],
            "size": len(_decoded(one["content"]) or b""),
        }
        for one in request.get("attachments") or []
    ]
    # Where a request does not say, the account's setting holds, and an account starts with opens and clicks tracked.
    tracking = {
        name: _enabled(request, "tracking_settings", f"{name}_tracking", default=name != "subscription")
        for name in ("click", "open", "subscription")
    }
    found: list[Mail] = []
    for n, one in enumerate(request["personalizations"]):
        for person in (*one["to"], *(one.get("cc") or []), *(one.get("bcc") or [])):
            found.append(
                Mail(
                    id=f"{message_id}.recvd-{n}-{len(found)}.0",
                    to=person["email"],
                    to_name=person.get("name"),
                    sender=request["from"]["email"],
                    sender_name=request["from"].get("name"),
                    subject=one.get("subject") or request.get("subject") or "",
                    parts=parts,
                    headers={**(request.get("headers") or {}), **(one.get("headers") or {})},
                    custom_args={**(request.get("custom_args") or {}), **(one.get("custom_args") or {})},
                    categories=list(request.get("categories") or []),
                    attachments=attachments,
                    tracking=tracking,
                    accepted_at=now,
                    bypasses=bypasses,
                )
            )
    return found


def _enabled(request: Mapping[str, Any], group: str, name: str, *, default: bool = False) -> bool:
    return bool(((request.get(group) or {}).get(name) or {}).get("enable", default))
