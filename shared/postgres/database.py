"""A service's connections to PostgreSQL, under the service's own role and schema."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, Self

import psycopg
from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline, AsyncTransaction
from psycopg.pq import PipelineStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from shared.kernel.errors import ConfigurationError, DependencyUnavailableError
from shared.postgres.sealing import Sealer

Values = Sequence[Any] | Mapping[str, Any]
Statement = tuple[str, Values]
"""A statement and its values."""


class Link(AsyncConnection[DictRow]):
    """A connection to the database itself."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opening: AsyncTransaction | None = None
        self._begin = asyncio.Lock()

    @asynccontextmanager
    async def transaction_once_needed(self) -> AsyncIterator[None]:
        """Run a transaction that begins with its first statement, in the same journey to the database."""
        # Not by the method of that name, which stops to wait wherever statements travel together.
        self._opening = transaction = AsyncTransaction(self)
        try:
            yield
        except BaseException as error:
            if self._has_opened:
                await transaction.__aexit__(type(error), error, error.__traceback__)
            raise
        else:
            if self._has_opened:
                await transaction.__aexit__(None, None, None)
        finally:
            self._opening = None

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[AsyncPipeline]:
        """Let the statements of a block travel together; what is raised is the refusal of the one that failed.

        The driver may raise that those behind it were passed over instead, by chance of when the answers arrive.
        """
        try:
            async with super().pipeline() as pipeline:
                yield pipeline
        except psycopg.errors.PipelineAborted as passed_over:
            raise _refusal_before(passed_over) from None

    @property
    def _has_opened(self) -> bool:
        return self._opening is None

    async def execute(
        self, query: Any, params: Values | None = None, /, *, prepare: bool | None = None, binary: bool = False
    ) -> AsyncCursor[DictRow]:
        """Execute one statement and return what it gave."""
        if self._opening is None and not self._begin.locked():
            return await super().execute(query, params, prepare=prepare, binary=binary)
        async with self._begin:  # of several that come first at once, one begins, and the others follow it
            transaction, self._opening = self._opening, None
            if transaction is not None:
                travels = self.pgconn.pipeline_status != PipelineStatus.OFF
                async with contextlib.nullcontext() if travels else self.pipeline():
                    await transaction.__aenter__()
                    return await super().execute(query, params, prepare=prepare, binary=binary)
        return await super().execute(query, params, prepare=prepare, binary=binary)


class Connection(Protocol):
    """What a store works with: somewhere to execute statements. Usually a link, sometimes a share of one."""

    async def execute(self, query: Any, params: Values | None = None, /) -> AsyncCursor[DictRow]:
        """Execute one statement and return what it gave."""
        ...


