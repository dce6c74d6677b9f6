"""Structured logs: constant sentences, values under allowed keys only, nothing personal (RELIABILITY.md F49)."""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from shared.kernel.traceparent import trace_id_of
from shared.telemetry import tracing

ALLOWED_KEYS = frozenset(  # one word per key reads better than quotes around each
    """event level timestamp logger service exception at
    queue type message_id correlation_id causation_id trace_id attempt delay_s lane
    reason cause outcome state check version schema port signal
    clinic_id patient_ref case task_id subject_kind channel purpose template language
    provider_reference code http_status count seconds segments""".split()  # noqa: SIM905
)
"""The only keys that reach a log line. Whoever adds one answers for it never holding a person's data."""

_CONSTANT_TEXTS = {"asyncio", "aiohttp", "aio_pika", "aiormq", "psycopg", "opentelemetry"}
_PERSONAL = re.compile(r"\+?\d[\d\s().-]{7,}\d|[^@\s]+@[^@\s]+\.[^@\s]+")
_ONE_LINE = 300
_UUID_LIKE = re.compile(r"^[0-9a-f-]{16,64}$|^(SM|MM|MG|AC)[0-9a-f]{32}$|^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$")

EventDict = MutableMapping[str, Any]


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Drop every key that is not allowed, and blank whatever looks like a number or an address."""
    dropped = [key for key in event if key not in ALLOWED_KEYS]
    for key in dropped:
        del event[key]
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _scrub(value)
        elif key == "at" and isinstance(value, list):
            event[key] = [_scrub(str(place)) for place in value]
        elif not isinstance(value, int | float | bool | type(None)):
            event[key] = type(value).__name__
    if dropped:
        event["redacted"] = len(dropped)
    return event


def _scrub(text: str) -> str:
    if _UUID_LIKE.match(text):
        return text
    return _PERSONAL.sub("[redacted]", text)[:_ONE_LINE]


def show_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace exception info by its type and place: its text and the local variables may quote a person's data."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = " from ".join(_chain(error))
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        event["at"] = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _chain(error: BaseException) -> Iterator[str]:
    """Name an error and what it came from, at most four of them."""
    found: BaseException | None = error
    for _ in range(4):
        if found is None:
            return
        yield type(found).__qualname__
        found = found.__cause__


def constant_text_only(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep a library's log line without its arguments: they may be anything.

    Of a library that is known to put values into its arguments alone, the first line of the text stays; another may
    have spelled values into the text, so only its name and the place stay.
    """
    record = event.pop("_record", None)
    event.pop("_from_structlog", None)
    if record is not None:
        known = record.name.partition(".")[0] in _CONSTANT_TEXTS
        event["event"] = str(record.msg).partition("\n")[0] if known else "a library logged something"
        event["logger"] = record.name
        event["at"] = [f"{record.filename}:{record.lineno} {record.funcName}"]
        if record.exc_info:
            event["exc_info"] = record.exc_info
    return event


def configure_logging(service: str, *, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write JSON lines, ours and every library's, through the same redaction."""
    minimum = logging.getLevelNamesMapping()[level]

    def name_service(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    def name_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
        if (traceparent := tracing.current()) is not None:
            event["trace_id"] = trace_id_of(traceparent)
        return event

    closing: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        show_exception,
        redact,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            name_service,
            name_trace,
            *closing,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=stream is None,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level],
            processors=[constant_text_only, name_service, name_trace, *closing],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(minimum, logging.WARNING))
    handler.setLevel(root.level)  # some libraries set a level of their own
    sys.excepthook = _log_the_end


def _log_the_end(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    """Log what ends the process like everything else; Python's own way would print its text."""
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("ended by an error", exc_info=error.with_traceback(place))


log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
"""Log with a constant sentence and allowed keys: ``log.info("message sent", channel="sms")``."""
