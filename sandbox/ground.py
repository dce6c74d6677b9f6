"""What every resource of the sandbox stands on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from sandbox.callbacks import MailWebhook, TwilioWebhooks
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.settings import SandboxSettings


@dataclass(slots=True)
class Ground:
    """Settings, ledger, faults, ways out, and the work that goes on after an answer."""

    settings: SandboxSettings
    ledger: Ledger
    faults: Faults
    webhooks: TwilioWebhooks
    mail_webhook: MailWebhook
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let work go on in the background, until ``close`` at the latest."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Stop everything that is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.ledger.close()
