"""The sandbox's environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.signature import MailSigner


class SettingsError(Exception):
    """The sandbox cannot start as configured; names the variable."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves. ``port`` 0 takes any free port."""

    account_sid: str
    auth_token: str
    host: str = "127.0.0.1"
    port: int = 8090
    open_to_all: bool = False
    """Whether other machines may use the page and the admin routes: in a container the host is one."""
    api_key: str | None = None
    api_secret: str | None = None
    shared_key: tuple[str, str] | None = None
    """Name and secret of the key that webhooks are signed with instead of the token."""
    inbound_url: str | None = None
    inbound_fallback_url: str | None = None
    """Where inbound texts go when the first address did not take them."""
    from_numbers: frozenset[str] = frozenset()
    sendgrid_api_key: str | None = None
    mail_senders: frozenset[str] = frozenset()
    """Addresses that may send mail; empty: any."""
    mail_events_url: str | None = None
    mail_signer: MailSigner = field(default_factory=MailSigner)
    ledger: Path | None = None
    opt_out_filter: bool = False
    reception_url: str | None = None
    """Where the clinic's reception is, which books and turns the clock for the page; none: the page cannot."""
    reception_token: str = ""
    console_url: str | None = None
    """Where the product's console is, for the page that shows it beside the phones."""
    step_s: float = 0.05
    """How long each step of a delivery takes, and how long a letter takes to say."""

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
    return SandboxSettings(
        account_sid=sid,
        auth_token=environment["TWILIO_AUTH_TOKEN"],
        host=environment.get("SANDBOX_HOST", "127.0.0.1"),
        port=_whole("SANDBOX_PORT", environment.get("SANDBOX_PORT", "8090")),
        open_to_all=environment.get("SANDBOX_OPEN", "off") == "on",
        api_key=environment.get("TWILIO_API_KEY"),
        api_secret=environment.get("TWILIO_API_SECRET"),
        shared_key=_shared_key(environment.get("SANDBOX_SHARED_KEY")),
        inbound_url=environment.get("SANDBOX_INBOUND_URL"),
        inbound_fallback_url=environment.get("SANDBOX_INBOUND_FALLBACK_URL"),
        from_numbers=_listed(environment.get("SANDBOX_FROM_NUMBERS", "")),
        sendgrid_api_key=environment.get("SENDGRID_API_KEY"),
        mail_senders=_listed(environment.get("SANDBOX_MAIL_SENDERS", "")),
        mail_events_url=environment.get("SANDBOX_MAIL_EVENTS_URL"),
        mail_signer=_mail_signer(environment.get("SANDBOX_MAIL_SIGNING_KEY")),
        ledger=Path(ledger) if ledger else None,
        opt_out_filter=environment.get("SANDBOX_OPT_OUT_FILTER", "off") == "on",
        reception_url=_own_machine(environment, "SANDBOX_RECEPTION_URL"),
        reception_token=environment.get("SANDBOX_RECEPTION_TOKEN", ""),
        console_url=_own_machine(environment, "SANDBOX_CONSOLE_URL"),
        step_s=_whole("SANDBOX_STEP_MS", environment.get("SANDBOX_STEP_MS", "50")) / 1000,
    )


def _listed(text: str) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in text.split(","))))


def _own_machine(environment: Mapping[str, str], name: str) -> str | None:
    url = environment.get(name) or None
    if url is not None and not re.fullmatch(r"http://127\.0\.0\.1:[0-9]{1,5}", url):
        raise SettingsError(f"{name}: an address on this machine, such as http://127.0.0.1:8080")
    return url


def _shared_key(text: str | None) -> tuple[str, str] | None:
    if not text:
        return None
    name, colon, secret = text.partition(":")
    if not (name and colon and secret):
        raise SettingsError("SANDBOX_SHARED_KEY: not name:secret")
    return name, secret


def _mail_signer(key: str | None) -> MailSigner:
    try:
        return MailSigner(key or None)
    except ValueError:
        raise SettingsError("SANDBOX_MAIL_SIGNING_KEY: not a P-256 private key as base64 of PKCS #8 DER") from None


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"{name}: not a whole number")
    return int(text)
