"""The notifier's environment."""

from typing import Annotated, Self

from pydantic import AliasChoices, Field, SecretStr, StringConstraints, field_validator, model_validator

from services.notifier.providers.twilio_sms import Sender
from shared.kernel.contact import EmailAddress, parse_email, parse_phone
from shared.runtime.settings import Port, ServiceSettings

_HTTP = r"^https?://[^\s/]+"


class NotifierSettings(ServiceSettings):
    """What the notifier needs beside every service's settings. The provider's own names carry no prefix."""

    notifier_port: Port = 8082
    public_url: Annotated[str, StringConstraints(pattern=_HTTP)]
    only_to: str | None = None
    sends_per_second: Annotated[float, Field(gt=0, le=10_000)] = 100
    call_slots: Annotated[int, Field(ge=1, le=200)] = 20
    unknown_grace_s: Annotated[float, Field(gt=0, le=3600)] = 90
    unknown_look_gap_s: Annotated[float, Field(gt=0, le=3600)] = 30
    send_lease_s: Annotated[float, Field(ge=1, le=600)] = 30
    read_within_s: Annotated[float, Field(ge=1, le=600)] = 30
    sweep_every_s: Annotated[float, Field(ge=1, le=3600)] = 120
    pause_s: Annotated[float, Field(gt=0, le=600)] = 15
    twilio_account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")] = Field(
        validation_alias=AliasChoices("TWILIO_ACCOUNT_SID")
    )
    twilio_auth_token: SecretStr = Field(validation_alias=AliasChoices("TWILIO_AUTH_TOKEN"))
    twilio_auth_token_secondary: SecretStr | None = Field(
        None, validation_alias=AliasChoices("TWILIO_AUTH_TOKEN_SECONDARY")
    )
    twilio_voice_number: str | None = Field(None, validation_alias=AliasChoices("TWILIO_VOICE_NUMBER"))
    twilio_webhook_shared_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("TWILIO_WEBHOOK_SHARED_KEY")
    )
    twilio_api_key: str | None = Field(None, validation_alias=AliasChoices("TWILIO_API_KEY"))
    twilio_api_secret: SecretStr | None = Field(None, validation_alias=AliasChoices("TWILIO_API_SECRET"))
    twilio_messaging_service_sid: Annotated[str, StringConstraints(pattern=r"^MG[0-9a-fA-F]{32}$")] | None = Field(
        None, validation_alias=AliasChoices("TWILIO_MESSAGING_SERVICE_SID")
    )
    twilio_from_number: str | None = Field(None, validation_alias=AliasChoices("TWILIO_FROM_NUMBER"))
    twilio_api_base_url: Annotated[str, StringConstraints(pattern=_HTTP)] | None = Field(
        None, validation_alias=AliasChoices("TWILIO_API_BASE_URL")
    )

    sendgrid_api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("SENDGRID_API_KEY"))
    sendgrid_from_email: str | None = Field(None, validation_alias=AliasChoices("SENDGRID_FROM_EMAIL"))
    sendgrid_webhook_public_key: str | None = Field(None, validation_alias=AliasChoices("SENDGRID_WEBHOOK_PUBLIC_KEY"))
    sendgrid_api_base_url: Annotated[str, StringConstraints(pattern=_HTTP)] | None = Field(
        None, validation_alias=AliasChoices("SENDGRID_API_BASE_URL")
    )
    email_grace_s: Annotated[float, Field(gt=0, le=86_400)] = 600
    email_event_age_s: Annotated[float, Field(ge=10, le=86_400)] = 300

    @field_validator("sendgrid_from_email")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and parse_email(value) is None:
            raise ValueError("is not an e-mail address such as visits@example.org")
        return parse_email(value)

    @field_validator("only_to")
    @classmethod
    def _names_whom(cls, value: str | None) -> str | None:
        for number, part in enumerate((value or "").split(","), start=1):
            if part.strip() and _address_key(part) is None:
                raise ValueError(f"entry {number} is neither a telephone number nor an e-mail address")
        return value

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if not (self.twilio_messaging_service_sid or self.twilio_from_number):
            raise ValueError("TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM_NUMBER: one of them is needed")
        if self.twilio_from_number and parse_phone(self.twilio_from_number) is None:
            raise ValueError("TWILIO_FROM_NUMBER: is not a telephone number such as +12125550199")
        if self.twilio_voice_number and parse_phone(self.twilio_voice_number) is None:
            raise ValueError("TWILIO_VOICE_NUMBER: is not a telephone number such as +12125550199")
        if bool(self.twilio_api_key) != bool(self.twilio_api_secret):
            raise ValueError("TWILIO_API_KEY and TWILIO_API_SECRET: only one of them is set")
        if (self.sendgrid_from_email or self.sendgrid_webhook_public_key) and not self.sendgrid_api_key:
            raise ValueError("SENDGRID_API_KEY: is not set, but another SENDGRID_ variable is")
        return self

    @property
    def sender(self) -> Sender:
        """Where texts come from, unless a clinic has a number of its own."""
        return Sender(self.twilio_messaging_service_sid, self.twilio_from_number)

    @property
    def credentials(self) -> tuple[str, str]:
        """What requests are authorised with: an API key if there is one, else the account's token."""
        if self.twilio_api_key and self.twilio_api_secret:
            return self.twilio_api_key, self.twilio_api_secret.get_secret_value()
        return self.twilio_account_sid, self.twilio_auth_token.get_secret_value()

    @property
    def signing_tokens(self) -> list[str]:
        """The secrets that a webhook may be signed with: two tokens while one is rotated, and a shared key."""
        tokens = (self.twilio_auth_token, self.twilio_auth_token_secondary, self.twilio_webhook_shared_key)
        return [token.get_secret_value() for token in tokens if token is not None]

    @property
    def allowed_addresses(self) -> frozenset[str] | None:
        """The only numbers and mailboxes that anything leaves for, where the staging guard is set."""
        if self.only_to is None:
            return None
        keys = (_address_key(part) for part in self.only_to.split(","))
        return frozenset(key for key in keys if key is not None)

    @property
    def event_keys(self) -> list[str]:
        """The public keys that e-mail events may be signed with: two, set apart by a comma, while one is replaced."""
        return [key.strip() for key in (self.sendgrid_webhook_public_key or "").split(",") if key.strip()]


def _address_key(text: str) -> str | None:
    """Return what a number or an e-mail address is looked up by; None when it is neither."""
    address = parse_email(text)
    if address is not None:
        return EmailAddress(address).key
    number = parse_phone(text.strip())
    return number.key if number is not None else None
