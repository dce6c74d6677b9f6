"""Waiting for a condition, never for a time."""

import asyncio
import inspect
import time


async def until(condition, *, within: float = 15.0, what: str = "the condition"):
    """Poll ``condition`` until it returns something true; return that."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come about within {within} s"
        await asyncio.sleep(0.02)
