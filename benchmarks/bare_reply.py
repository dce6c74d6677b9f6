"""The least that a reply takes: a request, one insert, one message: ``python -m benchmarks.bare_reply``.

It checks nothing, reads nothing and answers nobody. Takes the addresses of the database and the broker.
"""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
from aiohttp import web
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from benchmarks.measuring import announce
from shared.messages.checkin import ANSWERED


def application(database_url: str, amqp_url: str) -> web.Application:
    """Return the server."""

    async def opened(_app: web.Application) -> AsyncIterator[None]:
        pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            database_url, min_size=4, max_size=8, open=False, kwargs={"autocommit": True}
        )
        async with pool, await aio_pika.connect(amqp_url) as link:
            async with pool.connection() as connection:
                await connection.execute("CREATE SCHEMA IF NOT EXISTS bare")
                await connection.execute("CREATE TABLE IF NOT EXISTS bare.replies (sid text PRIMARY KEY, text text)")
            exchange = await (await link.channel()).get_exchange("aftercare")

            async def take(request: web.Request) -> web.Response:
                form = await request.post()
                sid, text, phone = (str(form[name]) for name in ("MessageSid", "Body", "From"))
                async with pool.connection() as connection:
                    await connection.execute("INSERT INTO bare.replies VALUES (%s, %s)", (sid, text))
                body = json.dumps({"data": {"patient_ref": phone, "value": text}}).encode()
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await exchange.publish(message, ANSWERED)
                return web.Response(text="<Response/>", content_type="text/xml")

            handler.append(take)
            yield

    handler: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        response: web.Response = await handler[0](request)
        return response

    app = web.Application()
    app.router.add_post("/twilio/inbound", answer)
    app.cleanup_ctx.append(opened)
    return app


if __name__ == "__main__":
    web.run_app(application(*sys.argv[1:3]), host="127.0.0.1", port=0, print=announce, access_log=None)
