"""What patients wrote, sealed, as far as a person may be shown it: behind a case, or a reply; and who looked."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

Behind = Literal["case", "reply"]


@dataclass(frozen=True, slots=True)
class Words:
    """What was written, or that an answer led to a case; and the number that wrote."""

    at: datetime
    text: str
    phone: str | None
    candidates: tuple[str, ...] = ()


async def save_behind_case(
    connection: Connection, sealer: Sealer, case_id: str, provider_reference: str, words: Words
) -> None:
    """Keep what led to a case, sealed."""
    content = json.dumps({"text": words.text, "phone": words.phone})
    await connection.execute(
        """INSERT INTO case_words (case_id, provider_reference, at, content, candidates) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (
            case_id,
            provider_reference,
            words.at,
            sealer.seal(content, place=_place_behind_case(case_id, provider_reference)),
            list(words.candidates),
        ),
    )


async def behind_case(connection: Connection, sealer: Sealer, case_id: str) -> list[Words]:
    """Return what led to a case, the oldest first."""
    cursor = await connection.execute(
        "SELECT provider_reference, at, content, candidates FROM case_words WHERE case_id = %s ORDER BY at", (case_id,)
    )
    found = []
    for row in await cursor.fetchall():
        content: dict[str, Any] = json.loads(
            sealer.open(row["content"], place=_place_behind_case(case_id, row["provider_reference"]))
        )
        found.append(Words(row["at"], content["text"], content["phone"], tuple(row["candidates"])))
    return found


async def of_reply(connection: Connection, sealer: Sealer, reference: str) -> Words | None:
    """Return a reply, or None once nothing of it is left."""
    cursor = await connection.execute(
        "SELECT received_at, content, phone FROM replies WHERE provider_reference = %s", (reference,)
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    text = sealer.open(row["content"], place=place_of_text(reference)).decode()
    phone = sealer.open_text(row["phone"], place=place_of_phone(reference))
    # A picture alone has no words, but a number; what was erased has neither.
    return Words(row["received_at"], text, phone) if text or phone else None


async def save_look(
    connection: Connection, behind: Behind, about: str, *, who: str, role: str, allowed: bool, now: datetime
) -> None:
    """Write down who looked at the words behind something, or tried to."""
    await connection.execute(
        "INSERT INTO case_looks (at, case_id, provider_reference, who, role, allowed) VALUES (%s, %s, %s, %s, %s, %s)",
        (now, about if behind == "case" else None, about if behind == "reply" else None, who, role, allowed),
    )


def place_of_text(provider_reference: str) -> str:
    """Return the place for which the text of a reply is sealed."""
    return f"replies.content:{provider_reference}"


def place_of_phone(provider_reference: str) -> str:
    """Return the place for which the number of a reply is sealed."""
    return f"replies.phone:{provider_reference}"


def _place_behind_case(case_id: str, provider_reference: str) -> str:
    return f"case_words.content:{case_id}:{provider_reference}"
