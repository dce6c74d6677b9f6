"""Patients who text, and a reader of what comes of it, in a process of its own: ``python -m benchmarks.crowd``.

Texts leave at fixed times whatever becomes of the ones before (an open loop): a slow answer delays no later text, and
the wait for a late start counts. Reads a `Wish` as one line of JSON and answers with one line.
"""

import asyncio
import json
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime

import aio_pika
import aiohttp

from sandbox.signature import sign

_AFTERWARDS_S = 30.0
_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to send, and how fast. ``event`` is the type whose first arrival for a patient ends the wait for it."""

    url: str
    account_sid: str
    auth_token: str
    amqp_url: str
    event: str
    phones: dict[str, str]
    per_second: float
    text: str = "7"


@dataclass(slots=True)
class Report:
    """Seconds since each text was due: until it really left, was being kept, was taken, was read, and was told of.

    When it was kept and read is what the event says, where it does.
    """

    left: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    refused: int = 0
    sending_s: float = 0.0


class Crowd:
    """One text from each patient."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._due: dict[str, float] = {}
        self._report = Report()
        self._all_told = asyncio.Event()

    async def run(self) -> Report:
        """Send every text, wait for every event, half a minute at most after the last text."""
        wish = self._wish
        link = await aio_pika.connect(wish.amqp_url)
        async with link, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=_TIMEOUT) as session:
            channel = await link.channel()
            await channel.set_qos(prefetch_count=1000)
            queue = await channel.declare_queue(exclusive=True)
            await queue.bind(await channel.get_exchange("aftercare"), routing_key=wish.event)
            await queue.consume(self._heard, no_ack=True)
            started = time.monotonic() + 0.5
            texts = []
            for number, (patient, phone) in enumerate(wish.phones.items()):
                self._due[patient] = due = started + number / wish.per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                texts.append(asyncio.create_task(self._text(session, patient, phone, due)))
            self._report.sending_s = time.monotonic() - started
            await asyncio.gather(*texts)
            try:
                await asyncio.wait_for(self._all_told.wait(), _AFTERWARDS_S)
            except TimeoutError:
                print(f"{len(self._due)} events never came", file=sys.stderr)
        return self._report

    async def _text(self, session: aiohttp.ClientSession, patient: str, phone: str, due: float) -> None:
        wish = self._wish
        form = form_of_text(wish, patient, phone)
        headers = {"X-Twilio-Signature": sign(wish.auth_token, wish.url, form)}
        self._report.left.append(time.monotonic() - due)
        async with session.post(wish.url, data=form, headers=headers) as answer:
            await answer.read()
            self._report.refused += answer.status >= 300
        self._report.taken.append(time.monotonic() - due)

    async def _heard(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        now, event = time.monotonic(), json.loads(message.body)
        due = self._due.pop(event["data"]["patient_ref"], None)
        if due is not None:
            self._report.told.append(now - due)
            if "answered_at" in event["data"]:
                on_the_wall = time.time() - now
                self._report.kept.append(_seconds(event["data"]["answered_at"]) - on_the_wall - due)
                self._report.read.append(_seconds(event["time"]) - on_the_wall - due)
            if len(self._report.told) == len(self._wish.phones):
                self._all_told.set()


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def form_of_text(wish: Wish, patient: str, phone: str) -> dict[str, str]:
    """Return what Twilio posts for a text."""
    sid = f"SM{uuid.uuid5(uuid.NAMESPACE_URL, f'{wish.url}/{patient}/{wish.text}').hex}"
    places = {f"{end}{part}": "" for end in ("From", "To") for part in ("City", "State", "Zip")}
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "SmsStatus": "received",
        "AccountSid": wish.account_sid,
        "ApiVersion": "2010-04-01",
        "From": phone,
        "To": "+15005550006",
        "Body": wish.text,
        "NumMedia": "0",
        "NumSegments": "1",
        "FromCountry": "US",
        "ToCountry": "US",
        **places,
    }


def main() -> None:
    """Do what standard input asks for."""
    wish = Wish(**json.loads(sys.stdin.readline()))
    print(json.dumps(asdict(asyncio.run(Crowd(wish).run()))), flush=True)
    sys.stdin.read()  # whoever asked reads the time that this process has used before it ends


if __name__ == "__main__":
    main()
