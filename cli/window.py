"""A browser window for the person at this machine's desktop, if there is one."""

import contextlib
import os
import sys
import webbrowser
from collections.abc import Mapping


def show(url: str) -> bool:
    """Open an address in the desktop's own browser; return False where nobody would see it."""
    if not somebody_looks(os.environ, is_terminal=sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    with contextlib.suppress(webbrowser.Error):
        # Asked by name: any other choice may be a browser that takes the terminal over.
        return webbrowser.get("xdg-open").open(url)
    return False


def somebody_looks(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether a person started this by hand, on a desktop."""
    has_desktop = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return is_terminal and has_desktop and not environment.get("CI")
