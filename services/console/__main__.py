"""Composition root of the console."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp

from services.console.context import Context, house_zone
from services.console.handlers.keep_letter import keep_letter
from services.console.handlers.measure import Measure
from services.console.handlers.retention import Retention
from services.console.handlers.send_back import SendBack
from services.console.oidc import IdentityProvider
from services.console.routes import routes
from services.console.settings import ConsoleSettings
from services.console.static import Assets
from services.console.templates import Pages
from services.console.written_words import WrittenWords
from shared.broker.dead_letters import DeadLetterTaker
from shared.broker.management import Management
from shared.broker.publisher import Publisher
from shared.runtime.loop import Loop
from shared.runtime.service import Kit, Parts, main
from shared.runtime.settings import load_settings

MIGRATIONS = Path(__file__).parent / "migrations"


async def build(kit: Kit, settings: ConsoleSettings) -> Parts:
    """Put the console together."""
    session = aiohttp.ClientSession()
    amqp_url = settings.amqp_url.get_secret_value()
    assets = Assets()
    context = Context(
        database=kit.database,
        clock=kit.clock,
        clinics=kit.clinics,
        pages=Pages(zone=house_zone(kit.clinics), asset=assets.address),
        address=settings.address,
        oidc_name=settings.oidc_name if settings.oidc_issuer else None,
        framed_by=settings.console_framed_by,
        idle=timedelta(minutes=settings.console_idle_minutes),
    )
    management = Management(session, settings.management_address, amqp_url=amqp_url)
    secret = settings.followup_token.get_secret_value() if settings.followup_token else None
    provider = IdentityProvider(session, settings.oidc_client) if settings.oidc_client else None
    words = WrittenWords(session, settings.followup_url, secret)
    taker = DeadLetterTaker(amqp_url, partial(keep_letter, kit.database))
    publisher = Publisher(amqp_url, name="console replay")
    sender = SendBack(kit.database, publisher)
    loops = [
        Loop("dead letters", taker.run_once, every_s=1.0),
        Loop("replay", sender.run_once, every_s=5.0, wake=context.replay_wake),
        Loop("figures", Measure(context, management, kit.metrics).run_once, every_s=2.0),
        Loop("retention", Retention(kit.database, kit.clinics.retention).run_once, every_s=3600.0),
    ]
    return Parts(
        routes=routes(context, assets, words, provider),
        loops=loops,
        closing=[taker.close, publisher.close, session.close],
    )


if __name__ == "__main__":
    main(
        "console",
        lambda: load_settings(ConsoleSettings),
        migrations=MIGRATIONS,
        port=lambda settings: settings.console_port,
        build=build,
    )
