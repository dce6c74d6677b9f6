"""Webhooks to the product: Twilio's signed forms, repeated as the address's fragment asks, and SendGrid's batches."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from sandbox.ledger import Ledger
from sandbox.settings import SandboxSettings
from sandbox.signature import MailSigner, sign

_ALL_TOGETHER_S = 15.0
_MAIL_TIMEOUT_S = 10.0
_MAIL_LONGEST_GAP_S = 60.0


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
        return min(float(text), most) if text.isascii() and text.isdigit() else default

    return Overrides(
        retries=int(number("rc", 1, 5)),
        policy=frozenset(given.get("rp", "ct").split(",")),
        connect_s=number("ct", 5000, 10_000) / 1000,
        read_s=number("rt", 15_000, 15_000) / 1000,
    )


class TwilioWebhooks:
    """Sends signed forms, fifteen seconds at most, and writes down what came of each attempt."""

    def __init__(self, session: aiohttp.ClientSession, settings: SandboxSettings, ledger: Ledger) -> None:
        self._session = session
        self._settings = settings
        self._ledger = ledger

    async def send(
        self, kind: str, url: str, form: Mapping[str, str], *, method: str = "POST", **facts: Any
    ) -> str | None:
        """Send until it is taken or the retries are used up; return the answer's text, or None.

        Args:
            kind: what the ledger calls it.
            url: where to, with the overrides in its fragment.
            form: posted, or added to the address where the method is GET.
            method: POST or GET.
            facts: written into the ledger beside the answer.
        """
        overrides = overrides_of(url)
        target = url.partition("#")[0]
        if method == "GET":
            target += ("&" if "?" in target else "?") + urlencode(form)
            form = {}
        headers = self._signed(target, form)
        try:
            async with asyncio.timeout(_ALL_TOGETHER_S):
                for attempt in range(overrides.retries + 1):
                    failure, text = await self._once(method, target, form, headers, overrides)
                    self._ledger.add(kind, **facts, answer=failure or "taken")
                    if failure is None:
                        return text
                    if not overrides.policy & {failure, "all"}:
                        return None
                    await asyncio.sleep(min(self._settings.step_s * 2 ** (attempt + 1), 2))
        except TimeoutError:
            self._ledger.add(kind, **facts, answer="gave up")
        return None

    def _signed(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        headers = {"I-Twilio-Idempotency-Token": secrets.token_hex(16)}
        if self._settings.shared_key is None:
            return headers | {"X-Twilio-Signature": sign(self._settings.auth_token, url, form)}
        name, secret = self._settings.shared_key
        return headers | {
            "X-Twilio-Signature": sign(secret, url, form, algorithm="sha256"),
            "X-Twilio-Webhooks-Signature-Settings": f"key={name},algorithm=HMAC_SHA256",
        }

    async def _once(
        self, method: str, url: str, form: Mapping[str, str], headers: Mapping[str, str], overrides: Overrides
    ) -> tuple[str | None, str]:
        timeout = aiohttp.ClientTimeout(total=overrides.read_s, connect=overrides.connect_s)
        data = form or None
        try:
            async with self._session.request(method, url, data=data, headers=headers, timeout=timeout) as response:
                text = await response.text()
                if response.status < 400:
                    return None, text
                return ("4xx" if response.status < 500 else "5xx"), text
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return "ct", ""
        except (aiohttp.ClientError, TimeoutError):
            return "rt", ""


class MailWebhook:
    """Posts batches of mail events, signed, and repeats a batch until it is taken."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str | None, signer: MailSigner, ledger: Ledger, *, first_gap_s: float
    ) -> None:
        self._session = session
        self._url = url
        self._signer = signer
        self._ledger = ledger
        self._first_gap_s = first_gap_s

    async def post(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Post one batch; anything but a 2xx is tried again, with a growing gap, as long as the sandbox runs."""
        if self._url is None:
            return
        body = json.dumps(list(events)).encode()
        ids = [event["sg_event_id"] for event in events]
        gap = self._first_gap_s
        while True:
            answer = await self._once(body)
            self._ledger.add("mail_webhook", events=ids, answer=answer)
            if answer == "taken":
                return
            await asyncio.sleep(gap)
            gap = min(gap * 2, _MAIL_LONGEST_GAP_S)

    async def click_unsubscribe(self, url: str) -> int | None:
        """Unsubscribe with one click, as a mailbox provider does it; return the status, None when not reached."""
        timeout = aiohttp.ClientTimeout(total=_MAIL_TIMEOUT_S)
        form = {"List-Unsubscribe": "One-Click"}
        try:
            async with self._session.post(url, data=form, timeout=timeout, allow_redirects=False) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _once(self, body: bytes) -> str:
        assert self._url is not None
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "SendGrid Event API",
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "X-Twilio-Email-Event-Webhook-Signature": self._signer.sign(timestamp, body),
        }
        timeout = aiohttp.ClientTimeout(total=_MAIL_TIMEOUT_S)
        try:
            async with self._session.post(self._url, data=body, headers=headers, timeout=timeout) as response:
                await response.read()
                return "taken" if response.ok else str(response.status)
        except (aiohttp.ClientError, TimeoutError):
            return "not reached"
