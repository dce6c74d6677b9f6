"""A TCP proxy of the tests' own that can stall: it keeps every connection open and answers keepalives, but carries nothing."""

import asyncio
import contextlib
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Carries bytes to a server until it is told to stall or to cut."""

    def __init__(self, url):
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._parts = parts
        self._open = asyncio.Event()
        self._open.set()
        self._tasks = set()
        self._server = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_exc):
        self._server.close()
        await self.cut()

    @property
    def url(self):
        """Return the server's address by way of this proxy."""
        port = self._server.sockets[0].getsockname()[1]
        credentials = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    def stall(self):
        """Carry nothing from now on, in either direction, on old connections and on new ones."""
        self._open.clear()

    def flow(self):
        """Carry again."""
        self._open.set()

    async def cut(self):
        """Close every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        there = None
        try:
            await self._open.wait()
            from_there, there = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, there))
                group.create_task(self._pump(from_there, writer))
        except* (OSError, asyncio.CancelledError, _EndedError):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, there):
                if end is not None:
                    with contextlib.suppress(Exception):
                        end.transport.abort()

    async def _pump(self, reader, writer):
        while data := await reader.read(65536):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        raise _EndedError


class _EndedError(Exception):
    """One side has closed."""
