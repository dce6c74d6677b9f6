"""Composition root of the notifier."""

import asyncio
from datetime import timedelta
from pathlib import Path

import aiohttp

from services.notifier.consumers import handlers
from services.notifier.context import Context, Timing
from services.notifier.domain.lane import LANES
from services.notifier.email_webhooks import EmailWebhooks
from services.notifier.handlers.chase_receipts import ChaseReceipts
from services.notifier.handlers.keep_figures import KeepFigures
from services.notifier.handlers.recall_sent import RecallSent
from services.notifier.handlers.send_due import SendDue, drain
from services.notifier.handlers.settle_unknown import SettleUnknown
from services.notifier.handlers.sweep_inbound import SweepInbound
from services.notifier.handlers.watch_readers import WatchReaders
from services.notifier.providers.http_answers import TIMEOUT_S
from services.notifier.providers.sendgrid_email import SendGridEmail
from services.notifier.providers.sendgrid_signature import EventSignature
from services.notifier.providers.twilio_http import TwilioHttp
from services.notifier.providers.twilio_signature import SignatureCheck
from services.notifier.providers.twilio_sms import TwilioSms, build_client
from services.notifier.providers.twilio_voice import TwilioVoice
from services.notifier.settings import NotifierSettings
from services.notifier.store import plans
from services.notifier.templates import TemplateCatalogue, catalogues_of
from services.notifier.webhooks import Webhooks
from shared.broker.topology import NOTIFIER, NOTIFIER_URGENT
from shared.messages.base import Channel
from shared.runtime.loop import Loop
from shared.runtime.service import Kit, Parts, Queues, main
from shared.runtime.settings import load_settings
from shared.telemetry.log import log

_RECENT, _RECONCILED = timedelta(minutes=30), timedelta(hours=26)
MIGRATIONS = Path(__file__).parent / "migrations"


async def build(kit: Kit, settings: NotifierSettings) -> Parts:
    """Put the notifier together."""
    session = aiohttp.ClientSession()
    http = TwilioHttp(session, timeout_s=TIMEOUT_S, base_url=settings.twilio_api_base_url)
    user, password = settings.credentials
    client = build_client(http, account_sid=settings.twilio_account_sid, username=user, password=password)
    context = Context(
        clinics=kit.clinics,
        catalogue=TemplateCatalogue(),
        catalogues=catalogues_of(kit.clinics),
        provider=TwilioSms(client, public_url=settings.public_url),
        default_sender=settings.sender,
        metrics=kit.metrics,
        timing=Timing(
            lease=timedelta(seconds=settings.send_lease_s),
            grace=timedelta(seconds=settings.unknown_grace_s),
            look_gap=timedelta(seconds=settings.unknown_look_gap_s),
            pause=timedelta(seconds=settings.pause_s),
            read_within=timedelta(seconds=settings.read_within_s),
            email_grace=timedelta(seconds=settings.email_grace_s),
        ),
        voice=TwilioVoice(client, public_url=settings.public_url),
        voice_number=settings.twilio_voice_number,
        email=_email(session, settings),
        email_from=settings.sendgrid_from_email,
        public_url=settings.public_url,
        only_to=settings.allowed_addresses,
    )
    _warn_of_silent_phones(kit, context)
    recall = RecallSent(kit.database, context)
    lanes: list[SendDue] = []
    loops = [Loop("recalling what was sent", recall.run_once, every_s=2.0)]
    for lane in LANES:
        wake = asyncio.Event()
        sender = SendDue(
            kit.database,
            kit.clock,
            context,
            lane,
            slots=settings.call_slots,
            wake=wake,
            per_second=settings.sends_per_second,
            may_start=recall.is_done,
            give_way=kit.give_way,
        )
        for channel in (plans.DUE, plans.due_in(lane)):
            kit.listener.wakes(channel, wake)
        lanes.append(sender)
        loop = Loop(f"sending {lane.name}", sender.run_once, every_s=0.2, wake=wake, is_more=sender.is_more)
        if not lane.is_urgent:
            loop.rest_after = kit.give_way.rest_after
        loops.append(loop)
    settler = SettleUnknown(kit.database, kit.clock, context)
    figures = KeepFigures(kit.database, kit.clock, kit.metrics, kit.clinics.retention)
    signatures = SignatureCheck(settings.signing_tokens, public_url=settings.public_url)
    webhooks = Webhooks(kit.database, kit.clock, context, signatures, settings.twilio_account_sid, kit.give_way)
    readers = WatchReaders(kit.database, kit.clock, context)
    sweeps = {back: SweepInbound(kit.database, kit.clock, context, back=back) for back in (_RECENT, _RECONCILED)}
    email_webhooks = EmailWebhooks(
        kit.database, kit.clock, context, EventSignature(settings.event_keys, oldest_s=settings.email_event_age_s)
    )
    loops += [
        Loop("unread texts", readers.run_once, every_s=2.0),
        Loop("inbound sweep", sweeps[_RECENT].run_once, every_s=settings.sweep_every_s),
        Loop("inbound reconciliation", sweeps[_RECONCILED].run_once, every_s=3600.0),
        Loop("settling unknown outcomes", settler.run_once, every_s=1.0),
        Loop("asking after receipts", ChaseReceipts(kit.database, kit.clock, context).run_once, every_s=10.0),
        Loop("figures", figures.measure, every_s=2.0),
        Loop("retention", figures.forget, every_s=3600.0),
    ]
    table = handlers(context)
    return Parts(
        queues=[Queues([NOTIFIER], table), Queues([NOTIFIER_URGENT], table, gives_way=False)],
        routes=[*webhooks.routes(), *email_webhooks.routes()],
        loops=loops,
        draining=[lambda: drain(lanes)],
        closing=[session.close],
    )


def _warn_of_silent_phones(kit: Kit, context: Context) -> None:
    for clinic_id, clinic in kit.clinics.clinics.items():
        if clinic.roster.people and not context.can_send(clinic_id, Channel.VOICE):
            log.warning("pages cannot be phoned: TWILIO_VOICE_NUMBER is not set", clinic_id=clinic_id)


def _email(session: aiohttp.ClientSession, settings: NotifierSettings) -> SendGridEmail | None:
    key = settings.sendgrid_api_key
    if key is None:
        return None
    return SendGridEmail(session, api_key=key.get_secret_value(), base_url=settings.sendgrid_api_base_url)


if __name__ == "__main__":
    main(
        "notifier",
        lambda: load_settings(NotifierSettings),
        migrations=MIGRATIONS,
        port=lambda settings: settings.notifier_port,
        build=build,
    )
