"""Plants one bug in a service's process: on PYTHONPATH, with the bug's name in AFTERCARE_MUTANT.

Python imports a module of this name before anything else. Each function below is a mistake that a hasty change could
make in one line (RELIABILITY.md 3.5); the harness has to notice every one of them.
"""

import os
import sys
from datetime import timedelta


def acks_before_commit():
    """A delivery is acknowledged as soon as it arrives."""
    from shared.broker.consumer import Consumer

    work = Consumer._work

    async def mistaken(self, message):
        await message.ack()
        await work(self, message)

    async def not_again(_self, answer):
        answer.close()

    Consumer._work, Consumer._settle = mistaken, not_again


def repeats_without_evidence():
    """A timeout or a 500 is taken for "not sent"."""
    from services.notifier.domain.answer import RateLimited, Unsure
    from services.notifier.handlers import send_due

    record = send_due.record_answers

    async def mistaken(unit, answers, *, context):
        taken_for = [
            (attempt, RateLimited(timedelta(0)) if isinstance(answer, Unsure) else answer)
            for attempt, answer in answers
        ]
        await record(unit, taken_for, context=context)

    send_due.record_answers = mistaken


def looks_once_and_at_once():
    """One look at the provider's list, taken at once, counts as proof."""
    from services.notifier import context
    from services.notifier.domain import settle

    settle.LOOKS_NEEDED = 1
    make = context.Timing.__init__

    def mistaken(self, **given):
        make(self, **{**given, "grace": timedelta(0)})

    context.Timing.__init__ = mistaken


def ignores_the_inbox():
    """Every delivery is new."""
    from shared.postgres import inbox

    enter = inbox.enter

    async def mistaken(connection, envelope, **given):
        await enter(connection, envelope, **given)
        return inbox.Arrival.NEW

    inbox.enter = mistaken


def believes_old_news():
    """Revisions are not compared."""
    from services.booking_events.domain.appointment import Verdict
    from services.booking_events.handlers import keep_booking

    keep_booking.judge = lambda *_: Verdict.TAKEN


def sends_the_unwanted():
    """The judge does not ask whether a message is still wanted."""
    _misjudge(wanted=True)


def sends_the_useless():
    """The judge does not ask whether a message is past its use."""
    from datetime import UTC, datetime

    _misjudge(expires_at=datetime(2999, 1, 1, tzinfo=UTC))


def sends_at_night():
    """The window is always open."""
    from shared.kernel.send_window import SendWindow

    SendWindow.contains = lambda *_: True


def forgets_the_unconfirmed():
    """The relay forgets a message that the broker has not confirmed."""
    from shared.broker.publisher import Publisher

    publish = Publisher.publish

    async def mistaken(self, message):
        try:
            await publish(self, message)
        except Exception:  # the bug
            return

    Publisher.publish = mistaken


def takes_the_abandoned_for_unsent():
    """What a dead process left half done is done again."""
    from services.notifier.domain.state import Reason
    from services.notifier.store import attempts

    async def mistaken(connection, message_id, attempt, *, grace):
        return await attempts.give_back(
            connection, message_id, attempt, reason=Reason.NOT_FOUND, retry_after=grace * 0, due_at=None
        )

    attempts.make_unknown = mistaken


def _misjudge(**changes):
    from dataclasses import replace

    from services.notifier.handlers import send_due

    judge = send_due.judge
    send_due.judge = lambda due, *facts: judge(replace(due, **changes), *facts)


if any(argument.startswith("services.") for argument in sys.orig_argv):
    globals()[os.environ["AFTERCARE_MUTANT"]]()
