"""Numbered SQL migrations: one transaction each, applied once, never edited afterwards."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from shared.kernel.errors import ConfigurationError
from shared.postgres.database import Connection, Link, connect_as_owner, role_of

_SHARED = Path(__file__).parent / "migrations"
READER = "console"
"""The one schema whose role may read what the others publish (DESIGN.md section 4)."""
_PUBLISHED = r"_v[0-9]+$"
_LOCK = 7_041_963  # any number that nobody else locks
_ROLES = "SELECT 1 FROM pg_roles WHERE rolname = %s"


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file. ``name`` says which series it belongs to and its number."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations_of(folder: Path) -> list[Migration]:
    """Return a service's migrations in order: the shared ones, then its own."""
    return [
        Migration(f"{series}/{file.stem}", file.read_text(encoding="utf-8"))
        for series, where in (("shared", _SHARED), ("own", folder))
        for file in sorted(where.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]


async def migrate(url: str, services: dict[str, Path], *, say: Callable[[str], None] = lambda _line: None) -> int:
    """Bring the schemas of ``services`` (name to folder of migrations) up to date; return how many files it took."""
    applied = 0
    async with await connect_as_owner(url) as connection:
        await connection.execute("SET lock_timeout = '30s'")
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        for schema in {**services, READER: None}:
            await _prepare(connection, schema)
        for schema, folder in services.items():
            for migration in await _pending(connection, schema, migrations_of(folder)):
                await _apply(connection, schema, migration)
                say(f"{schema}: {migration.name}")
                applied += 1
            await _publish(connection, schema)
    return applied


async def _prepare(connection: Connection, schema: str) -> None:
    role = role_of(schema)
    if not await (await connection.execute(_ROLES, (role,))).fetchone():
        # Roles belong to the whole server: another database's migration may be quicker.
        with contextlib.suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            await connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS {schema}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        """CREATE TABLE IF NOT EXISTS {schema}.migrations
           (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())""",
        "REVOKE ALL ON {schema}.migrations FROM {role}",
        "GRANT SELECT ON {schema}.migrations TO {role}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    ):
        await connection.execute(sql.SQL(statement).format(**names))


async def _publish(connection: Connection, schema: str) -> None:
    """Let the reader's role read the published views of a schema, and nothing else in it."""
    await connection.execute(
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), sql.Identifier(role_of(READER)))
    )
    cursor = await connection.execute(
        "SELECT viewname FROM pg_views WHERE schemaname = %s AND viewname ~ %s", (schema, _PUBLISHED)
    )
    for row in await cursor.fetchall():
        await connection.execute(
            sql.SQL("GRANT SELECT ON {} TO {}").format(
                sql.Identifier(schema, row["viewname"]), sql.Identifier(role_of(READER))
            )
        )


async def _pending(connection: Connection, schema: str, known: Sequence[Migration]) -> list[Migration]:
    cursor = await connection.execute(
        sql.SQL("SELECT name, checksum FROM {}.migrations").format(sql.Identifier(schema))
    )
    applied = {row["name"]: row["checksum"] for row in await cursor.fetchall()}
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise ConfigurationError(f"{schema}: {migration.name} was changed after it had been applied")
    return [migration for migration in known if migration.name not in applied]


async def _apply(connection: Link, schema: str, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute("SELECT set_config('search_path', %s, true)", (schema,))
        await connection.execute(migration.text.encode())
        await connection.execute(
            "INSERT INTO migrations (name, checksum) VALUES (%s, %s)", (migration.name, migration.checksum)
        )


async def require_known_schema(connection: Connection, folder: Path) -> None:
    """Refuse to run on a schema that is older or newer than this release.

    Raises:
        ConfigurationError: saying what to do.
    """
    known = {migration.name: migration.checksum for migration in migrations_of(folder)}
    try:
        rows = await (await connection.execute("SELECT name, checksum FROM migrations")).fetchall()
    except psycopg.errors.UndefinedTable:
        rows = []
    applied = {row["name"]: row["checksum"] for row in rows}
    missing, unknown = sorted(known.keys() - applied.keys()), sorted(applied.keys() - known.keys())
    if missing:
        raise ConfigurationError(f"the database lacks {', '.join(missing)}: run `./aftercare migrate`")
    if unknown:
        raise ConfigurationError(f"the database is newer than this release, it has {', '.join(unknown)}: upgrade")
    if known != applied:
        raise ConfigurationError("a migration was changed after it had been applied")
