"""How fast a provider is asked: as many calls at once as it bears, and no more a second than was set."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Calls that may be under way at once: one more after a round that went well, half when it was too much (AIMD)."""

    most: int
    limit: float
    cut_at: float = float("-inf")

    @classmethod
    def full(cls, most: int) -> "Concurrency":
        """Start without any restraint: the provider says when it is too much."""
        return cls(most, float(most))

    @property
    def slots(self) -> int:
        """How many calls may be under way."""
        return int(self.limit)

    def went_well(self) -> "Concurrency":
        """Grow by one slot per round of calls."""
        return replace(self, limit=min(float(self.most), self.limit + 1 / self.limit))

    def was_too_much(self, *, begun_at: float, now: float) -> "Concurrency":
        """Halve, once for all the calls that were under way together. Times are seconds of one monotonic clock."""
        if begun_at <= self.cut_at:
            return self
        return replace(self, limit=max(1.0, self.limit / 2), cut_at=now)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A pace: ``per_second`` on average, one second's worth at once. None is no limit."""

    per_second: float | None
    filled: float = 0.0
    at: float = float("-inf")

    def available(self, now: float, most: int) -> int:
        """Return how many may leave now, at most ``most``."""
        if self.per_second is None:
            return most
        return min(most, int(self._level(now)))

    def take(self, count: int, now: float) -> "Bucket":
        """Return what is left after ``count`` have left."""
        return self if self.per_second is None else replace(self, filled=self._level(now) - count, at=now)

    def _level(self, now: float) -> float:
        assert self.per_second is not None
        full = max(1.0, self.per_second)
        return min(full, self.filled + (now - self.at) * self.per_second) if self.at > float("-inf") else full
