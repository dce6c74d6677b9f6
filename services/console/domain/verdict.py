"""Are patients being told? The one question of the first page, answered from the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from urllib.parse import quote

from services.console.domain.figures import Feed, Figures, Pause, Provider, TurnedAway
from services.console.domain.words import answer_word, letters_cause, pause_cause, spell_for, tier

LATE = timedelta(minutes=2)
VERY_LATE = timedelta(minutes=5)
_OLD = timedelta(minutes=1)
_FEW = 5
_SOME = 3
GOOD_ANSWERS = frozenset({"Accepted", "Callback", "under way"})
_FRESH = timedelta(minutes=15)
_AGAIN = timedelta(minutes=1)
_NATIVE = "native"  # any source may post there
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
class Act:
    """What an operator may do about a finding from where it stands: the button's word, and where it leads."""

    word: str
    path: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: what, where to look, and its heading in the runbook.

    ``but`` says whom a warning keeps from being told.
    """

    severity: Severity
    sentence: str
    page: str
    runbook: str
    act: Act | None = None
    but: str | None = None


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
        exceptions = ", ".join(finding.but for finding in findings if finding.but)
        return worst, f"Patients are being told{f', but {exceptions}' if exceptions else ''}; something needs a look"
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
    due = figures.due
    found = [_standstill(pause) for pause in figures.provider.pauses]
    if due is not None and due.count and due.late_for >= LATE:
        severity = Severity.CRITICAL if due.late_for >= VERY_LATE else Severity.WARNING
        found.append(
            Finding(
                severity,
                f"{_messages(due.count)} due and not sent, the oldest for {spell_for(due.late_for)}",
                "/upcoming",
                "due-and-unsent",
            )
        )
    found += _answers(figures.provider)
    return found + [_paused(pause) for pause in figures.paused_clinics]


def _standstill(pause: Pause) -> Finding:
    is_email = pause.scope == "email"
    return Finding(
        Severity.WARNING if is_email else Severity.CRITICAL,
        f"{'No e-mail' if is_email else 'Nothing'} has been sent for {spell_for(pause.lasts)}. "
        f"The provider {answer_word(pause.cause)}",
        "/#provider",
        "all-sending-is-paused",
        act=Act("Try e-mails now" if is_email else "Try now", f"/providers/{pause.scope}/try"),
    )


def _answers(provider: Provider) -> list[Finding]:
    """Return what the provider's last answers tell, where sending is not paused because of them anyway."""
    bad = [answer for answer in provider.newest if answer not in GOOD_ANSWERS]
    tried = len(provider.newest)
    if any(pause.scope == "provider" for pause in provider.pauses) or tried < _FEW or len(bad) < _SOME:
        return []
    why = answer_word(max(bad, key=bad.count))
    severity, sentence = Severity.WARNING, f"{len(bad)} of the last {tried} requests failed: the provider {why}"
    if len(bad) == tried:
        severity, sentence = Severity.CRITICAL, f"Nothing gets through. The provider {why}"
    return [Finding(severity, sentence, "/#provider", "the-provider-cannot-be-reached")]


def _paused(pause: Pause) -> Finding:
    by = f" by {pause.who}" if pause.who else ""
    held = "nothing is held yet" if not pause.held else f"{_messages(pause.held)} held"
    return Finding(
        Severity.WARNING,
        f"{pause.scope} was paused {spell_for(pause.lasts)} ago{by}: {pause_cause(pause.cause)}; {held}",
        "/#sending",
        "a-clinic-is-paused",
        act=Act(f"Resume {pause.scope}", f"/clinics/{quote(pause.scope, safe='')}/resume"),
        but=f"not those of {pause.scope}",
    )


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
    worst = max(figures.letters, key=lambda group: group.count)
    letters = "1 message" if figures.dead_letters == 1 else f"{figures.dead_letters} messages"
    share = ":" if worst.count == figures.dead_letters else f"; {worst.count} of them because"
    return [
        Finding(
            Severity.WARNING,
            f"{letters} could not be handled{share} {letters_cause(worst.queue, worst.cause, worst.sources)}",
            "/dead-letters",
            "dead-letters",
        )
    ]


def _feeds(figures: Figures) -> list[Finding]:
    silent = [feed for feed in figures.feeds if feed.is_silent]
    told = {away.feed for feed in silent if (away := _turned_away(feed, figures.turned_away)) is not None}
    return [
        *(
            Finding(
                Severity.WARNING,
                f"No booking has come from {feed.source} of {feed.clinic_id} for {spell_for(feed.silence)} of working "
                f"time: {_silence(feed, figures.turned_away)}",
                "/dead-letters" if feed.unread else "/#feeds",
                "a-feed-is-silent",
            )
            for feed in silent
        ),
        *(
            Finding(
                Severity.WARNING,
                f"Bookings posted to /bookings/{away.feed} are turned away: {away.reason}",
                "/#feeds",
                "bookings-are-turned-away",
            )
            for away in figures.turned_away
            if away.feed not in told and figures.at - away.last_at <= _FRESH and away.last_at - away.since >= _AGAIN
        ),
    ]


def _silence(feed: Feed, turned_away: Sequence[TurnedAway]) -> str:
    """Return what is known of why a feed is silent."""
    away = _turned_away(feed, turned_away)
    if away is not None:
        return f"what it posts is turned away ({away.reason})"
    if feed.unread:
        return f"{feed.unread} of its messages could not be read"
    return "nothing arrives from it"


def _turned_away(feed: Feed, turned_away: Sequence[TurnedAway]) -> TurnedAway | None:
    """Return the calls that may be a silent feed's own."""
    return next(
        (each for each in turned_away if each.feed in (feed.source, _NATIVE) and each.last_at > feed.heard_at), None
    )


def _messages(count: int) -> str:
    return "1 message is" if count == 1 else f"{count} messages are"
