"""The console's environment."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, model_validator

from services.console.domain.access import Role
from services.console.oidc import Client
from shared.runtime.settings import Port, ServiceSettings

_HTTP = r"^https?://[^\s/]+[^\s]*$"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ConsoleSettings(ServiceSettings):
    """What the console needs beside every service's settings."""

    console_port: Port = 8080
    console_url: Annotated[str, StringConstraints(pattern=_HTTP)] | None = None
    console_framed_by: Annotated[str, StringConstraints(pattern=r"^http://127\.0\.0\.1:[0-9]{1,5}$")] | None = None
    """The one page that may show the console inside itself, on the machine that both are on: the demo's."""
    console_idle_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    management_url: SecretStr | None = None
    followup_url: Annotated[str, StringConstraints(pattern=_HTTP)] | None = None
    followup_token: SecretStr | None = None
    oidc_name: str = "your clinic's account"
    oidc_issuer: Annotated[str, StringConstraints(pattern=_HTTP)] | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_role_claim: str = "groups"
    oidc_roles: str = ""

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.address)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError("AFTERCARE_CONSOLE_URL: needs https; only on this machine itself may it be http")
        if self.console_framed_by and parts.hostname not in _LOOPBACK:
            raise ValueError("AFTERCARE_CONSOLE_FRAMED_BY: only for a console that is on this machine itself")
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise ValueError("AFTERCARE_OIDC_ISSUER and AFTERCARE_OIDC_CLIENT_ID: only one of them is set")
        if self.oidc_issuer and not self.role_of_group:
            raise ValueError(
                "AFTERCARE_OIDC_ROLES: say who may do what, for example clinic-ops=operator,doctors=clinician"
            )
        return self

    @property
    def address(self) -> str:
        """Where people find the console, without a slash at the end."""
        return (self.console_url or f"http://127.0.0.1:{self.console_port}").rstrip("/")

    @property
    def management_address(self) -> str:
        """Where the broker's management interface is: as set, else on the broker's host at its usual port."""
        if self.management_url is not None:
            return self.management_url.get_secret_value()
        return f"http://{urlsplit(self.amqp_url.get_secret_value()).hostname}:15672"

    @property
    def role_of_group(self) -> dict[str, Role]:
        """The role that each group of the identity provider gives."""
        pairs = (pair.partition("=") for pair in self.oidc_roles.split(",") if "=" in pair)
        try:
            return {group.strip(): Role(role.strip()) for group, _, role in pairs}
        except ValueError:
            raise ValueError(f"AFTERCARE_OIDC_ROLES: a role is one of {', '.join(Role)}") from None

    @property
    def oidc_client(self) -> Client | None:
        """Who we are at the clinic's identity provider, where one is set up. It has to know where we are."""
        if self.oidc_issuer is None or self.oidc_client_id is None:
            return None
        return Client(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else None,
            back=f"{self.address}/sign-in/back",
            role_claim=self.oidc_role_claim,
            roles=self.role_of_group,
        )
