"""Settings come from the environment, once, at start; each secret may come from a file instead."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared.kernel.errors import ConfigurationError
from shared.telemetry import tracing

Port = Annotated[int, Field(ge=0, le=65535)]
S = TypeVar("S", bound=BaseSettings)


class _EnvironmentWithFiles(EnvSettingsSource):
    """The environment, where ``NAME_FILE`` stands for the content of a file."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return resolve_files({name: value for name, value in os.environ.items() if value})


def resolve_files(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return lower-cased variables with every ``…_FILE`` of ours replaced by what it holds.

    Raises:
        ConfigurationError: a file cannot be read, or everybody on the machine may read it.
    """
    resolved: dict[str, str | None] = {name.lower(): value for name, value in environment.items()}
    for name, value in environment.items():
        if name.endswith("_FILE") and name.startswith(("AFTERCARE_", "TWILIO_", "SENDGRID_")):
            resolved[name.removesuffix("_FILE").lower()] = _read_secret(name, Path(value))
    return resolved


def _read_secret(name: str, path: Path) -> str:
    try:
        if path.stat().st_mode & stat.S_IROTH:
            raise ConfigurationError(f"{name}: the file may be read by everybody on this machine; set its mode to 0400")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name}: the file cannot be read ({type(error).__name__})") from None


class ServiceSettings(BaseSettings):
    """What every service needs. Field names carry the prefix ``AFTERCARE_`` unless an alias says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="AFTERCARE_", extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True
    )

    amqp_url: SecretStr
    database_url: SecretStr
    config: Path
    sealing_keys: SecretStr
    host: str = "127.0.0.1"
    clock: Literal["system", "demo"] = "system"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: str | None = Field(None, validation_alias=AliasChoices(tracing.ENDPOINT), pattern=r"^https?://\S+$")

    @field_validator("amqp_url", "database_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        scheme = "amqps?" if info.field_name == "amqp_url" else "postgres(ql)?"
        if not re.match(rf"{scheme}://[^\s]+", value.get_secret_value()):
            example = (
                "amqp://user:password@host/"
                if info.field_name == "amqp_url"
                else "postgresql://user:password@host/name"
            )
            raise ValueError(f"is not an address such as {example}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment; no dotenv file is ever picked up by accident."""
        _ = env_settings, dotenv_settings, file_secret_settings
        return init_settings, _EnvironmentWithFiles(settings_cls)


def load_settings(model: type[S], **given: Any) -> S:
    """Read a settings model.

    Raises:
        ConfigurationError: one line per variable, naming it and what was expected, never its value.
    """
    try:
        return model(**given)
    except ValidationError as error:
        lines = []
        for mistake in error.errors(include_input=False, include_url=False):
            name = str(mistake["loc"][0]) if mistake["loc"] else "settings"
            variable = _variable(model, name)
            what = "is not set" if mistake["type"] == "missing" else mistake["msg"].removeprefix("Value error, ")
            lines.append(f"{variable}: {what}")
        raise ConfigurationError("\n".join(lines)) from None


def _variable(model: type[BaseSettings], name: str) -> str:
    if name not in model.model_fields:
        return name.upper()
    alias = model.model_fields[name].validation_alias
    return str(alias).upper() if alias else f"{model.model_config.get('env_prefix', '')}{name}".upper()
