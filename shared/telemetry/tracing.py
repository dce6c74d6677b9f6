"""Traces: everything that follows from one event is one trace, across services, queues and hours.

Switched off, no library is loaded and a trace that others began is passed on unharmed. Switched on, the seams of a
service (a request, a delivery, a publication, a plan, an attempt, a provider's answer) are spans at a collector.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, Protocol

from shared.kernel.errors import ConfigurationError
from shared.kernel.traceparent import trace_id_of

Kind = Literal["internal", "server", "client", "producer", "consumer"]

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
LOCK = "requirements-otel.txt"
_LAST_SPANS_S = 2.0


class Span(Protocol):
    """A piece of work that belongs to a trace."""

    @property
    def traceparent(self) -> str | None:
        """What the things that it causes carry; None where it belongs to no trace."""
        ...

    def note(self, **about: object) -> None:
        """Say more about it, under the log's keys; whatever else is dropped."""
        ...

    def fail(self, error: str) -> None:
        """Say that it went wrong: a type of error, never its text."""
        ...

    def end(self) -> None:
        """Stop its time."""
        ...


class Recorder(Protocol):
    """What sends spans somewhere."""

    def begin(self, name: str, *, kind: Kind, parent: str | None, link: str | None, about: dict[str, object]) -> Span:
        """Start a span: below ``parent``, or a trace of its own."""
        ...

    def stop(self) -> None:
        """Send what is left; may take long where nobody listens."""
        ...


class _Unrecorded:
    """Work that nobody records."""

    traceparent = None

    def note(self, **about: object) -> None:
        """Say it to nobody."""

    def fail(self, error: str) -> None:
        """Say it to nobody."""

    def end(self) -> None:
        """Nothing was begun."""


_unrecorded = _Unrecorded()
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
_recorder: Recorder | None = None


def start_tracing(service: str, endpoint: str | None) -> None:
    """Send spans to an OTLP collector from now on; without an endpoint, none.

    Raises:
        ConfigurationError: the libraries for it are not installed.
    """
    global _recorder  # noqa: PLW0603 - one recorder per process, like its log
    if endpoint is None:
        return
    try:
        from shared.telemetry.otlp import OtlpRecorder
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{ENDPOINT}: is set, but the libraries that send traces are not installed: "
            f"`pip install -r {LOCK}`, or unset it"
        ) from None
    _recorder = OtlpRecorder(service, endpoint)


def stop_tracing() -> None:
    """Send the last spans, for at most two seconds: a collector that is away keeps nobody from ending."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        sending = threading.Thread(target=recorder.stop, daemon=True)
        sending.start()
        sending.join(_LAST_SPANS_S)


def current() -> str | None:
    """Return the traceparent that whatever is caused now should carry."""
    return _traceparent.get()


@contextmanager
def span(
    name: str, *, kind: Kind = "internal", parent: str | None = None, is_root: bool = True, **about: object
) -> Iterator[Span]:
    """Let the block be a span, below ``parent`` or below the work at hand; ``about`` has the keys of the log.

    Work that is at hand in another trace is linked. Without any trace the block begins one, unless ``is_root`` forbids.
    """
    at_hand = current()
    cause = _nearest(parent, at_hand)
    begun: Span = _unrecorded
    if _recorder is not None and (cause is not None or is_root):
        link = at_hand if at_hand != cause else None
        begun = _recorder.begin(name, kind=kind, parent=cause, link=link, about=about)
    before = _traceparent.set(begun.traceparent or cause)
    try:
        yield begun
    except BaseException as error:
        begun.fail(type(error).__qualname__)
        raise
    finally:
        begun.end()
        _traceparent.reset(before)


def unrecorded() -> AbstractContextManager[Span]:
    """Let the block be no span."""
    return nullcontext(_unrecorded)


@contextmanager
def following(traceparent: str | None) -> Iterator[None]:
    """Let what the block causes belong to a trace, without a span of its own."""
    before = _traceparent.set(_nearest(traceparent, current()))
    try:
        yield
    finally:
        _traceparent.reset(before)


def _nearest(traceparent: str | None, at_hand: str | None) -> str | None:
    """Return what a new piece of work hangs below: the work at hand, unless it belongs to another trace."""
    if traceparent is None or (at_hand is not None and trace_id_of(at_hand) == trace_id_of(traceparent)):
        return at_hand
    return traceparent
