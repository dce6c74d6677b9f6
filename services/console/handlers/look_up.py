"""Find the patients behind what a person asks for: a reference of any kind, or a phone number."""

import re

from services.console import queries
from shared.kernel.contact import parse_phone
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

_NUMBER = re.compile(r"\+?[\d\s().-]{10,25}\Z")


def looks_like_number(asked: str) -> bool:
    """Return whether what somebody asks for is a phone number as people write it."""
    return bool(_NUMBER.match(asked)) and parse_phone(asked) is not None


async def patients_behind(connection: Connection, sealer: Sealer, asked: str) -> list[str]:
    """Return the patients' references. A number is looked up by its keyed hash, and never kept."""
    found = await queries.patients_of_reference(connection, asked)
    phone = parse_phone(asked) if not found and looks_like_number(asked) else None
    if phone is None:
        return found
    return await queries.patients_with_number(connection, sealer.lookups(phone.e164))
