"""``aftercare reference``: the catalogue of messages, queues and routes, written from the code that uses them."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from cli.private_servers import ROOT
from shared.broker.topology import EVENTS, MAIN_QUEUES, QUEUES, RETRY_DELAYS, TOPOLOGY
from shared.messages.booking import BOOKING_TYPES
from shared.messages.catalogue import CATALOGUE, MessageType
from shared.messages.envelope import CONTENT_TYPE

FOLDER = ROOT / "docs" / "reference"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOTE = "Written by `./aftercare reference` from the code; a test fails when the two differ."
_SENT_BY_OTHERS = {*BOOKING_TYPES, "assessment.recorded.v1"}


@dataclass(frozen=True, slots=True)
class WayIn:
    """A route that somebody outside calls."""

    service: str
    method: str
    path: str
    summary: str
    signed: str
    media_type: str | None
    answers: Mapping[int, str]
    body: str | None = None


_KEPT = {202: "kept; it will take effect once, however often it is posted"}
_REFUSED = {401: "the signature is missing, wrong or too old", 503: "it cannot be kept just now; send it again"}
_UNREADABLE = {422: "it cannot be read; the answer names the field"}
_CALLBACK = {204: "kept", 403: "not signed by the provider", 503: "it cannot be kept just now; send it again"}

WAYS_IN = (
    WayIn(
        "booking_events",
        "POST",
        "/bookings/native",
        "One booking event as a CloudEvent",
        "X-Aftercare-Signature",
        CONTENT_TYPE,
        _KEPT | _REFUSED | _UNREADABLE,
        body="BookingEvent",
    ),
    WayIn(
        "booking_events",
        "POST",
        "/bookings/native/{clinic_id}",
        "The same, for one clinic",
        "X-Aftercare-Signature",
        CONTENT_TYPE,
        _KEPT | _REFUSED | _UNREADABLE,
        body="BookingEvent",
    ),
    *(
        WayIn(
            "booking_events",
            "POST",
            path,
            summary,
            "X-Cal-Signature-256",
            "application/json",
            _KEPT | _REFUSED | _UNREADABLE | {200: "nothing that concerns a visit"},
        )
        for path, summary in (
            ("/bookings/calcom", "A delivery from Cal.com, as it posts it"),
            ("/bookings/calcom/{clinic_id}", "The same, for one clinic"),
        )
    ),
    WayIn(
        "notifier",
        "POST",
        "/twilio/status",
        "Twilio reports what became of a text",
        "X-Twilio-Signature",
        "application/x-www-form-urlencoded",
        _CALLBACK,
    ),
    WayIn(
        "notifier",
        "POST",
        "/twilio/inbound",
        "Twilio hands over a text from a patient",
        "X-Twilio-Signature",
        "application/x-www-form-urlencoded",
        {200: "kept; an empty TwiML document", **{code: _CALLBACK[code] for code in (403, 503)}},
    ),
    WayIn(
        "notifier",
        "POST",
        "/twilio/voice/status",
        "Twilio reports how a call went",
        "X-Twilio-Signature",
        "application/x-www-form-urlencoded",
        _CALLBACK,
    ),
    WayIn(
        "notifier",
        "POST",
        "/twilio/voice/keys",
        "Twilio hands over the key that was pressed in a call",
        "X-Twilio-Signature",
        "application/x-www-form-urlencoded",
        {200: "a TwiML document: what the call says next", **{code: _CALLBACK[code] for code in (403, 503)}},
    ),
    WayIn(
        "notifier",
        "POST",
        "/sendgrid/events",
        "SendGrid reports what became of e-mails, in batches",
        "X-Twilio-Email-Event-Webhook-Signature",
        "application/json",
        _CALLBACK | {400: "not a list of events"},
    ),
    WayIn(
        "notifier",
        "GET",
        "/unsubscribe/{token}",
        "The page behind the link in an e-mail; looking at it changes nothing",
        "",
        "",
        {200: "a page with one button", 404: "not a link of ours"},
    ),
    WayIn(
        "notifier",
        "POST",
        "/unsubscribe/{token}",
        "End e-mails, by the page's button or a mail program's one click (RFC 8058)",
        "",
        "application/x-www-form-urlencoded",
        {200: "ended", 404: "not a link of ours", 503: "it cannot be kept just now; send it again"},
    ),
    WayIn(
        "followup",
        "GET",
        "/cases/{id}",
        "The words and the number behind a safety case, for a signed-in clinician by way of the console",
        "Authorization",
        None,
        {
            200: "the case; the look is written down before it is shown",
            401: "no token of the console that is less than a minute old",
            404: "no such case, or not for this person",
        },
    ),
    WayIn(
        "followup",
        "GET",
        "/replies/{id}",
        "A reply that a person is asked to read, and its number, for a signed-in clinician by way of the console",
        "Authorization",
        None,
        {
            200: "the words; the look is written down before they are shown",
            401: "no token of the console that is less than a minute old",
            404: "no such reply, nothing of it is kept, or not for this person",
        },
    ),
)


def write_reference(folder: Path = FOLDER) -> int:
    """Write the reference, and remove what it no longer contains."""
    wanted = reference()
    for path in sorted(folder.rglob("*")) if folder.exists() else ():
        if path.is_file() and str(path.relative_to(folder)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(wanted)} files in {folder.relative_to(ROOT)}\n")
    return 0


def reference() -> dict[str, str]:
    """Return every file of the reference by its name."""
    schemas = {f"schemas/{name}.json": _json(_schema_of(row)) for name, row in CATALOGUE.items()}
    return {
        "messages.md": _messages(),
        "topology.md": _topology(),
        "asyncapi.json": _json(_asyncapi()),
        "openapi.json": _json(_openapi()),
        **schemas,
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _schema_of(row: MessageType) -> dict[str, Any]:
    return {"$schema": _DIALECT, **row.payload.model_json_schema(mode="validation")}


def _readers(name: str) -> list[str]:
    return [queue.name for queue in TOPOLOGY if name in queue.bindings]


# Markdown.


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    columns = list(head)
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _messages() -> str:
    rows = (
        (
            f"[`{name}`](schemas/{name}.json)",
            _first_line(row.payload.__doc__),
            ", ".join(f"`{queue}`" for queue in _readers(name)) or "whoever listens",
            "urgent" if row.urgent else "by its content" if row.urgent_when else "routine",
        )
        for name, row in CATALOGUE.items()
    )
    lines = ["# Messages", "", _NOTE, "", *_table(("type = routing key", "what", "read from", "lane"), rows), ""]
    return "\n".join(lines)


def _topology() -> str:
    delays = ", ".join(f"`{label}`" for label in RETRY_DELAYS)
    lines = [
        "# Queues",
        "",
        _NOTE,
        "",
        f"Two durable exchanges: `{EVENTS}` (topic; everybody publishes here) and `{QUEUES}` (direct, by queue name).",
        f"Every queue below also has `NAME.retry.<delay>` for {delays}, and `NAME.dlq`.",
        "",
        *_table(
            ("queue", "bound to", "arguments"),
            (
                (
                    f"`{queue.name}`",
                    ", ".join(f"`{key}`" for key in queue.bindings) or "-",
                    "<br>".join(f"`{name}: {value}`" for name, value in queue.arguments.items()),
                )
                for queue in TOPOLOGY
                if queue.name in MAIN_QUEUES
            ),
        ),
        "",
    ]
    return "\n".join(lines)


# AsyncAPI 3.


def _components() -> dict[str, Any]:
    payloads = {row.payload for row in CATALOGUE.values()}
    ordered = sorted(payloads, key=lambda model: model.__name__)
    _names, definitions = models_json_schema(
        [(model, "validation") for model in ordered], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _envelope(name: str, payload: str) -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": {"const": name},
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "correlationid": text,
            "causationid": text,
            "traceparent": text,
            "data": {"$ref": f"#/components/schemas/{payload}"},
        },
    }


def _asyncapi() -> dict[str, Any]:
    channels, operations, messages = {}, {}, {}
    for name, row in CATALOGUE.items():
        messages[name] = {
            "name": name,
            "summary": _first_line(row.payload.__doc__),
            "contentType": CONTENT_TYPE,
            "payload": _envelope(name, row.payload.__name__),
        }
        channels[name] = {
            "address": name,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {
                "amqp": {"is": "routingKey", "exchange": {"name": EVENTS, "type": "topic", "durable": True}},
            },
        }
        operation = {"channel": {"$ref": f"#/channels/{name}"}}
        if name not in _SENT_BY_OTHERS:
            operations[f"send {name}"] = {"action": "send", **operation}
        for queue in _readers(name):
            operations[f"{queue} receives {name}"] = {"action": "receive", **operation}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Aftercare",
            "version": "1",
            "description": "Every message that enters or leaves Aftercare. Persistent, with publisher confirms.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _components()},
    }


# OpenAPI.


def _openapi() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for way in WAYS_IN:
        operation: dict[str, Any] = {
            "summary": way.summary,
            "tags": [way.service],
            "responses": {str(code): {"description": text} for code, text in way.answers.items()},
        }
        if way.signed:
            operation["security"] = [{way.signed: []}]
        names = [part[1:-1] for part in way.path.split("/") if part.startswith("{")]
        if names:
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
            ]
        if way.media_type:
            schema = {"$ref": f"#/components/schemas/{way.body}"} if way.body else {"type": "object"}
            operation["requestBody"] = {"required": True, "content": {way.media_type: {"schema": schema}}}
        paths.setdefault(way.path, {})[way.method.lower()] = operation
    booking = {name: schema for name, schema in _components().items() if name in _needed_by_booking()}
    event = _envelope("", "Booking")
    event["properties"]["type"] = {"enum": list(BOOKING_TYPES)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aftercare: ways in over HTTP",
            "version": "1",
            "description": "Webhooks, each signed by its caller. Every service also has /livez, /readyz and /metrics.",
        },
        "paths": paths,
        "components": {
            "schemas": {"BookingEvent": event, **booking},
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name}
                for name in sorted({way.signed for way in WAYS_IN if way.signed})
            },
        },
    }


def _needed_by_booking() -> set[str]:
    booking = CATALOGUE[BOOKING_TYPES[0]].payload
    return {booking.__name__, *booking.model_json_schema().get("$defs", {})}
