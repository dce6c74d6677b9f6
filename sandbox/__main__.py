"""Runs the sandbox until SIGTERM or SIGINT."""

import asyncio
import signal
import sys

from sandbox.server import running_sandbox
from sandbox.settings import SandboxSettings, SettingsError, read_settings


async def run(settings: SandboxSettings) -> None:
    """Run, and say where once it is ready."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with running_sandbox(settings) as sandbox:
        sys.stdout.write(f"sandbox: {sandbox.base_url}\n")
        sys.stdout.flush()
        await stopping.wait()


if __name__ == "__main__":
    try:
        chosen = read_settings()
    except SettingsError as error:
        sys.exit(f"sandbox cannot start: {error}")
    asyncio.run(run(chosen))
