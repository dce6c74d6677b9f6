"""What a service says about itself: alive, and ready or the reasons why not."""

from collections.abc import Callable

Check = Callable[[], str | None]
"""Returns None when all is well, else one constant sentence that says what is wrong."""


class Health:
    """Named checks; a service is ready when none of them complains."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._drains = False

    def add(self, name: str, check: Check) -> None:
        """Add a check under a name that readers of ``/readyz`` will see."""
        self._checks[name] = check

    def drain(self) -> None:
        """Say from now on that this process takes no new work."""
        self._drains = True

    def complaints(self) -> dict[str, str]:
        """Return the checks that complain, with their sentence."""
        found = {name: sentence for name, check in self._checks.items() if (sentence := check()) is not None}
        return {"process": "is stopping", **found} if self._drains else found
