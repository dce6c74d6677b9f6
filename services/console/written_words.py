"""Asks followup for the words and the number behind a case or of a reply, in the name of the one who looks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import aiohttp
from yarl import URL

from services.console.domain.access import Visitor
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.web.signed_token import Bearer, sign

_TIMEOUT = aiohttp.ClientTimeout(total=5)


class Behind(StrEnum):
    """Where words can stand, by the folder of followup's addresses."""

    CASE = "cases"
    REPLY = "replies"


@dataclass(frozen=True, slots=True)
class Words:
    """One text, or one answer that led to a case."""

    at: datetime
    text: str
    phone: str | None


class WrittenWords:
    """The way to ``/cases/{id}`` and ``/replies/{id}``; each question is signed for one person, thing and minute."""

    def __init__(self, session: aiohttp.ClientSession, url: str | None, secret: str | None) -> None:
        self._session = session
        self._url = URL(url) if url else None
        self._secret = secret

    async def of(self, behind: Behind, about: str, visitor: Visitor, *, now: datetime) -> list[Words]:
        """Return the words behind a case or of a reply, the oldest first. ``now`` is the machine's time.

        Raises:
            PermanentError: followup shows them to nobody, or not to this person.
            DependencyUnavailableError: followup does not answer.
        """
        if self._url is None or self._secret is None:
            raise PermanentError(
                "The words cannot be shown: AFTERCARE_FOLLOWUP_URL or AFTERCARE_FOLLOWUP_TOKEN is not set"
            )
        token = sign(Bearer(visitor.person, visitor.role, about), self._secret, now=now)
        try:
            async with self._session.get(
                self._url / behind / about,
                headers={"Authorization": f"Bearer {token}"},
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as answer:
                if answer.status == 200:
                    content = await answer.json()
                elif answer.status == 404:
                    raise PermanentError("The words are not kept any more, or not for you to read")
                elif answer.status < 500:
                    raise PermanentError(f"followup does not show you the words (it answers {answer.status})")
                else:
                    raise DependencyUnavailableError(f"followup cannot show the words now (it answers {answer.status})")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DependencyUnavailableError(f"followup does not answer ({type(error).__name__})") from None
        return [Words(datetime.fromisoformat(one["at"]), one["text"], one.get("phone")) for one in content["words"]]
