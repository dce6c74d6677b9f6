"""Composition root of followup."""

from pathlib import Path

from services.followup.consumers import handlers, urgent_handlers
from services.followup.context import Context
from services.followup.domain.reading import PromptKind, read_reply
from services.followup.handlers.forget import Forget
from services.followup.handlers.measure_cases import MeasureCases
from services.followup.handlers.page_case import EscalateCases
from services.followup.handlers.run_checkins import RunCheckins
from services.followup.handlers.try_alarm import TryAlarm
from services.followup.settings import FollowupSettings
from services.followup.webhooks import Webhooks
from shared.broker.topology import FOLLOWUP, FOLLOWUP_URGENT
from shared.clinics.roster import has_roster
from shared.postgres.database import Database
from shared.runtime.loop import Loop
from shared.runtime.service import Kit, Parts, Queues, main
from shared.runtime.settings import load_settings
from shared.telemetry.log import log

MIGRATIONS = Path(__file__).parent / "migrations"


async def build(kit: Kit, settings: FollowupSettings) -> Parts:
    """Put followup together: texts and alarms never share a queue or a connection with the rest (S-8)."""
    read_reply("ok", PromptKind.NONE)  # reads the phrases: the first text must not wait for that
    context = Context(kit.clinics, kit.metrics)
    urgent = Database(kit.database.url, schema=kit.name, sealer=kit.database.sealer, size=4)
    await urgent.__aenter__()
    for clinic_id, clinic in kit.clinics.clinics.items():
        if not has_roster(clinic):
            log.warning("no roster: no check-ins at this clinic", clinic_id=clinic_id)
    secret = settings.followup_token.get_secret_value() if settings.followup_token else None
    return Parts(
        queues=[
            Queues([FOLLOWUP_URGENT], urgent_handlers(context), database=urgent, gives_way=False, concurrency=1),
            Queues([FOLLOWUP], handlers(context)),
        ],
        routes=Webhooks(kit.database, kit.clock, secret).routes(),
        loops=[
            Loop("check-ins", RunCheckins(kit.database, kit.clock, context).run_once, every_s=0.2),
            Loop("cases", EscalateCases(urgent, kit.clock, context).run_once, every_s=0.2),
            Loop("test pages", TryAlarm(kit.database, kit.clock, context).run_once, every_s=1.0),
            Loop("retention", Forget(kit.database, kit.clock, kit.clinics.retention).run_once, every_s=3600.0),
            Loop("oldest case", MeasureCases(urgent, kit.clock, context).run_once, every_s=1.0),
        ],
        closing=[urgent.__aexit__],
    )


if __name__ == "__main__":
    main(
        "followup",
        lambda: load_settings(FollowupSettings),
        migrations=MIGRATIONS,
        port=lambda settings: settings.followup_port,
        build=build,
    )
