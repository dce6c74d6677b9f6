"""The way from the command line to the sandbox's own routes."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen


@dataclass(frozen=True, slots=True)
class SandboxLine:
    """Speaks JSON with the sandbox at ``address``."""

    address: str

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a wish; return the answer, empty where there is none."""
        answer = await asyncio.to_thread(_request, self.address + path, json.dumps(body).encode())
        content: dict[str, Any] = json.loads(answer or b"{}")
        return content

    async def entries(self, after: int) -> list[dict[str, Any]]:
        """Return the ledger after a running number."""
        answer = json.loads(await asyncio.to_thread(_request, f"{self.address}/sandbox/ledger?after={after}", None))
        entries: list[dict[str, Any]] = answer["entries"]
        return entries


def _request(url: str, body: bytes | None) -> bytes:
    request = Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - our own address
    with urlopen(request, timeout=5) as answer:  # noqa: S310 - our own address
        content: bytes = answer.read()
        return content
