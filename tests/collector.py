"""A collector of traces, as small as one can be: takes OTLP over HTTP and keeps every span."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.waiting import until


@dataclass(frozen=True)
class Span:
    """One span as it came over the wire. ``text`` is all of it."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict
    failed: bool
    links: tuple
    text: str


@dataclass
class Collector:
    """What has come in so far."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def named(self, name, *, trace=None):
        """Return the spans of that name, of one trace if one is named."""
        return [span for span in self.spans if span.name == name and trace in (None, span.trace)]

    def of(self, trace):
        """Return who did what in a trace."""
        return {(span.service, span.name) for span in self.spans if span.trace == trace}

    def parent_of(self, span):
        """Return the name of the span that another hangs below; None where it hangs below none."""
        return next((one.name for one in self.spans if one.id == span.parent), None)

    async def has(self, *names, trace, within=30.0):
        """Wait until a trace has spans of these names; return the first of each."""
        await until(
            lambda: all(self.named(name, trace=trace) for name in names),
            within=within,
            what=f"spans {names} in one trace",
        )
        return [self.named(name, trace=trace)[0] for name in names]

    async def take(self, request):
        """Take in what a service posts."""
        body = await request.read()
        self.raw.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = values(resource.resource.attributes)["service.name"]
            self.spans += [read(service, span) for scope in resource.scope_spans for span in scope.spans]
        return web.Response()


def read(service, span):
    return Span(
        service=service,
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=values(span.attributes),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        links=tuple(link.trace_id.hex() for link in span.links),
        text=str(span),
    )


def values(attributes):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@asynccontextmanager
async def collecting():
    """Run a collector until the block ends."""
    collector = Collector()
    application = web.Application(client_max_size=2**26)
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
