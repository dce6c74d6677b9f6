"""What is not to be sent for now: to anyone, or for one clinic."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from services.notifier.store.plans import announce_due
from shared.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the provider may be asked: freely, with one message as a trial, or not now."""

    state: Literal["open", "trial", "closed"]


async def provider_gate(connection: Connection, scope: str, *, trial_for: timedelta) -> Gate:
    """Read a provider's pause; whoever finds it run out gets the trial, and nobody else for ``trial_for``."""
    cursor = await connection.execute(
        "SELECT until <= clock_timestamp() AS over FROM pauses WHERE scope = %s", (scope,)
    )
    row = await cursor.fetchone()
    if row is None:
        return Gate("open")
    if not row["over"]:
        return Gate("closed")
    cursor = await connection.execute(
        """UPDATE pauses SET until = clock_timestamp() + %s
            WHERE scope = %s AND until <= clock_timestamp()""",
        (trial_for, scope),
    )
    return Gate("trial" if cursor.rowcount else "closed")


async def give_trial_back(connection: Connection, scope: str) -> None:
    """Let the next message be the trial: the one that was to be it did not go out."""
    await connection.execute("UPDATE pauses SET until = clock_timestamp() WHERE scope = %s", (scope,))


async def pause_provider(
    connection: Connection, scope: str, cause: str, *, message_id: int, first: timedelta, longest: timedelta
) -> bool:
    """Stop asking a provider for a while, longer after each trial; return whether sending was not paused before.

    What was under way when the pause began was no trial: many refusals at once count as one.
    """
    cursor = await connection.execute(
        """INSERT INTO pauses (scope, cause, until) VALUES (%(scope)s, %(cause)s, clock_timestamp() + %(first)s)
           ON CONFLICT (scope) DO UPDATE
              SET cause = excluded.cause, trials = pauses.trials + 1,
                  until = clock_timestamp() + least(%(first)s * power(2, least(pauses.trials + 1, 16)), %(longest)s)
            WHERE pauses.since < (SELECT started_at FROM messages WHERE id = %(message)s)
           RETURNING trials""",
        {"scope": scope, "cause": cause, "message": message_id, "first": first, "longest": longest},
    )
    row = await cursor.fetchone()
    return row is not None and row["trials"] == 0


async def resume_provider(connection: Connection, scope: str) -> bool:
    """Ask a provider freely again; return whether it was paused."""
    cursor = await connection.execute("DELETE FROM pauses WHERE scope = %s", (scope,))
    return cursor.rowcount > 0


async def try_provider(connection: Connection, scope: str) -> None:
    """Let the next message through to a provider that refuses us, whenever its turn would have come."""
    await give_trial_back(connection, scope)
    await announce_due(connection)


async def pause_clinic(connection: Connection, clinic_id: str, *, cause: str, who: str | None = None) -> None:
    """Hold everything of a clinic until a person resumes it."""
    await connection.execute(
        "INSERT INTO pauses (scope, cause, paused_by) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (f"clinic:{clinic_id}", cause, who),
    )


async def resume_clinic(connection: Connection, clinic_id: str) -> int:
    """End a clinic's pause, and have what it held judged anew; return how many messages that are."""
    await connection.execute("DELETE FROM pauses WHERE scope = %s", (f"clinic:{clinic_id}",))
    cursor = await connection.execute(
        "UPDATE messages SET due_at = send_at WHERE state = 'held' AND reason = 'paused' AND clinic_id = %s",
        (clinic_id,),
    )
    await announce_due(connection)
    return cursor.rowcount


async def paused_clinics(connection: Connection) -> set[str]:
    """Return the clinics whose sending a person has paused."""
    cursor = await connection.execute("SELECT scope FROM pauses WHERE scope LIKE 'clinic:%'")
    return {row["scope"].removeprefix("clinic:") for row in await cursor.fetchall()}
