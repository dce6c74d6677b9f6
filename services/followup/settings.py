"""The environment of followup."""

from shared.runtime.settings import Port, ServiceSettings


class FollowupSettings(ServiceSettings):
    """What followup needs beside every service's settings."""

    followup_port: Port = 8083
