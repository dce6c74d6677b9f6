"""The environment of followup."""

from pydantic import SecretStr

from shared.runtime.settings import Port, ServiceSettings


class FollowupSettings(ServiceSettings):
    """What followup needs beside every service's settings.

    ``cases_secret`` is shared with the console: without it nobody is shown the words behind a case.
    """

    followup_port: Port = 8083
    cases_secret: SecretStr | None = None