# Client side limits, so that a database that is frozen or half gone is noticed (RELIABILITY.md F21).
_CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# Our statements touch few rows: compiling one takes longer than running it.
_SESSION = {"jit": "off", "statement_timeout": "8s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
_RETRY_AT_ONCE = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_HELD_UP = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
_TRANSACTION_TIMEOUT_S = 15.0
_CUT_AFTER_S = 10.0  # longer than any statement may take
_PREPARE_TIMEOUT_S = 3.0
_REFUSALS = {
    "password authentication failed": "refuses the login: AFTERCARE_DATABASE_URL has the wrong name or password",
    "no pg_hba.conf entry": "refuses the login from this machine",
    "does not exist": "server has no such database: see the end of AFTERCARE_DATABASE_URL",
    "failed to resolve host": "has no address: see the host in AFTERCARE_DATABASE_URL",
    "too many clients": "has no connection left",
    "starting up": "is starting up",
}


def _refusal_before(error: BaseException) -> BaseException:
    """Return the error because of which others were passed over; the error itself where it is not known."""
    before = error.__context__
    while isinstance(before, psycopg.errors.PipelineAborted):
        before = before.__context__
    return before if isinstance(before, psycopg.Error) else error


def role_of(schema: str) -> str:
    """Return the database role that owns nothing but may use one schema."""
    return f"aftercare_{schema}"


def is_conflict(error: BaseException) -> bool:
    """Return whether the same work may succeed at once when tried again."""
    return isinstance(error, _RETRY_AT_ONCE)


def is_held_up(error: BaseException) -> bool:
    """Return whether a statement waited too long, for a lock or for a slow database: the same work may do later."""
    return isinstance(error, _HELD_UP)


def is_unavailable(error: BaseException) -> bool:
    """Return whether an error says that the database is away, rather than that we asked something wrong."""
    if isinstance(error, PoolTimeout | DependencyUnavailableError):
        return True
    gone = psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction
    return isinstance(error, gone) and not is_held_up(error) and not is_conflict(error)


@contextlib.contextmanager
def cut_after(connection: Link, seconds: float) -> Iterator[None]:
    """Cut the link to the database if the block takes longer: what waits on it then fails at once.

    Cancelling is not enough on a link that is half open, and neither are keepalives where a proxy still answers them:
    the driver would ask the server to cancel the statement and then wait for an answer that never comes.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: Link) -> None:
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as link:
        link.shutdown(socket.SHUT_RDWR)


async def connect(url: str, *, schema: str) -> Link:
    """Open one connection in autocommit mode, as the schema's role.

    Raises:
        DependencyUnavailableError: the database does not answer, or does not let us in yet.
        ConfigurationError: it never will, as it is set up.
    """
    connection = await connect_as_owner(url)
    try:
        await _prepare(connection, schema)
    except BaseException as error:
        await connection.close()
        raise _refusal(error, schema) from error
    return connection


async def connect_as_owner(url: str, *, read_only: bool = False) -> Link:
    """Open one connection in autocommit mode with the rights of the login itself: for people's commands only.

    Raises:
        DependencyUnavailableError: the database does not answer, or does not let us in.
    """
    try:
        connection = await Link.connect(url, autocommit=True, row_factory=dict_row, **_CONNECT)
    except psycopg.OperationalError as error:
        raise DependencyUnavailableError(_why_not(error)) from error
    if read_only:
        await connection.execute("SET default_transaction_read_only = on")
    return connection


def _refusal(error: BaseException, schema: str) -> BaseException:
    """Say what keeps the login from acting as a schema's role."""
    if isinstance(error, psycopg.errors.InvalidParameterValue):
        return ConfigurationError(f"the database has no role {role_of(schema)}: run `./aftercare migrate`")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return ConfigurationError(f"the database login may not act as {role_of(schema)}: grant it that role")
    return DependencyUnavailableError(_why_not(error)) if isinstance(error, psycopg.OperationalError) else error


def _why_not(error: psycopg.OperationalError) -> str:
    """Say why a connection failed; the server's own words would name hosts and logins."""
    said = str(error)
    for phrase, meaning in _REFUSALS.items():
        if phrase in said:
            return f"the database {meaning}"
    return f"the database does not answer ({type(error).__name__})"


async def _prepare(connection: Link, schema: str) -> None:
    settings = {**_SESSION, "search_path": schema, "timezone": "UTC", "role": role_of(schema)}
    with cut_after(connection, _PREPARE_TIMEOUT_S):
        await connection.execute(
            "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS s(name, value)",
            (list(settings), list(settings.values())),
        )


class Database:
    """A pool of connections for one service, and the sealer for what it stores."""

    def __init__(self, url: str, *, schema: str, sealer: Sealer, size: int = 8) -> None:
        self.schema = schema
        self.sealer = sealer
        self.url = url
        self._pool: AsyncConnectionPool[Link] = AsyncConnectionPool(
            url,
            connection_class=Link,
            kwargs={"autocommit": True, "row_factory": dict_row, **_CONNECT},
            configure=self._configure,
            min_size=1,
            max_size=size,
            timeout=5.0,
            reconnect_timeout=10.0,
            open=False,
            name=schema,
        )

    async def _configure(self, connection: Link) -> None:
        await _prepare(connection, self.schema)

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._pool.close(timeout=5.0)

    @asynccontextmanager
    async def transaction(self, *, last: Callable[[], Sequence[Statement]] = lambda: ()) -> AsyncIterator[Link]:
        """Run one transaction, bounded in time; commit at the end, roll back on any error.

        ``last`` gives what is still to be written when the block is through: it travels together with the commit.

        Raises:
            DependencyUnavailableError: the database is away or does not answer in time. Whether a commit that was under
                way took place is then unknown: what is written must be safe to write again.
        """
        try:
            async with asyncio.timeout(_TRANSACTION_TIMEOUT_S):
                async with self._pool.connection() as connection:
                    with cut_after(connection, _CUT_AFTER_S):
                        async with _committed_with(connection, last):
                            yield connection
        except TimeoutError as error:
            raise DependencyUnavailableError("the database did not answer in time") from error
        except psycopg.Error as error:
            if is_unavailable(error):
                raise DependencyUnavailableError(f"the database is away ({type(error).__name__})") from error
            raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Link]:
        """Lend a connection in autocommit mode, for single statements that read.

        Raises:
            DependencyUnavailableError: as in ``transaction``.
        """
        try:
            async with asyncio.timeout(_TRANSACTION_TIMEOUT_S), self._pool.connection() as connection:
                with cut_after(connection, _CUT_AFTER_S):
                    yield connection
        except TimeoutError as error:
            raise DependencyUnavailableError("the database did not answer in time") from error
        except psycopg.Error as error:
            if is_unavailable(error):
                raise DependencyUnavailableError(f"the database is away ({type(error).__name__})") from error
            raise

    async def now(self) -> datetime:
        """Return the database's own clock: the one that leases and grace periods use."""
        async with self.connection() as connection:
            row = await (await connection.execute("SELECT clock_timestamp() AS now")).fetchone()
        assert row is not None
        now: datetime = row["now"]
        return now


@asynccontextmanager
async def _committed_with(connection: Link, last: Callable[[], Sequence[Statement]]) -> AsyncIterator[None]:
    """Run one transaction, and let its last statements and the commit make one journey."""
    async with contextlib.AsyncExitStack() as stack, connection.transaction_once_needed():
        yield
        if statements := last():
            await stack.enter_async_context(_whole(connection))
            for query, params in statements:
                await connection.execute(query, params)


@asynccontextmanager
async def _whole(connection: Link) -> AsyncIterator[None]:
    """Send what the block executes at once; where a part of it fails, the transaction has failed with it."""
    try:
        async with connection.pipeline():
            yield
    except psycopg.Error:
        with contextlib.suppress(psycopg.Error):
            await connection.rollback()
        raise


LOCK_IN_ORDER = """SELECT pg_advisory_xact_lock(key)
      FROM (SELECT DISTINCT hashtextextended(current_schema() || ':' || name, 0) AS key
              FROM unnest(%(names)s::text[]) AS name ORDER BY key) AS keys"""
"""Locks ``names`` until the transaction ends, always in the same order."""


async def execute_each(connection: Connection, query: str, rows: Sequence[Values]) -> None:
    """Execute one statement for each of several rows, without waiting for each."""
    if isinstance(connection, Link):
        async with connection.pipeline():
            for row in rows:
                await connection.execute(query, row)
    else:
        await asyncio.gather(*(connection.execute(query, row) for row in rows))


async def lock_in_order(connection: Connection, names: list[str]) -> None:
    """Lock names (patients, numbers) until the transaction ends, always in the same order, in one statement."""
    if names:
        await connection.execute(LOCK_IN_ORDER, {"names": names})
