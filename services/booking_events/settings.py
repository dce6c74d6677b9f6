"""The environment of booking_events."""

from collections.abc import Mapping

from pydantic import SecretStr

from shared.runtime.settings import Port, ServiceSettings


class BookingEventsSettings(ServiceSettings):
    """What booking_events needs beside every service's settings."""

    booking_events_port: Port = 8081
    feed_native_secret: SecretStr | None = None
    feed_calcom_secret: SecretStr | None = None

    @property
    def feed_secrets(self) -> Mapping[str, str]:
        """The secret of each feed that may post bookings."""
        secrets = {"native": self.feed_native_secret, "calcom": self.feed_calcom_secret}
        return {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
