"""``aftercare dlq``: look at what could not be handled, send it again, or let it go with a reason.

Works on the console's table, by the console's own steps. Where no console runs, it takes the letters off their
queues itself.
"""

import getpass
import json
import sys
from functools import partial
from typing import Any

from cli.environment import needed, running_system
from services.console import store
from services.console.domain.access import Role, Visitor
from services.console.domain.masking import lines_of
from services.console.handlers.decide_letters import Decision, decide_letters
from services.console.handlers.keep_letter import keep_letter
from services.console.handlers.send_back import SendBack
from shared.broker.dead_letters import DeadLetterTaker
from shared.broker.publisher import Publisher
from shared.broker.topology import MAIN_QUEUES
from shared.kernel.errors import ConfigurationError
from shared.postgres.database import Connection, Database
from shared.postgres.sealing import Sealer, UnsealError, parse_sealing_keys


async def dead_letters(
    action: str, queue: str | None, *, message_id: str | None, everything: bool, reason: str | None, reveal: bool
) -> int:
    """Run one of list, show, replay, discard.

    Raises:
        ConfigurationError: a queue that does not exist, or a discard without a reason.
    """
    if queue is not None and queue not in MAIN_QUEUES:
        raise ConfigurationError(f"queue: one of {', '.join(MAIN_QUEUES)}")
    if action == "discard" and not reason:
        raise ConfigurationError("--reason: say why it is discarded")
    if action == "discard" and message_id is None and not everything:
        raise ConfigurationError("--id: say which one is discarded (`dlq show` names them), or --all")
    if action != "list" and queue is None:
        raise ConfigurationError(f"queue: say which one, of {', '.join(MAIN_QUEUES)}")
    system = running_system()
    url = needed(system, "AFTERCARE_AMQP_URL")
    sealer = Sealer(parse_sealing_keys(needed(system, "AFTERCARE_SEALING_KEYS")))
    async with Database(needed(system, "AFTERCARE_DATABASE_URL"), schema="console", sealer=sealer, size=2) as database:
        taker = DeadLetterTaker(url, partial(keep_letter, database))
        try:
            await taker.run_once()
        finally:
            await taker.close()
        if action == "list":
            return await _list(database)
        assert queue is not None
        return await _act(action, database, url, queue, message_id=message_id, reason=reason, reveal=reveal)


async def _list(database: Database) -> int:
    async with database.connection() as connection:
        counts = await store.count_letters(connection)
        groups = await store.letter_groups(connection)
    for queue in MAIN_QUEUES:
        sys.stdout.write(f"{queue:<18} {counts.get(queue, 0)}\n")
        for group in groups:
            if group["queue"] == queue:
                senders = f" (from {', '.join(group['sources'])})" if group["sources"] else ""
                sys.stdout.write(f"    {group['letters']:>6} times: {group['reason']}{senders}\n")
    return 1 if counts else 0


async def _act(
    action: str,
    database: Database,
    url: str,
    queue: str,
    *,
    message_id: str | None,
    reason: str | None,
    reveal: bool,
) -> int:
    visitor = Visitor(f"{getpass.getuser()} (command line)", Role.ADMIN)
    async with database.transaction() as connection:
        chosen = await store.open_letters(connection, queue, message_id=message_id)
        if action == "show":
            await _show(connection, database.sealer, visitor, chosen, reveal=reveal)
            done = len(chosen)
        else:
            done = await decide_letters(
                connection,
                visitor,
                Decision.REPLAY if action == "replay" else Decision.DISCARD,
                ids=[row["id"] for row in chosen],
                why=reason,
            )
    if action == "replay":
        await _send_back(database, url)
    said = {"show": "shown", "replay": "sent again", "discard": f"discarded: {reason}"}[action]
    sys.stdout.write(f"{done} {'dead letter' if done == 1 else 'dead letters'} {said}\n")
    return 0 if done or message_id is None else 1


async def _send_back(database: Database, url: str) -> None:
    publisher = Publisher(url, name="replay")
    sender = SendBack(database, publisher)
    try:
        while await sender.run_once():
            pass
    finally:
        await publisher.close()


async def _show(
    connection: Connection, sealer: Sealer, visitor: Visitor, rows: list[dict[str, Any]], *, reveal: bool
) -> None:
    for row in rows:
        for name in ("message_id", "type", "queue", "cause", "reason", "attempts", "times_before"):
            sys.stdout.write(f"{name:<13} {row[name]!s}\n")
        _show_body(sealer, row, reveal=reveal)
        sys.stdout.write("\n")
        if reveal:
            await store.audit(connection, visitor, "revealed a dead letter", target=str(row["id"]))


def _show_body(sealer: Sealer, row: dict[str, Any], *, reveal: bool) -> None:
    try:
        letter = store.open_letter(sealer, row)
    except UnsealError as error:
        sys.stdout.write(f"  cannot be opened: {error}\n")
        return
    if letter is None:
        sys.stdout.write("  past its keeping time\n")
        return
    try:
        content = json.loads(letter.body)
    except (ValueError, RecursionError):
        sys.stdout.write(f"  not JSON, {len(letter.body)} bytes\n")
        return
    for line in lines_of(content, reveal=reveal):
        value = "" if line.value is None else f"<{line.value}>" if line.hidden else line.value
        sys.stdout.write(f"{'  ' * (line.depth + 1)}{line.name}  {value}\n")
