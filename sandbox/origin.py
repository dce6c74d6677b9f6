"""Who asks: this machine or another one, the sandbox's own page or somebody else's."""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web


def is_loopback(host: str | None) -> bool:
    """Return whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_own_page(request: web.Request) -> bool:
    """Return whether a request is the sandbox's own page's, or comes from no page at all.

    Another page on this very machine is refused, and so is one whose name was made to lead here.
    """
    host = urlsplit(f"//{request.host}").hostname or ""
    return (
        (host == "localhost" or is_loopback(host))
        and request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
        and request.headers.get("Origin", f"http://{request.host}") == f"http://{request.host}"
    )
