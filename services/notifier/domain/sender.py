"""Who wrote, as far as that is known: a number can be shared, or nobody's whom we know."""

from collections.abc import Sequence
from dataclasses import dataclass


def name_of_number(numbers: Sequence[bytes]) -> str:
    """Return the opaque name of a number, by its keyed hashes, the newest key's first."""
    return f"number:{numbers[0].hex()}"


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Whoever has the number that wrote. ``patients`` are clinic and reference, the last heard of first."""

    clinic_id: str
    patients: tuple[tuple[str, str], ...]
    numbers: tuple[bytes, ...]
    """Keyed hashes of the number; the first is the one that new rows get."""

    @property
    def patient_ref(self) -> str | None:
        """The patient, if there is only one whom the number may belong to."""
        return self.patients[0][1] if len(self.patients) == 1 else None

    @property
    def reply_to(self) -> str:
        """The opaque address under which a plan may answer."""
        return name_of_number(self.numbers)

    @property
    def lock(self) -> str:
        """What is locked while anything about the number is decided."""
        return self.reply_to
