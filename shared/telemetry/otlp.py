"""Spans for an OTLP collector, over HTTP. Loaded only where tracing is switched on: the library takes its time."""

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.telemetry.log import redact
from shared.telemetry.tracing import Kind

_KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class OtlpRecorder:
    """Collects spans and sends them in batches, from a thread of its own."""

    def __init__(self, service: str, endpoint: str) -> None:
        # The library's own exit handler would wait for a collector that is away.
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service, "service.namespace": "aftercare"}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("aftercare")

    def begin(
        self, name: str, *, kind: Kind, parent: str | None, link: str | None, about: dict[str, object]
    ) -> "Recording":
        """Start a span: below ``parent``, or a trace of its own."""
        nowhere = Context()
        above = set_span_in_context(NonRecordingSpan(_place(parent)), nowhere) if parent else nowhere
        links = [Link(_place(link))] if link else []
        recording = Recording(self._tracer.start_span(name, context=above, kind=_KINDS[kind], links=links))
        recording.note(**about)
        return recording

    def stop(self) -> None:
        """Send what is left; takes several seconds where nobody listens."""
        self._provider.shutdown()


class Recording:
    """One span under way. The library's own way to record an error would send its text."""

    def __init__(self, span: Span) -> None:
        self._span = span
        place = span.get_span_context()
        self.traceparent = (
            f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.trace_flags:02x}" if place.is_valid else None
        )

    def note(self, **about: object) -> None:
        """Say more about it, under the log's keys."""
        for key, value in redact(None, "", about).items():
            if value is not None:
                self._span.set_attribute(key, value)

    def fail(self, error: str) -> None:
        """Say that it went wrong."""
        self._span.set_status(StatusCode.ERROR)
        self.note(exception=error)

    def end(self) -> None:
        """Stop its time."""
        self._span.end()


def _place(traceparent: str) -> SpanContext:
    _version, trace, span, flags = traceparent.split("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
