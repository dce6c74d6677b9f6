"""The ledger: what was asked, accepted, reported and received, in order. Appended to, never changed."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Ledger:
    """Entries in memory and, where a file is given, on disk before anybody gets an answer."""

    def __init__(self, path: Path | None) -> None:
        self.entries: list[dict[str, Any]] = []
        self.at: str | None = None
        """The product's own time, if somebody tells it: for reading along."""
        self._waiting = asyncio.Event()
        self._syncing = asyncio.Lock()
        self._synced = 0
        self._file = None
        if path is not None:
            self.entries = _read_whole_records(path)
            self._file = path.open("a", encoding="utf-8")
            self._synced = len(self.entries)

    def add(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Append an entry. A killed process cannot lose it; a lost machine can, until ``sync``."""
        entry = {
            "n": len(self.entries) + 1,
            "kind": kind,
            "wall": datetime.now(UTC).isoformat(),
            "at": self.at,
            **facts,
        }
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()
        self._waiting.set()
        return entry

    async def sync(self) -> None:
        """Wait until everything appended so far is on disk; concurrent callers share one write."""
        if self._file is None:
            return
        wanted = len(self.entries)
        async with self._syncing:
            if self._synced >= wanted:
                return
            covered = len(self.entries)
            await asyncio.get_running_loop().run_in_executor(None, os.fsync, self._file.fileno())
            self._synced = covered

    async def wait_for_more(self, after: int) -> list[dict[str, Any]]:
        """Return the entries after a number, waiting until there are some."""
        while len(self.entries) <= after:
            self._waiting.clear()
            await self._waiting.wait()
        return self.entries[after:]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _read_whole_records(path: Path) -> list[dict[str, Any]]:
    """Read the records of a file, and cut off the one that a crash left unfinished.

    Without the cut the next record would be written onto the torn one, and both would be lost.
    """
    if not path.exists():
        return []
    # A text may hold characters that str.splitlines takes for ends of lines: split bytes, at newlines alone.
    *whole, torn = path.read_bytes().split(b"\n")
    if torn:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - len(torn))
    return [json.loads(line) for line in whole]
