"""What RabbitMQ's management interface tells of our queues: depth, rates and who reads them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from shared.kernel.errors import DependencyUnavailableError

_TIMEOUT = aiohttp.ClientTimeout(total=4)
_COLUMNS = (
    "name,messages,messages_ready,messages_unacknowledged,consumers,message_stats.publish,message_stats.ack,"
    "message_stats.publish_details.rate,message_stats.ack_details.rate"
)


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue. Rates are messages a second; ``published`` counts all that came in, as far as the broker knows."""

    name: str
    depth: int
    unacknowledged: int
    consumers: int
    published: int
    rate_in: float
    rate_out: float


class Management:
    """Reads the management interface of the virtual host that the AMQP address names."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, amqp_url: str) -> None:
        """``url`` is ``http://user:password@host:15672``; without a user, the one of the AMQP address is taken."""
        address, amqp = URL(url), URL(amqp_url)
        user, password = (address.user, address.password) if address.user else (amqp.user, amqp.password)
        vhost = urlsplit(amqp_url).path.removeprefix("/") or "%2F"
        self._session = session
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user or "", password or "")}
        self._queues = URL(
            f"{address.with_user(None)}".rstrip("/") + f"/api/queues/{quote(vhost, safe='%')}?columns={_COLUMNS}",
            encoded=True,
        )

    async def queues(self) -> dict[str, QueueFigures]:
        """Return every queue by its name.

        Raises:
            DependencyUnavailableError: the interface does not answer, or refuses us.
        """
        try:
            async with self._session.get(self._queues, headers=self._headers, timeout=_TIMEOUT) as answer:
                if answer.status != 200:
                    raise DependencyUnavailableError(f"the broker's management interface answers {answer.status}")
                rows = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DependencyUnavailableError(
                f"the broker's management interface does not answer ({type(error).__name__})"
            ) from None
        return {row["name"]: _figures(row) for row in rows}


def _figures(row: dict[str, Any]) -> QueueFigures:
    stats = row.get("message_stats") or {}
    return QueueFigures(
        name=row["name"],
        depth=row.get("messages") or 0,
        unacknowledged=row.get("messages_unacknowledged") or 0,
        consumers=row.get("consumers") or 0,
        published=stats.get("publish") or 0,
        rate_in=(stats.get("publish_details") or {}).get("rate") or 0.0,
        rate_out=(stats.get("ack_details") or {}).get("rate") or 0.0,
    )
