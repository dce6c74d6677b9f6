"""The envelope: one CloudEvents 1.0 JSON object per message, in structured mode."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from shared.kernel.errors import PermanentError
from shared.kernel.ids import canonical_json, digest, new_id
from shared.kernel.traceparent import read_traceparent
from shared.messages.base import Identifier, Instant, JsonObject, WireModel
from shared.messages.booking import BOOKING_TYPES

CONTENT_TYPE = "application/cloudevents+json"
MAX_BODY_BYTES = 128 * 1024
BARE_SOURCE = "amqp"

M = TypeVar("M", bound=WireModel)


class Envelope(WireModel):
    """A message on the wire, its ``data`` not yet read. ``source`` and ``id`` together name it for ever."""

    specversion: Literal["1.0"] = "1.0"
    id: Identifier
    source: Identifier
    type: Identifier
    subject: Identifier | None = None
    time: Instant | None = None
    datacontenttype: Identifier = "application/json"
    data: JsonObject
    correlationid: Identifier | None = None
    causationid: Identifier | None = None
    traceparent: Annotated[str | None, BeforeValidator(read_traceparent)] = None

    @property
    def content_digest(self) -> str:
        """Digest of what the message says, to notice the same id with other content."""
        return digest(self.type, canonical_json(self.data))

    def to_bytes(self) -> bytes:
        """Return the body to publish."""
        return self.model_dump_json(exclude_none=True).encode()


@dataclass(frozen=True, slots=True)
class Cause:
    """What a handler is reacting to, so that what it sends can say so."""

    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


def caused_by(envelope: Envelope) -> Cause:
    """Return the cause that messages sent while handling ``envelope`` carry."""
    return Cause(envelope.correlationid or envelope.id, envelope.id, envelope.traceparent)


def wrap(
    message_type: str,
    data: WireModel,
    *,
    source: str,
    now: datetime,
    subject: str | None = None,
    cause: Cause | None = None,
) -> Envelope:
    """Put a payload of ours into an envelope with a new id."""
    cause = cause or Cause()
    message_id = new_id()
    return Envelope(
        id=message_id,
        source=source,
        type=message_type,
        subject=subject,
        time=now,
        data=data.model_dump(mode="json", exclude_none=True),
        correlationid=cause.correlation_id or message_id,
        causationid=cause.causation_id,
        traceparent=cause.traceparent,
    )


def read_envelope(body: bytes, *, routing_key: str, traceparent: object = None) -> Envelope:
    """Read a body, enveloped or a bare booking. ``traceparent`` came beside it, and counts where it holds none.

    Raises:
        PermanentError: the body can never be understood; the reason names the field and holds no value.
    """
    content = read_json(body)
    if "specversion" not in content and routing_key in BOOKING_TYPES:
        envelope = Envelope(
            id=digest(routing_key, canonical_json(content)), source=BARE_SOURCE, type=routing_key, data=content
        )
    else:
        envelope = validate(Envelope, content, at="")
    given = read_traceparent(traceparent)
    return envelope.model_copy(update={"traceparent": given}) if given and not envelope.traceparent else envelope


def read_json(body: bytes) -> JsonObject:
    """Read a body as one JSON object that every reader understands alike and the database can hold.

    Raises:
        PermanentError: it is none; the reason holds no value.
    """
    if len(body) > MAX_BODY_BYTES:
        raise PermanentError(f"body: larger than {MAX_BODY_BYTES} bytes")
    try:
        text = body.decode("utf-8")
        content = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins)
        # PostgreSQL cannot hold either of these, and no booking needs them.
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise PermanentError(f"body: not readable as JSON ({_kind_of(error)})") from None
    if "\x00" in text or "\\u0000" in text:
        raise PermanentError("body: contains a NUL character")
    if not isinstance(content, dict):
        raise PermanentError("body: not a JSON object")
    return content


def _kind_of(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"syntax, at character {error.pos}"
    if isinstance(error, _RefusedError):
        return str(error)
    names = {"RecursionError": "nested too deeply", "UnicodeDecodeError": "not UTF-8", "UnicodeEncodeError": "not text"}
    return names.get(type(error).__name__, "a number too large")


class _RefusedError(ValueError):
    """JSON that two readers could understand differently."""


def _refuse_constant(_name: str) -> NoReturn:
    raise _RefusedError("NaN or Infinity")


def _refuse_twins(pairs: Sequence[tuple[str, Any]]) -> JsonObject:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _RefusedError("a key stands twice in one object")
    return content


def validate(model: type[M], content: object, *, at: str) -> M:
    """Validate ``content`` as ``model``.

    Raises:
        PermanentError: naming the fields at fault below ``at``, without their values.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise PermanentError(describe(error.errors(include_input=False, include_url=False), at=at)) from None


def describe(errors: Sequence[ErrorDetails], *, at: str = "") -> str:
    """Spell validation errors as ``field: what was expected``, at most five of them."""
    lines = []
    for error in errors[:5]:
        path = ".".join(part for part in (at, *(str(step) for step in error["loc"])) if part) or "body"
        lines.append(f"{path}: {error['msg'].removeprefix('Value error, ')}")
    if len(errors) > 5:
        lines.append(f"and {len(errors) - 5} more")
    return "; ".join(lines)
