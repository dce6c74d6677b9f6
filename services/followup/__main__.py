"""Composition root of followup."""

from pathlib import Path

from services.followup.consumers import handlers
from services.followup.settings import FollowupSettings
from shared.broker.topology import FOLLOWUP, FOLLOWUP_URGENT
from shared.runtime.service import Kit, Parts, Queues, main
from shared.runtime.settings import load_settings

MIGRATIONS = Path(__file__).parent / "migrations"


async def build(_kit: Kit, _settings: FollowupSettings) -> Parts:
    """Put followup together."""
    return Parts(queues=[Queues([FOLLOWUP_URGENT, FOLLOWUP], handlers())])


if __name__ == "__main__":
    main(
        "followup",
        lambda: load_settings(FollowupSettings),
        migrations=MIGRATIONS,
        port=lambda settings: settings.followup_port,
        build=build,
    )
