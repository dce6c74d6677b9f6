"""The sandbox's environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """The sandbox cannot start as configured; names the variable."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves. ``port`` 0 takes any free port."""

    account_sid: str
    auth_token: str
    host: str = "127.0.0.1"
    port: int = 8090
    api_key: str | None = None
    api_secret: str | None = None
    inbound_url: str | None = None
    from_numbers: frozenset[str] = frozenset()
    ledger: Path | None = None
    opt_out_filter: bool = False
    step_s: float = 0.05

    def accepts(self, user: str, password: str) -> bool:
        """Return whether basic credentials are the account's, or its API key's."""
        pairs = [(self.account_sid, self.auth_token)]
        if self.api_key and self.api_secret:
            pairs.append((self.api_key, self.api_secret))
        return (user, password) in pairs


def read_settings(environment: Mapping[str, str] = os.environ) -> SandboxSettings:
    """Read the environment.

    Raises:
        SettingsError: a variable is missing or cannot be used.
    """
    sid = environment.get("TWILIO_ACCOUNT_SID", "")
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", sid):
        raise SettingsError("TWILIO_ACCOUNT_SID: needed, AC and 32 hexadecimal digits")
    if not environment.get("TWILIO_AUTH_TOKEN"):
        raise SettingsError("TWILIO_AUTH_TOKEN: needed, and there is no default")
    ledger = environment.get("SANDBOX_LEDGER")
    numbers = environment.get("SANDBOX_FROM_NUMBERS", "")
    return SandboxSettings(
        account_sid=sid,
        auth_token=environment["TWILIO_AUTH_TOKEN"],
        host=environment.get("SANDBOX_HOST", "127.0.0.1"),
        port=_whole("SANDBOX_PORT", environment.get("SANDBOX_PORT", "8090")),
        api_key=environment.get("TWILIO_API_KEY"),
        api_secret=environment.get("TWILIO_API_SECRET"),
        inbound_url=environment.get("SANDBOX_INBOUND_URL"),
        from_numbers=frozenset(filter(None, (number.strip() for number in numbers.split(",")))),
        ledger=Path(ledger) if ledger else None,
        opt_out_filter=environment.get("SANDBOX_OPT_OUT_FILTER", "off") == "on",
        step_s=_whole("SANDBOX_STEP_MS", environment.get("SANDBOX_STEP_MS", "50")) / 1000,
    )


def _whole(name: str, text: str) -> int:
    if not text.isdigit():
        raise SettingsError(f"{name}: not a whole number")
    return int(text)
