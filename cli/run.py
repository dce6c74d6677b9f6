"""``aftercare up`` and ``aftercare demo``: everything on this machine, in the foreground."""

import asyncio
import contextlib
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from cli.people import sign_in_link
from cli.private_servers import home_of
from cli.reception import open_demo_reception, open_reception
from cli.reception_routes import serving_reception
from cli.stack import Stack, start_stack
from cli.stage import UnfinishedError
from cli.story import Ending, StoryError, story_start, storyteller
from cli.terminal import Interruption, interruption, say
from cli.window import show
from services.console.domain.access import Role, Visitor
from shared.kernel.backoff import exponential
from shared.kernel.errors import ConfigurationError
from shared.postgres.demo_clock import set_demo_clock
from shared.runtime.local_servers import LocalServers, Say
from shared.runtime.settings import load_settings

_STAYS_UP_S = 60.0
_LOOK_EVERY_S = 0.5


def up(*, sandbox: bool) -> int:
    """Run in real time until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: without the sandbox, and without what it takes to send real texts.
    """
    if not sandbox:
        _require_a_real_provider()
    with interruption() as taken:
        stack = start_stack(home_of(), sandbox=sandbox, say=say)
        taken.everything_runs = True
        try:
            asyncio.run(_stay(stack, taken.asked))
        finally:
            say("draining")
            stack.stop()
            say("stopped")
    return 0


def demo(servers: LocalServers | None, taken: Interruption, *, once: bool) -> int:
    """Tell the story on an accelerated clock; then stay up to be played with, unless ``once``.

    Returns 1 if the story went wrong.
    """
    home = home_of() / "demo"
    begin = story_start(datetime.now(UTC))
    stack = start_demo(home, begin, servers=servers, say=say)
    try:
        say("everything is up; the story begins")
        ending = asyncio.run(_tell(stack, begin))
        if once:
            if servers is not None:
                stack.kill()
            return 0
        taken.everything_runs = True
        asyncio.run(_play(stack, ending, taken.asked))
    except (StoryError, UnfinishedError) as error:
        sys.stderr.write(f"\nThe story went wrong: {error}\nLogs: {home / 'logs'}\n")
        return 1
    finally:
        stack.stop()
    return 0


def start_demo(
    home: Path, begin: datetime, *, servers: LocalServers | None = None, say: Say = lambda _line: None
) -> Stack:
    """Start everything for the story, its clock standing at ``begin``; nothing of it is kept."""
    return start_stack(
        home,
        sandbox=True,
        clock="demo",
        throwaway=True,
        servers=servers,
        say=say,
        before_services=lambda url: asyncio.run(set_demo_clock(url, begin)),
        extra={"SANDBOX_STEP_MS": "2", "SANDBOX_LEDGER": ""},
        side_by_side=True,
    )


async def _tell(stack: Stack, begin: datetime) -> Ending:
    sys.stdout.write("\n")
    started = time.monotonic()
    async with storyteller(stack, _line, begin) as story:
        ending = await story.run()
        days = (ending.now - begin).days
        took = time.monotonic() - started
        _line(f"\n  {story.texts} texts in {days} days, all delivered, told in {took:.0f} s. All went right.\n")
        return ending


async def _play(stack: Stack, ending: Ending, interrupted: threading.Event) -> None:
    """Let visitors book and turn the clock, which goes on at its real pace otherwise."""
    async with open_demo_reception(stack, ending) as reception, serving_reception(stack.environment, reception):
        await _print_addresses(stack)
        await _print_play(stack)
        while not interrupted.is_set():
            await reception.run_on()
            await asyncio.sleep(_LOOK_EVERY_S)


async def _stay(stack: Stack, interrupted: threading.Event) -> None:
    async with contextlib.AsyncExitStack() as opened:
        if "sandbox" in stack.addresses:
            reception = await opened.enter_async_context(open_reception(stack))
            await opened.enter_async_context(serving_reception(stack.environment, reception))
        await _print_addresses(stack)
        await _watch(stack, interrupted)


async def _watch(stack: Stack, interrupted: threading.Event) -> None:
    """Stay until interrupted; start again what ends, with growing pauses while it does not stay up."""
    failures: dict[str, int] = {}
    start_at: dict[str, float] = {}
    while not interrupted.is_set():
        await asyncio.sleep(_LOOK_EVERY_S)
        for name, process in stack.processes.items():
            now = time.monotonic()
            if process.child is None or process.child.poll() is None:
                continue
            if name not in start_at:
                failures[name] = 1 if now - process.started_at > _STAYS_UP_S else failures.get(name, 0) + 1
                pause = exponential(failures[name], first=0.5, cap=30.0)
                start_at[name] = now + pause
                say(f"{name} ended with status {process.child.returncode}: see {process.log}; starting it again")
            elif now >= start_at[name]:
                del start_at[name]
                process.start()


async def _print_addresses(stack: Stack) -> None:
    broker = stack.environment["AFTERCARE_AMQP_URL"]
    management = stack.servers.addresses.management_url if stack.servers and stack.servers.broker else None
    lines = [
        "",
        *(f"  {name:<15} {address}" for name, address in stack.addresses.items()),
        f"  {'broker':<15} {broker}",
    ]
    if management:
        lines.append(f"  {'broker page':<15} {management}")
    lines += [
        f"  {'database':<15} {stack.environment['AFTERCARE_DATABASE_URL']}",
        f"  {'logs':<15} {stack.home / 'logs'}",
        "",
        "Phones to look at and to reply from, and a reception to book at: the sandbox's address in a browser."
        if "sandbox" in stack.addresses
        else "",
        "Publish a booking by hand:",
        "  ./aftercare publish booking.created.v1 docs/examples/booking.json",
    ]
    if management:
        lines += [
            "or from any language that speaks AMQP or HTTP, for example:",
            f"  curl -s {management}/api/exchanges/%2F/aftercare/publish -H 'content-type: application/json' \\",
            '    -d "$(./aftercare publish booking.created.v1 docs/examples/booking.json --as-http)"',
        ]
    database, console = stack.environment["AFTERCARE_DATABASE_URL"], stack.addresses["console"]
    lines.append("The console, by links that let you in once (`./aftercare sign-in` makes more):")
    for visitor in (Visitor("you", Role.ADMIN), Visitor("dr.you", Role.CLINICIAN)):
        lines.append(f"  as {visitor.role:<10} {await sign_in_link(database, console, visitor)}")
    lines.append("")
    lines += ["Why did, or didn't, she get it?  ./aftercare why bk_1001", "", "Ctrl-C stops everything."]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


async def _print_play(stack: Stack) -> None:
    """Say where the phones and the console stand side by side, and open it for whoever sits at a desktop."""
    link = await sign_in_link(
        stack.environment["AFTERCARE_DATABASE_URL"], stack.addresses["console"], Visitor("you", Role.ADMIN)
    )
    play = f"{stack.addresses['sandbox']}/side-by-side#sign-in={link.rpartition('/')[2]}"
    _line(
        f"\nNow play the patient: book, let the time pass, answer on the phone, and see the queues move.\n\n  {play}\n"
    )
    await asyncio.to_thread(show, play)


def _require_a_real_provider() -> None:
    """Refuse before anything starts: real texts need a real account, a public address and the clinic's own file."""
    from services.notifier.settings import NotifierSettings

    elsewhere = {"amqp_url": "amqp://given.later/", "database_url": "postgresql://given.later/", "sealing_keys": "-"}
    try:
        load_settings(NotifierSettings, **elsewhere)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"Without the sandbox real texts leave; these settings are needed first:\n{error}"
        ) from None


def _line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
