"""The private servers of this machine. They take seconds: whoever needs them begins them before importing the rest."""

import os
from pathlib import Path

from shared.runtime.local_servers import LocalServers, Say, start_local_servers

ROOT = Path(__file__).resolve().parents[1]


def home_of(root: Path = ROOT) -> Path:
    """Return the folder that holds what a machine needs to run: servers, logs, secrets, addresses."""
    return Path(os.environ.get("AFTERCARE_HOME") or root / ".aftercare")


def begin_private_servers(*, throwaway: bool, say: Say) -> LocalServers | None:
    """Start the servers that the environment does not name; none of them may answer yet.

    Raises:
        ServersUnavailableError: one can be neither found nor unpacked.
    """
    want_broker = not os.environ.get("AFTERCARE_AMQP_URL")
    want_database = not os.environ.get("AFTERCARE_DATABASE_URL")
    if not (want_broker or want_database):
        return None
    say("starting private servers")
    # Servers are unpacked once for everything that runs on this machine.
    return start_local_servers(
        home_of() / "servers",
        want_broker=want_broker,
        want_database=want_database,
        throwaway=throwaway,
        wait=False,
        say=say,
    )
