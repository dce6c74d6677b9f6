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
            if path.exists():
                lines = path.read_text(encoding="utf-8").splitlines()
                self.entries = [json.loads(line) for line in lines if line.endswith("}")]
            self._file = path.open("a", encoding="utf-8")
            self._synced = len(self.entries)

    def add(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Append an entry. It is durable only after ``sync``."""
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
            self._file.flush()
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
