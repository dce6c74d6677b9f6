"""Are patients being told? The one question of the first page, answered from the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from services.console.domain.figures import Figures
from services.console.domain.words import answer_word, spell_for, tier

LATE = timedelta(minutes=2)
VERY_LATE = timedelta(minutes=5)
_OLD = timedelta(minutes=1)
_FEW = 5
_AT_ONCE = ("S1", "M")  # from the first second: somebody may be in danger, or ill


class Severity(IntEnum):
    """How soon a person has to look."""

    NOTE = 0
    WARNING = 1
    CRITICAL = 2


# What the window itself depends on. Texts go out without the broker's figures, but not without the database.
_PARTS = (
    ("database", Severity.CRITICAL, "the-database-is-down"),
    ("broker", Severity.WARNING, "the-console-cannot-see"),
    ("board", Severity.NOTE, "the-console-cannot-see"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: what, where to look, and its heading in the runbook."""

    severity: Severity
    sentence: str
    page: str
    runbook: str


def judge(figures: Figures) -> list[Finding]:
    """Return all that is wrong, the worst first."""
    found = [
        *_alerts(figures),
        *_sending(figures),
        *_queues(figures),
        *_outboxes(figures),
        *_letters(figures),
        *_feeds(figures),
        *(
            Finding(severity, figures.complaints[part], "/", runbook)
            for part, severity, runbook in _PARTS
            if part in figures.complaints
        ),
    ]
    return sorted(found, key=lambda finding: -finding.severity)


def headline(findings: Sequence[Finding]) -> tuple[Severity, str]:
    """Return the answer in one sentence, with how bad it is."""
    worst = findings[0].severity if findings else Severity.NOTE
    if worst is Severity.CRITICAL:
        return worst, findings[0].sentence
    if worst is Severity.WARNING:
        return worst, "Patients are being told; something needs a look"
    return worst, "Patients are being told"


def _alerts(figures: Figures) -> list[Finding]:
    alerts = figures.alerts
    if not alerts.unacknowledged or alerts.oldest_since is None:
        return []
    late = alerts.act_by is not None and figures.at > alerts.act_by
    waited = spell_for(figures.at - alerts.oldest_since)
    return [
        Finding(
            Severity.CRITICAL if late or alerts.tier in _AT_ONCE else Severity.WARNING,
            f"{tier(alerts.tier or '')}: nobody has taken the case on for {waited}",
            "/safety",
            "a-safety-alert-that-nobody-has-acknowledged",
        )
    ]


def _sending(figures: Figures) -> list[Finding]:
    found = []
    provider, due = figures.provider, figures.due
    if provider.paused_because is not None:
        found.append(
            Finding(
                Severity.CRITICAL,
                f"Nothing is being sent: the provider {answer_word(provider.paused_because)}",
                "/#provider",
                "all-sending-is-paused",
            )
        )
    if due is not None and due.count and due.late_for >= LATE:
        severity = Severity.CRITICAL if due.late_for >= VERY_LATE else Severity.WARNING
        texts = "1 message is" if due.count == 1 else f"{due.count} messages are"
        found.append(
            Finding(
                severity,
                f"{texts} due and not sent, the oldest for {spell_for(due.late_for)}",
                "/upcoming",
                "due-and-unsent",
            )
        )
    tried = sum(provider.answers.values())
    bad = tried - provider.answers.get("Accepted", 0) - provider.answers.get("under way", 0)
    if provider.paused_because is None and tried >= _FEW and bad * 5 > tried:
        found.append(
            Finding(
                Severity.WARNING,
                f"The provider refused or lost {bad} of the last {tried} requests",
                "/#provider",
                "all-sending-is-paused",
            )
        )
    found += [
        Finding(
            Severity.WARNING, f"The clinic {clinic} is paused: its messages are held", "/upcoming", "a-clinic-is-paused"
        )
        for clinic in figures.paused_clinics
    ]
    return found


def _queues(figures: Figures) -> list[Finding]:
    found = []
    for queue in figures.queues or ():
        if not queue.consumers and queue.depth:
            sentence = f"Nobody reads the queue {queue.name}: {queue.depth} wait in it"
            found.append(Finding(Severity.CRITICAL, sentence, "/#queues", "a-consumer-has-stopped"))
        elif not queue.consumers:
            found.append(
                Finding(Severity.WARNING, f"Nobody reads the queue {queue.name}", "/#queues", "a-consumer-has-stopped")
            )
        elif queue.oldest is not None and queue.oldest.age >= _OLD:
            sentence = f"The queue {queue.name} is behind: its oldest message has waited {spell_for(queue.oldest.age)}"
            found.append(Finding(Severity.WARNING, sentence, "/#queues", "a-queue-is-behind"))
    return found


def _outboxes(figures: Figures) -> list[Finding]:
    return [
        Finding(
            Severity.CRITICAL,
            f"{box.service} cannot reach the queue: {box.waiting} of its messages wait, the oldest for "
            f"{spell_for(box.oldest_for)}",
            "/#outboxes",
            "outbox-lag",
        )
        for box in figures.outboxes
        if box.waiting and box.oldest_for >= _OLD
    ]


def _letters(figures: Figures) -> list[Finding]:
    if not figures.dead_letters:
        return []
    letters = "1 message" if figures.dead_letters == 1 else f"{figures.dead_letters} messages"
    return [Finding(Severity.WARNING, f"{letters} could not be handled", "/dead-letters", "dead-letters")]


def _feeds(figures: Figures) -> list[Finding]:
    return [
        Finding(
            Severity.WARNING,
            f"The feed {feed.source} of {feed.clinic_id} has been silent for {spell_for(feed.silence)} of working time",
            "/#feeds",
            "a-feed-is-silent",
        )
        for feed in figures.feeds
        if feed.is_silent
    ]
