"""Ends a process whose event loop stands still: a reader that reads nothing must not go on looking alive."""

import asyncio
import contextlib
import faulthandler
import time
from collections.abc import AsyncIterator

from shared.telemetry.metrics import Metrics

_PATIENCE_S = 10.0
_EVERY_S = 1.0


@contextlib.asynccontextmanager
async def watchdog(
    metrics: Metrics, *, patience_s: float = _PATIENCE_S, every_s: float = _EVERY_S
) -> AsyncIterator[None]:
    """End the process with status 1 when the event loop does not come round for ``patience_s`` seconds in the block.

    Nothing is lost by it: what was in hand is handed out again, as after any kill. The timer runs outside the
    interpreter, since what blocks may hold its lock (a regular expression does). It prints where every thread stood,
    names of files and functions only.
    """
    feeding = asyncio.create_task(_feed(metrics, patience_s, every_s))
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        faulthandler.cancel_dump_traceback_later()


async def _feed(metrics: Metrics, patience_s: float, every_s: float) -> None:
    while True:
        faulthandler.dump_traceback_later(patience_s, exit=True)
        asleep_at = time.monotonic()
        await asyncio.sleep(every_s)
        metrics.loop_lag.set(max(0.0, time.monotonic() - asleep_at - every_s))
