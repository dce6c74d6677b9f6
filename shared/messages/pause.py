"""What holds texts and what lets them go: ``clinic.pause.v1``, ``clinic.resume.v1`` and ``provider.try.v1``."""

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Identifier, WireModel

PAUSE = "clinic.pause.v1"
RESUME = "clinic.resume.v1"
TRY_PROVIDER = "provider.try.v1"

Who = Annotated[str, Field(min_length=1, max_length=60)]
ProviderScope = Literal["provider", "email"]
"""Under which name sending stands still: texts and calls go through one provider, e-mails through another."""


class PauseClinic(WireModel):
    """Command to the notifier: hold everything of a clinic but what is urgent, until a person resumes it.

    ``cause`` is a kind of staff task, or what a person chose from a list; ``who`` is missing where no person asked.
    """

    clinic_id: Identifier
    cause: Identifier
    who: Who | None = None


class ResumeClinic(WireModel):
    """Command to the notifier: let a paused clinic's messages go again, each judged anew."""

    clinic_id: Identifier
    who: Who


class TryProvider(WireModel):
    """Command to the notifier: try a provider that refuses us with the next message, before its turn comes."""

    provider: ProviderScope
    who: Who
