"""Calls through Twilio: the words of a page are read out, and a key says whether the person takes it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

from services.notifier.domain.answer import Answer
from services.notifier.domain.receipt import Receipt
from services.notifier.providers.twilio_answers import answer_to
from shared.kernel.contact import PhoneNumber

CALL_RECEIPT_OF = {
    "queued": Receipt.QUEUED,
    "initiated": Receipt.QUEUED,
    "ringing": Receipt.SENDING,
    "in-progress": Receipt.SENT,
    "completed": Receipt.DELIVERED,
    "busy": Receipt.UNDELIVERED,
    "no-answer": Receipt.UNDELIVERED,
    "failed": Receipt.FAILED,
    "canceled": Receipt.FAILED,
}
"""Twilio's call statuses in our words. A call that was picked up counts as delivered, by whom or what ever."""
NOT_PICKED_UP = frozenset({"busy", "no-answer", "failed", "canceled"})

_RINGS_S = 30
_WAITS_FOR_KEY_S = 8
_SAID_TIMES = 3


class Said(StrEnum):
    """What the call says after a key was pressed."""

    TAKEN = "taken"
    GONE = "gone"
    DECLINED = "declined"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class _Phrases:
    voice: str
    menu: str
    nobody: str
    taken: str
    gone: str
    declined: str
    again: str


_PHRASES = {
    "en": _Phrases(
        voice="en-US",
        menu="Press 1 to take it. Press 2 if you cannot.",
        nobody="No key was pressed. It still waits for somebody to take it.",
        taken="Thank you. It is yours now.",
        gone="Thank you. Somebody has already taken it.",
        declined="Thank you. The next person will be paged.",
        again="Please press 1 to take it, or 2 if you cannot.",
    ),
    "es": _Phrases(
        voice="es-US",
        menu="Oprima 1 para tomarlo. Oprima 2 si no puede.",
        nobody="No se oprimió ninguna tecla. Sigue en espera de que alguien lo tome.",
        taken="Gracias. Queda a su cargo.",
        gone="Gracias. Alguien ya lo tomó.",
        declined="Gracias. Avisaremos a la siguiente persona.",
        again="Por favor oprima 1 para tomarlo, o 2 si no puede.",
    ),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to one number. ``token`` names the attempt in the callbacks."""

    to: PhoneNumber
    words: str
    language: str
    sender: str
    token: str


class TwilioVoice:
    """Places calls and words what they say."""

    def __init__(self, client: Client, *, public_url: str) -> None:
        self._client = client
        self._base = f"{public_url.rstrip('/')}/twilio/voice"

    async def ring(self, call: Call) -> Answer:
        """Ask once for a call to be placed; whatever happens is one of the five answers."""
        return await answer_to(self._client.calls.create_async(**self._parameters(call)))

    def _parameters(self, call: Call) -> dict[str, Any]:
        return {
            "to": call.to.e164,
            "from_": call.sender,
            "twiml": self._page(call),
            "timeout": _RINGS_S,
            "status_callback": f"{self._base}/status?a={call.token}",
            "status_callback_event": ["completed"],
            "status_callback_method": "POST",
        }

    def _page(self, call: Call) -> str:
        """The words come first and again: whoever picks up late, or is asleep, hears them whole."""
        phrases = _phrases(call.language)
        response = VoiceResponse()
        for _ in range(_SAID_TIMES):
            response.append(self._gather(phrases, call.token, f"{call.words} {phrases.menu}"))
        response.say(phrases.nobody, language=phrases.voice)
        response.hangup()
        return str(response)

    def after_key(self, said: Said, *, language: str, token: str) -> str:
        """Return what the call goes on with after a key."""
        phrases = _phrases(language)
        response = VoiceResponse()
        if said is Said.AGAIN:
            response.append(self._gather(phrases, token, phrases.again))
            response.say(phrases.nobody, language=phrases.voice)
        else:
            response.say(getattr(phrases, said), language=phrases.voice)
        response.hangup()
        return str(response)

    def _gather(self, phrases: _Phrases, token: str, words: str) -> Gather:
        gather = Gather(
            num_digits=1, timeout=_WAITS_FOR_KEY_S, action=f"{self._base}/keys?a={token}", method="POST", input="dtmf"
        )
        gather.say(words, language=phrases.voice)
        return gather


def _phrases(language: str) -> _Phrases:
    return _PHRASES.get(language.partition("-")[0].lower(), _PHRASES["en"])
