"""What a foreign client writes beside a body may be anything: none of it is worth the link over which it comes."""

import contextlib

from aiormq import spec

_read = spec.Basic.Properties.unmarshal


def _read_what_can_be_read(properties: spec.Basic.Properties, flags: int, data: bytes) -> None:
    with contextlib.suppress(Exception):
        _read(properties, flags, data)


def be_lenient() -> None:
    """Read the properties of every message only as far as they can be read; the rest counts as not given.

    The library takes a name that is not UTF-8, or a time after the year 9999, for a link that is out of step, and
    closes it. The broker then gives the message again, with all those around it, until it gives them all up.
    """
    spec.Basic.Properties.unmarshal = _read_what_can_be_read  # type: ignore[method-assign,assignment]
