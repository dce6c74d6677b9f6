"""What Twilio answers to one request, whatever was asked for, as one of our five answers."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from twilio.base.exceptions import TwilioRestException

from services.notifier.domain.answer import Accepted, Answer, RateLimited, Rejected, Unsure
from services.notifier.providers.http_answers import TIMEOUT_S, answer_to_failure
from services.notifier.providers.twilio_http import RateLimitedError

_CREDENTIALS = "20003"


async def answer_to(request: Awaitable[Any]) -> Answer:
    """Make a request that creates something, once; whatever happens is one of the five answers."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            created = await request
    except RateLimitedError as error:
        return RateLimited(error.retry_after)
    except TwilioRestException as error:
        return _refusal_of(error)
    except Exception as error:  # noqa: BLE001 - whatever it was, the request may have left: nobody knows
        return answer_to_failure(error)
    return Accepted(created.sid) if created.sid else Unsure("no reference in the answer")


def _refusal_of(error: TwilioRestException) -> Answer:
    """Tell a refusal from an answer that leaves us unsure."""
    if error.status in (401, 403):
        return Rejected(_CREDENTIALS)
    if 400 <= error.status < 500 and error.status != 408 and error.code:
        return Rejected(str(error.code))
    return Unsure(f"http {error.status}")
