"""The environment of followup."""

from pydantic import SecretStr

from shared.runtime.settings import Port, ServiceSettings


class FollowupSettings(ServiceSettings):
    """What followup needs beside every service's settings.

    ``followup_token`` is the secret that the console signs its tokens with: without it nobody sees the words behind a
    case or a task.
    """

    followup_port: Port = 8083
    followup_token: SecretStr | None = None
