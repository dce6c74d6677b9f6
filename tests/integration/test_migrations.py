"""Migrations: each applied once, whoever runs them and however often; a service refuses a schema it does not know."""

import asyncio
import shutil

import psycopg
import pytest
from psycopg import errors

from cli.stack import MIGRATIONS
from shared.kernel.errors import ConfigurationError, DependencyUnavailableError
from shared.postgres.database import connect
from shared.postgres.migrate import migrate, migrations_of, require_known_schema
from tests.builders import ROOT


@pytest.fixture
def empty_url(servers):
    """A database that nothing has been applied to."""
    url = servers.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
    yield url.rsplit("/", 1)[0] + "/empty"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
def folder(tmp_path):
    """A copy of a service's migrations, to be meddled with."""
    return shutil.copytree(ROOT / "services" / "followup" / "migrations", tmp_path / "migrations")


async def check(url, folder, schema="followup"):
    async with await connect(url, schema=schema) as connection:
        await require_known_schema(connection, folder)


async def test_two_at_once_apply_each_file_once_and_a_third_applies_none(empty_url):
    counts = await asyncio.gather(migrate(empty_url, MIGRATIONS), migrate(empty_url, MIGRATIONS))
    assert sorted(counts) == [0, sum(len(migrations_of(own)) for own in MIGRATIONS.values())]
    assert await migrate(empty_url, MIGRATIONS) == 0
    for schema, own in MIGRATIONS.items():
        await check(empty_url, own, schema)


async def test_a_file_that_fails_leaves_nothing_behind_and_the_ones_before_it_stand(empty_url, folder):
    (folder / "0998_good.sql").write_text("CREATE TABLE good (x int);", encoding="utf-8")
    (folder / "0999_bad.sql").write_text("CREATE TABLE half (x int); SELECT 1 / 0;", encoding="utf-8")
    with pytest.raises(errors.DivisionByZero):
        await migrate(empty_url, {"followup": folder})
    async with await connect(empty_url, schema="followup") as connection:
        rows = await (
            await connection.execute("SELECT to_regclass('good') AS good, to_regclass('half') AS half")
        ).fetchall()
    assert (rows[0]["good"] is not None, rows[0]["half"]) == (True, None)
    (folder / "0999_bad.sql").write_text("CREATE TABLE half (x int);", encoding="utf-8")
    assert await migrate(empty_url, {"followup": folder}) == 1


async def test_a_service_refuses_a_database_that_was_never_migrated(empty_url, servers):
    with pytest.raises(ConfigurationError, match="no role aftercare_unheard_of: run `./aftercare migrate`"):
        await check(empty_url, MIGRATIONS["followup"], "unheard_of")
    await migrate(empty_url, {"booking_events": MIGRATIONS["booking_events"]})  # so that roles exist on the server
    with pytest.raises(ConfigurationError, match=r"lacks own/0001_.*: run `./aftercare migrate`"):
        await check(empty_url, MIGRATIONS["followup"])


async def test_a_service_refuses_an_older_a_newer_and_a_changed_schema(database_url, folder):
    await check(database_url, folder)
    newer = folder / "0999_more.sql"
    newer.write_text("SELECT 1;", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="lacks own/0999_more"):
        await check(database_url, folder)
    await migrate(database_url, {"followup": folder})
    newer.unlink()
    with pytest.raises(ConfigurationError, match="newer than this release, it has own/0999_more"):
        await check(database_url, folder)
    newer.write_text("SELECT 2;", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="changed after it had been applied"):
        await check(database_url, folder)
    with pytest.raises(ConfigurationError, match="0999_more was changed after it had been applied"):
        await migrate(database_url, {"followup": folder})


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x (y int)",
        "DROP TABLE outbox",
        "SELECT * FROM booking_events.patients",
        "SELECT * FROM notifier.outbox",
        "DELETE FROM migrations",
        "UPDATE notifier.history SET what = ''",
        "CREATE TABLE public.x (y int)",
    ],
)
async def test_a_service_may_do_nothing_outside_its_own_rows(database_url, statement):  # S16
    async with await connect(database_url, schema="followup") as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(statement.encode())


async def test_what_happened_cannot_be_rewritten(database_url):  # S8
    for schema in ("booking_events", "notifier"):
        async with await connect(database_url, schema=schema) as connection:
            with pytest.raises(errors.InsufficientPrivilege):
                await connection.execute("UPDATE history SET what = 'nothing'")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: url.replace("aftercare:", "aftercare:wrong"), "wrong name or password"),
        (lambda url: url.rsplit("/", 1)[0] + "/no_such", "no such database"),
        (lambda _url: "postgresql://x:CANARY@no-such-host.invalid/x", "has no address"),
        (lambda _url: "postgresql://x:CANARY@127.0.0.1:1/x", "does not answer"),
    ],
)
async def test_a_database_that_lets_nobody_in_says_why_and_no_secret(database_url, change, sentence):
    with pytest.raises(DependencyUnavailableError, match=sentence) as error:
        await connect(change(database_url), schema="followup")
    assert "CANARY" not in str(error.value)
