"""What several measurements share: percentiles, and the processor's time per process."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def announce(text: str) -> None:
    """Say the address that a server of aiohttp's has bound, alone; the runner's own lines are for people."""
    address = next((word for word in text.split() if word.startswith("http://")), None)
    if address is not None:
        print(address, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of all are no larger than; the largest of a few."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def in_words(seconds: Sequence[float]) -> str:
    """Spell a distribution in milliseconds."""
    if not seconds:
        return "none"
    marks = " ".join(
        f"{name} {percentile(seconds, share) * 1000:,.0f}"
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    )
    return f"{marks} max {max(seconds) * 1000:,.0f} ms (n = {len(seconds)})"


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Seconds of a processor that named processes, with all that they started, have used so far."""

    seconds: Mapping[str, float]

    @classmethod
    def of(cls, pids: Mapping[str, int]) -> "ProcessorTime":
        """Read what the kernel counts for each process and its descendants, ended ones included."""
        children: dict[int, list[int]] = {}
        used: dict[int, float] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                _read(folder / "stat", children, used)

        def total(pid: int) -> float:
            return used.get(pid, 0.0) + sum(total(child) for child in children.get(pid, ()))

        return cls({name: total(pid) for name, pid in pids.items()})

    def since(self, earlier: "ProcessorTime") -> dict[str, float]:
        """Return the seconds used since an earlier reading."""
        return {name: seconds - earlier.seconds.get(name, 0.0) for name, seconds in self.seconds.items()}


def _read(path: Path, children: dict[int, list[int]], used: dict[int, float]) -> None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # it has ended meanwhile
    fields = text.rpartition(")")[2].split()  # a name may hold blanks
    pid = int(path.parent.name)
    children.setdefault(int(fields[1]), []).append(pid)
    used[pid] = sum(int(field) for field in fields[11:15]) / _TICKS


def zone_of_midday(now: datetime) -> str:
    """Return a zone in which it is about one in the afternoon now, so that no send window is in the way."""
    ahead = round((13 - (now + timedelta(minutes=30)).hour + 12) % 24 - 12)
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"  # by POSIX, zones ahead of Greenwich carry a minus
