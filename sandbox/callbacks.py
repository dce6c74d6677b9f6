"""Webhooks: signed forms, repeated as the address's fragment asks, fifteen seconds at most."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp

from sandbox.ledger import Ledger
from sandbox.signature import sign

_ALL_TOGETHER_S = 15.0


@dataclass(frozen=True, slots=True)
class Overrides:
    """How a webhook is repeated: by default once, and only when no connection came about."""

    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})
    connect_s: float = 5.0
    read_s: float = 15.0


def overrides_of(url: str) -> Overrides:
    """Read ``#rc=…&rp=…&ct=…&rt=…`` from an address."""
    given = {name: values[-1] for name, values in parse_qs(urlsplit(url).fragment).items()}

    def number(name: str, default: float, most: float) -> float:
        text = given.get(name, "")
        return min(float(text), most) if text.isdigit() else default

    return Overrides(
        retries=int(number("rc", 1, 5)),
        policy=frozenset(given.get("rp", "ct").split(",")),
        connect_s=number("ct", 5000, 10_000) / 1000,
        read_s=number("rt", 15_000, 15_000) / 1000,
    )


class Webhooks:
    """Posts forms and writes down what came of it."""

    def __init__(self, session: aiohttp.ClientSession, token: str, ledger: Ledger) -> None:
        self._session = session
        self._token = token
        self._ledger = ledger

    async def post(self, kind: str, url: str, form: Mapping[str, str]) -> str | None:
        """Post until it is taken or the retries are used up; return the answer's text, or None."""
        overrides = overrides_of(url)
        headers = {"X-Twilio-Signature": sign(self._token, url, form), "I-Twilio-Idempotency-Token": form["MessageSid"]}
        target = url.partition("#")[0]
        try:
            async with asyncio.timeout(_ALL_TOGETHER_S):
                for attempt in range(overrides.retries + 1):
                    failure, text = await self._once(target, form, headers, overrides)
                    self._ledger.add(kind, sid=form["MessageSid"], status=form["SmsStatus"], answer=failure or "taken")
                    if failure is None:
                        return text
                    if not overrides.policy & {failure, "all"}:
                        return None
                    await asyncio.sleep(min(0.1 * 2**attempt, 2))
        except TimeoutError:
            self._ledger.add(kind, sid=form["MessageSid"], status=form["SmsStatus"], answer="gave up")
        return None

    async def _once(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], overrides: Overrides
    ) -> tuple[str | None, str]:
        timeout = aiohttp.ClientTimeout(total=overrides.read_s, connect=overrides.connect_s)
        try:
            async with self._session.post(url, data=form, headers=headers, timeout=timeout) as response:
                text = await response.text()
                if response.status < 400:
                    return None, text
                return ("4xx" if response.status < 500 else "5xx"), text
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return "ct", ""
        except (aiohttp.ClientError, TimeoutError):
            return "rt", ""
