"""Let somebody in: by a password, by a link that works once, or by the word of an identity provider."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from services.console import store
from services.console.domain import password
from services.console.domain.access import Role, Visitor
from shared.postgres.database import Connection, Database

_TRIES, _WITHIN = 5, timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why somebody was not let in, in words that do not tell who exists."""

    sentence: str


async def by_password(database: Database, name: str, given: str) -> str | Refused:
    """Return the token of a new session."""
    async with database.transaction() as connection:
        if await store.count_failures(connection, name, within=_WITHIN) >= _TRIES:
            return Refused("Too many tries under this name. Wait a quarter of an hour, or ask for a sign-in link.")
        known = await store.find_person(connection, name)
    role, kept = known or (Role.VIEWER, password.nobodys())
    right = password.matches(given, kept) and known is not None
    async with database.transaction() as connection:
        if not right:
            await store.note_failure(connection, name)
            return Refused("That name and password do not go together.")
        return await start_session(connection, Visitor(name, role), how="password")


async def by_link(database: Database, token: str) -> str | Refused:
    """Return the token of a new session for a link that was not used before."""
    async with database.transaction() as connection:
        visitor = await store.use_link(connection, token)
        if visitor is None:
            return Refused("This link was used before, or is too old. `./aftercare sign-in` makes a new one.")
        return await start_session(connection, visitor, how="link")


async def start_session(connection: Connection, visitor: Visitor, *, how: str) -> str:
    """Begin a session and say so in the audit; return its token."""
    token = secrets.token_urlsafe(32)
    await store.start_session(connection, token, visitor, how=how)
    await store.audit(connection, visitor, f"signed in by {how}")
    return token


async def make_link(connection: Connection, visitor: Visitor, *, lasts: timedelta) -> str:
    """Return the token of a link that lets somebody in once."""
    token = secrets.token_urlsafe(32)
    await store.save_link(connection, token, visitor, lasts=lasts)
    return token
