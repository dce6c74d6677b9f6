"""``aftercare sign-in`` and ``aftercare people``: who may open the console."""

import getpass
import os
import sys
from datetime import timedelta

from cli.environment import needed, running_system
from services.console import store
from services.console.domain import password
from services.console.domain.access import Role, Visitor
from services.console.handlers.sign_in import make_link
from shared.kernel.errors import ConfigurationError
from shared.postgres.database import connect

_LINK_LASTS = timedelta(hours=12)


async def sign_in(person: str | None, role: str) -> int:
    """Print a link that lets one person in, once."""
    system = running_system()
    link = await sign_in_link(
        needed(system, "AFTERCARE_DATABASE_URL"),
        needed(system, "AFTERCARE_CONSOLE_URL"),
        Visitor(person or getpass.getuser(), Role(role)),
    )
    sys.stdout.write(f"{link}\n")
    return 0


async def sign_in_link(database_url: str, console_url: str, visitor: Visitor) -> str:
    """Return a link into the running console that works once, within twelve hours."""
    connection = await connect(database_url, schema="console")
    async with connection, connection.transaction():
        token = await make_link(connection, visitor, lasts=_LINK_LASTS)
    return f"{console_url.rstrip('/')}/sign-in/{token}"


async def people(action: str, name: str | None, role: str | None) -> int:
    """List those who may sign in with a password, add one, or shut one out.

    Raises:
        ConfigurationError: no name, no such person, or a password that is too weak.
    """
    connection = await connect(needed(running_system(), "AFTERCARE_DATABASE_URL"), schema="console")
    async with connection, connection.transaction():
        if action == "list":
            for row in await store.people(connection):
                shut = "  may not sign in" if row["disabled_at"] else ""
                sys.stdout.write(f"{row['name']:<24} {row['role']}{shut}\n")
            return 0
        if not name:
            raise ConfigurationError("name: say who")
        by = Visitor(f"{getpass.getuser()} (command line)", Role.ADMIN)
        if action == "remove":
            if not await store.disable_person(connection, name):
                raise ConfigurationError(f"nobody named {name!r} may sign in")
            await store.audit(connection, by, "shut a person out", target=name)
            sys.stdout.write(f"{name} may no longer sign in\n")
            return 0
        chosen = Role(role or Role.VIEWER)
        await store.save_person(connection, name, chosen, password.hashed(_new_password(), salt=os.urandom(16)))
        await store.audit(connection, by, f"made a person {chosen}", target=name)
    sys.stdout.write(f"{name} may sign in as {chosen}\n")
    return 0


def _new_password() -> str:
    """Ask for a new password, twice where a person types it."""
    if sys.stdin.isatty():
        given = getpass.getpass("New password: ")
        if getpass.getpass("Again: ") != given:
            raise ConfigurationError("password: the two are not the same")
    else:
        given = sys.stdin.readline().rstrip("\n")
    complaint = password.complaint_about(given)
    if complaint:
        raise ConfigurationError(f"password: {complaint}")
    return given
