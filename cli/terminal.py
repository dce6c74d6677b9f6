"""What commands in the foreground have in common: lines with the time, and Ctrl-C."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_STARTED = time.monotonic()


def say(line: str) -> None:
    """Print a line after the seconds since the start."""
    sys.stdout.write(f"{time.monotonic() - _STARTED:6.1f} s  {line}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Interruption:
    """Ctrl-C or SIGTERM. Until everything runs it ends the start at once; afterwards it asks for a drain."""

    asked: threading.Event = field(default_factory=threading.Event)
    everything_runs: bool = False

    def take(self, _number: int, _frame: object) -> None:
        """Handle the signal."""
        if self.asked.is_set() or not self.everything_runs:
            raise KeyboardInterrupt
        self.asked.set()


@contextlib.contextmanager
def interruption() -> Iterator[Interruption]:
    """Take the signals that end a command, for the length of a block."""
    taken = Interruption()
    before = {number: signal.signal(number, taken.take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield taken
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
