"""Where the running system is: what the environment says, else what ``aftercare up`` or ``demo`` wrote down."""

import os
from collections.abc import Mapping

from cli.private_servers import home_of
from cli.stack import PID
from shared.kernel.errors import ConfigurationError


def running_system() -> Mapping[str, str]:
    """Return the addresses of the running system.

    Raises:
        ConfigurationError: neither the environment nor a running system names them.
    """
    for folder in (home_of(), home_of() / "demo"):
        path = folder / "env"
        if path.exists():
            pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
            written = {name: value for name, _, value in pairs}
            if _is_alive(written.get(PID, "")):
                return {**written, **_own()}
    return _own()


def _is_alive(pid: str) -> bool:
    """Return whether the process that wrote the addresses down still runs: one that was killed left them behind."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ValueError, OSError):
        return False
    return True


def _own() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AFTERCARE_") and value}


def needed(system: Mapping[str, str], name: str) -> str:
    """Return one address.

    Raises:
        ConfigurationError: it is not known.
    """
    if name not in system:
        raise ConfigurationError(f"{name} is not set, and nothing is running here: start `./aftercare up`, or set it")
    return system[name]
