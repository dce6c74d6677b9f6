"""The W3C trace context: which trace something belongs to, and what in that trace caused it."""

import re

TRACEPARENT = "traceparent"
"""Name of the header that carries one, over HTTP as over AMQP."""
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def read_traceparent(value: object) -> str | None:
    """Return a traceparent as version 00 spells it; None for whatever is none: that never fails a message."""
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return f"00-{trace}-{span}-{flags}"


def trace_id_of(traceparent: str) -> str:
    """Return the id of the trace that a well-formed traceparent names."""
    return traceparent.split("-")[1]
