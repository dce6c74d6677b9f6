"""Texts that come in: kept and listed at once, handed over by webhook, perhaps answered by Twilio itself."""

import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from sandbox.ground import Ground
from sandbox.message_routes import Messages, form_of_message
from sandbox.messages import E164, Message, segments_of
from sandbox.twilio_account import new_sid


class Inbound:
    """Lets somebody text one of the account's numbers."""

    def __init__(self, ground: Ground, messages: Messages) -> None:
        self._ground = ground
        self._messages = messages

    async def receive(self, wish: Mapping[str, Any]) -> Message:
        """Take a text in, and hand it over in the background.

        Raises:
            ValueError: says which field cannot be used.
        """
        ground = self._ground
        sender, to = str(wish.get("from", "")), str(wish.get("to", ""))
        if not E164.fullmatch(sender):
            raise ValueError("from: a number such as +12125550123")
        if not to:
            raise ValueError("to: the number that is texted")
        now = datetime.now(UTC)
        message = self._messages.keep(
            Message(
                sid=new_sid("SM"),
                account_sid=ground.settings.account_sid,
                to=to,
                from_=sender,
                body=str(wish.get("body", "")),
                direction="inbound",
                status="received",
                created_at=now,
                updated_at=now,
                sent_at=now,
                media_urls=[str(url) for url in wish.get("media_urls", [])],
            )
        )
        ground.ledger.add(
            "inbound", sid=message.sid, from_=sender, to=to, body=message.body, media_urls=message.media_urls
        )
        await ground.ledger.sync()
        heard = self._messages.opt_outs.heard(sender, message.body)
        if heard.answer is not None:
            self._say_by_itself(message, heard.answer)
        lost = bool(wish.get("lose_webhook")) or ground.faults.strike("inbound_lost", to=sender, on="messages")
        if ground.settings.inbound_url and lost:
            ground.ledger.add("inbound_webhook", sid=message.sid, status="received", answer="lost")
        elif ground.settings.inbound_url:
            times = 2 if ground.faults.strike("callbacks_doubled", to=sender, on="messages") else 1
            for _ in range(times):
                ground.spawn(self._hand_over(message, ground.settings.inbound_url, heard.kind))
        return message

    async def _hand_over(self, message: Message, url: str, opt_out_type: str | None) -> None:
        form = form_of_message(message) | _inbound_fields(message)
        if opt_out_type:
            form["OptOutType"] = opt_out_type
        webhooks = self._ground.webhooks
        text = await webhooks.send("inbound_webhook", url, form, sid=message.sid, status="received")
        fallback = self._ground.settings.inbound_fallback_url
        if text is None and fallback:
            form |= {"ErrorCode": "11200", "ErrorUrl": url.partition("#")[0]}
            text = await webhooks.send("inbound_fallback", fallback, form, sid=message.sid, status="received")
        for answer in _twiml_messages(text):
            self._say_by_itself(message, answer)

    def _say_by_itself(self, heard: Message, text: str) -> None:
        now = datetime.now(UTC)
        reply = self._messages.keep(
            Message(
                sid=new_sid("SM"),
                account_sid=heard.account_sid,
                to=heard.from_ or "",
                from_=heard.to,
                body=text,
                direction="outbound-reply",
                status="delivered",
                created_at=now,
                updated_at=now,
                sent_at=now,
            )
        )
        self._ground.ledger.add("own_reply", sid=reply.sid, to=reply.to, from_=reply.from_, body=text)


def _inbound_fields(message: Message) -> dict[str, str]:
    # Where a number is from, Twilio often does not know: the parameters are there, and empty.
    places = {f"{end}{part}": "" for end in ("From", "To") for part in ("City", "State", "Zip")}
    media = {f"MediaUrl{n}": url for n, url in enumerate(message.media_urls)}
    types = {
        f"MediaContentType{n}": mimetypes.guess_type(url.partition("?")[0])[0] or "application/octet-stream"
        for n, url in enumerate(message.media_urls)
    }
    return {
        "SmsMessageSid": message.sid,
        "Body": message.body,
        "NumMedia": str(len(message.media_urls)),
        "NumSegments": str(segments_of(message.body)),
        "FromCountry": "US",
        "ToCountry": "US",
        **places,
        **media,
        **types,
    }


def _twiml_messages(text: str | None) -> list[str]:
    if not text or "<Message" not in text:
        return []
    try:
        tree = ET.fromstring(text)  # noqa: S314 - the answer of our own service, on loopback
    except ET.ParseError:
        return []
    return [body for message in tree.iter("Message") if (body := "".join(message.itertext()).strip())]
