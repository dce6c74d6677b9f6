"""What our words for machines are in the language of people."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.console.domain.figures import Pause

_REASONS = {
    "not_wanted": "no longer wanted",
    "opted_out": "the patient opted out",
    "no_consent": "the patient has not agreed to this kind",
    "no_address": "no number that takes texts",
    "address_unusable": "the number or mailbox leads nowhere",
    "cannot_receive_texts": "the number takes no texts, like a landline",
    "outside_window": "outside the hours for texts",
    "paused": "the clinic is paused",
    "busy_number": "another text to this number is under way",
    "expired": "its time is over",
    "template": "the text could not be made",
    "no_channel": "no channel can carry it",
    "not_allowed_here": "the staging guard allows no other numbers",
    "rate_limited": "the provider asks us to slow down",
    "provider_not_reached": "the provider cannot be reached",
    "provider_stopped": "sending is stopped",
    "not_found_at_provider": "the provider does not have it",
    "unknown_not_resent": "unsure whether it went out, so not repeated",
    "too_many_in_an_hour": "too many texts to this number in an hour",
    "spacing": "too soon after the last text",
    "weekly_budget": "the week's texts are used up",
    "blocked_opt_out": "the patient opted out: phone instead",
    "erased": "the patient's data was erased",
    "no_receipt": "no receipt came from the carrier",
}
_EVENTS = {
    "booking.created.v1": "booked",
    "booking.rescheduled.v1": "moved",
    "booking.cancelled.v1": "cancelled",
    "booking.completed.v1": "visit took place",
    "booking.no_show.v1": "patient did not come",
    "planned": "planned",
    "held": "held",
    "sending": "being sent",
    "sent": "sent",
    "unknown": "unsure whether it went out",
    "failed": "failed",
    "dropped": "dropped",
    "withdrawn": "withdrawn",
    "receipt: queued": "receipt: taken by the provider",
    "receipt: sending": "receipt: on its way",
    "receipt: sent": "receipt: with the carrier",
    "receipt: delivered": "receipt: delivered",
    "receipt: undelivered": "receipt: not delivered",
    "receipt: failed": "receipt: failed",
    "not processed": "the provider lost it",
    "no longer wanted": "no longer wanted",
    "wanted again": "wanted again",
    "to be tried again": "to be tried again",
    "to be sent again": "to be sent again",
    "provider refuses us": "the provider refuses us",
    "reply received": "reply received",
    "reply kept": "reply kept for a person",
    "staff task raised": "a person was asked to act",
}
_ANSWERS = {
    "Accepted": "accepted",
    "RateLimited": "asked us to slow down (429)",
    "NotReached": "cannot be reached",
    "Rejected": "refused",
    "Unsure": "gave no answer",
    "Callback": "accepted, told by receipt",
}
_CODES = {
    20003: "our credentials are not accepted",
    20429: "too many requests",
    21211: "not a valid number",
    21610: "the patient opted out",
    21614: "cannot take texts",
    30001: "the provider's queue is full",
    30002: "our account is suspended",
    30003: "phone off or out of reach",
    30004: "blocked by the carrier or the patient",
    30005: "no such number",
    30006: "a landline, or the carrier is out of reach",
    30007: "filtered as spam by the carrier",
    30008: "unknown error at the carrier",
    30034: "our number is not registered for A2P",
}
_PAUSES = {
    "operator": "from the command line",
    "feed_braked": "its booking feed changed too much at once",
    "wrong_bookings": "its bookings are wrong",
    "wrong_texts": "its texts are wrong",
    "clinic_closed": "it is closed",
    "clinic_asked": "it asked for it",
}
_TASKS = {
    "no_usable_phone": "No number that takes texts: phone or write",
    "booked_inside_fasting": "Booked too late to fast: tell the patient how to prepare",
    "reminder_useless": "The reminder came too late: phone",
    "change_not_texted_in_time": "A change could not be texted in time: phone",
    "contradicting_booking": "The booking system contradicts itself: look it up there",
    "patient_wants_change": "The patient asks for another time: phone",
    "patient_wants_cancellation": "The patient may want to cancel: phone",
    "patient_asks": "The patient asks something: answer",
    "feed_braked": "A booking feed changes too much at once: look at it, then resume the clinic",
    "reply_to_read": "A reply to read",
    "home_safe_by_phone": "Not known to be home safe: phone",
    "last_item_unanswered": "The last question was not answered: phone",
    "silent_after_low_score": "Silent after a low score: phone",
    "phone_the_patient": "Phone the patient",
    "who_answered": "A shared number answered: find out who it was",
    "no_roster": "Nobody is on call: mend the roster",
    "test_page_missed": "A test page was not answered: mend the way to whoever is on call",
    "number_unusable": "The number takes no texts: ask the patient for another",
    "address_unusable": "The e-mail address does not work: ask the patient for another",
    "patient_not_reached": "The patient was not reached: phone",
    "provider_stopped": "The provider refuses us: look at the account",
    "template_broken": "A text could not be made: report it",
    "sent_or_not_unknown": "It is not known whether a text went out: phone",
    "possible_duplicate": "A text may have gone out twice: look",
    "ops_look": "Something odd at the provider: look",
    "legal_look": "The provider blocks us for a legal reason: look",
    "wrong_number": "Somebody else has this number: correct the record",
    "replies_not_read": "Replies are not being read: look at followup",
    "maybe_cancels_visit": "A STOP that may mean the visit: ask the patient",
}
_HELD_FOR_GOOD = {
    "no_consent": "The booking says that the patient has not agreed to such texts. If that is wrong, mend it in the "
    "booking system; else phone.",
    "no_address": "The booking has no number that takes texts. Ask the patient for one, and enter it in the booking "
    "system.",
}
_BARRED = {"reminders": "reminders", "checkins": "check-ins"}
_SAID = {
    "keyword": "texted STOP",
    "own_words": "asked in their own words to be left alone",
    "cancel_word": "texted CANCEL, which may have meant the visit,",
}
_PURPOSES = {
    "reminder_far": "reminder, days ahead",
    "reminder_near": "reminder, the day before",
    "change_notice": "notice of a change",
    "home_safe": "home-safe question",
    "checkin": "check-in",
    "questionnaire_item": "question",
    "answer_reply": "answer to a reply",
    "opt_out_confirmation": "opt-out confirmed",
    "safety": "safety text",
    "page": "page to staff",
}
_TIERS = {
    "S1": "A patient may be in danger now",
    "S2": "A patient may be at risk",
    "S3": "A patient to look at today",
    "M": "A patient may be ill after the infusion",
}
_DISPOSITIONS = {
    "reached_safe": "reached, and safe",
    "reached_plan_made": "reached, a plan is made",
    "emergency_services": "emergency services are called",
    "seen_in_person": "seen in person",
    "not_reached_handed_on": "not reached, handed on",
    "false_alarm": "a false alarm",
    "drill": "a drill",
}
_QUESTIONNAIRES = {"phq9": "PHQ-9", "phq8": "PHQ-8", "phq2": "PHQ-2", "gad2": "GAD-2"}
_QUESTIONS = {"mood": "mood, 0 to 10", "home_safe": "home safe, 1 or 2"}
_KEYWORDS = {"opt_out": "STOP", "opt_in": "START", "help": "HELP"}
_READINGS = {
    "crisis": "danger",
    "medical_urgent": "perhaps ill after the infusion",
    "possible_crisis": "possible danger",
    "wrong_number": "a wrong number",
    "opt_out": "no more texts wanted",
    "opt_in": "texts wanted again",
    "help": "a wish to know who writes here",
    "cancel_request": "a wish to cancel",
    "reschedule": "a wish for another time",
    "confirm": "a yes to the visit",
    "correction": "an answer put right",
    "score": "an answer",
    "range": "an answer between two numbers",
    "out_of_range": "a number that is no answer",
    "clarify": "perhaps an answer, but not a clear one",
    "question": "a question",
    "ack": "an OK or a thank-you",
    "tapback": "a reaction to a text",
    "auto_reply": "an automatic answer",
    "empty": "no words",
    "unmatched": "nothing that the reader knows",
    "review": "something for a person",
}
_FEEDS_QUEUE = "booking_events"
_CAUSES = {
    "exhausted": "something they need was away for too long",
    "unexpected": "probably a fault of ours",
    "delivery_limit": "their reader ended again and again while it had them in hand",
}
_ADVICE = {
    "refused": "One service of ours wrote what another cannot read: keep one, report it, and send them again after the "
    "release that mends it.",
    "exhausted": "See on the first page whether what they need is back, then send them again.",
    "unexpected": "Probably a fault of ours: report what stands above, and send them again after the release that "
    "mends it.",
    "delivery_limit": "See whether their service keeps ending, then send them again.",
}
_GOOD_EVENTS = frozenset({"sent", "receipt: delivered", "reply received", "booking.completed.v1"})
_BAD_EVENTS = frozenset(
    {"failed", "dropped", "unknown", "receipt: undelivered", "receipt: failed", "not processed", "provider refuses us"}
)


def reason(code: str | None) -> str:
    """Spell why a message was held or ended; a provider's code keeps its number."""
    if not code:
        return ""
    if code.isdigit():
        return code_word(code)
    return _REASONS.get(code, code.replace("_", " "))


def event(what: str) -> str:
    """Spell what happened."""
    return _EVENTS.get(what, what.removesuffix(".v1").replace(".", " ").replace("_", " "))


def detail(what: str, text: str | None) -> str:
    """Spell what more is known of an event."""
    return task(text) if what == "staff task raised" and text else reason(text)


def tone(what: str) -> str:
    """Return how an event is painted: ``good``, ``bad`` or ``plain``."""
    return "good" if what in _GOOD_EVENTS else "bad" if what in _BAD_EVENTS else "plain"


def answer_word(answer: str) -> str:
    """Spell an answer of the provider, or the cause of a pause."""
    if answer.isdigit():
        return f"refuses us: {code_word(answer)}"
    return _ANSWERS.get(answer) or _REASONS.get(answer, answer.replace("_", " ")).removeprefix("the provider ")


def pause_cause(cause: str) -> str:
    """Spell why a clinic is paused."""
    return _PAUSES.get(cause, cause.replace("_", " "))


def letters_cause(queue: str, cause: str, sources: Sequence[str]) -> str:
    """Spell why messages of one kind could not be handled, and by whose doing."""
    if cause != "refused":
        return _CAUSES.get(cause, cause.replace("_", " "))
    if queue != _FEEDS_QUEUE or not sources:
        return "we cannot read what they say"
    feeds = "the feed" if len(sources) == 1 else "the feeds"
    return f"{feeds} {', '.join(sources[:3])} sent what we cannot read"


def letters_advice(cause: str, queue: str, sources: Sequence[str]) -> str:
    """Say what is to be done about messages that could not be handled."""
    if cause == "refused" and queue == _FEEDS_QUEUE:
        whom = f"whoever runs {', '.join(sources[:3])}" if sources else "whoever sends them"
        return (
            f"Sending them again changes nothing: their content is wrong. Ask {whom} to correct what stands above "
            "and to send the bookings again; then discard these."
        )
    return _ADVICE.get(cause, "Find out what happened before sending them again.")


def code_word(code: str) -> str:
    """Spell a provider's error code."""
    if not code.isdigit():
        return code.replace("_", " ")
    number = int(code)
    return f"{_CODES[number]} ({code})" if number in _CODES else f"error {code}"


def tier(name: str) -> str:
    """Spell how urgent a safety case is (DOMAIN.md 3.2)."""
    return f"{_TIERS.get(name, 'A person has to look')} ({name})"


def disposition(name: str | None) -> str:
    """Spell what came of a safety case."""
    return _DISPOSITIONS.get(name or "", (name or "").replace("_", " "))


def task(kind: str) -> str:
    """Spell what a person is asked to do."""
    return _TASKS.get(kind, kind.replace("_", " ").capitalize())


def question(reply: Mapping[str, Any]) -> str:
    """Spell which question was open when a reply came."""
    match reply["asked_about"], reply["instrument"]:
        case None, _:
            return "none"
        case "visit", _:
            return "about a visit"
        case _, None:
            return "a check-in"
        case _, instrument if instrument in _QUESTIONNAIRES:
            return f"{_QUESTIONNAIRES[instrument]}, question {reply['item']}"
        case _, instrument:
            return _QUESTIONS.get(instrument, str(instrument).replace("_", " "))


def reading(reply: Mapping[str, Any]) -> str:
    """Spell what a reply was read as: by the notifier if it was a keyword, and by the reader."""
    keyword = _KEYWORDS.get(reply["handled_as"])
    if reply["reading"] is None:
        said = "an answer to a page, but not a clear one"
    else:
        said = ", ".join(_READINGS.get(part, part.replace("_", " ")) for part in reply["reading"].split("+"))
    return f"the keyword {keyword}; {said}" if keyword else said


def spell_for(duration: timedelta) -> str:
    """Spell a duration by its two largest units, for example ``2 h 5 min``."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} days"


def barriers(
    bars: Sequence[Mapping[str, Any]],
    upcoming: Sequence[Mapping[str, Any]],
    pauses: Mapping[str, Pause],
    zone: ZoneInfo,
) -> list[str]:
    """Say what keeps texts from a patient as things stand, and who can undo it; ``pauses`` by scope, as they stand."""
    lines = [_bar(bar, zone) for bar in bars]
    waiting = [row for row in upcoming if row["wanted"]]
    held = {row["reason"] for row in waiting if row["state"] == "held"}
    lines += [sentence for code, sentence in _HELD_FOR_GOOD.items() if code in held]
    for pause in (pauses[clinic_id] for clinic_id in sorted({row["clinic_id"] for row in waiting} & pauses.keys())):
        by = f" by {pause.who}" if pause.who else ""
        lines.append(
            f"All texts of {pause.scope} are held: it was paused {spell_for(pause.lasts)} ago{by} "
            f"({pause_cause(pause.cause)}). They go on once somebody resumes it."
        )
    if waiting and "provider" in pauses:
        lines.append(f"Nothing is being sent to anybody: the provider {answer_word(pauses['provider'].cause)}.")
    return lines


def _bar(bar: Mapping[str, Any], zone: ZoneInfo) -> str:
    how, when = str(bar["how"]), _when(bar["since"], zone)
    if bar["kind"] == "unusable":
        return (
            f"The number takes no texts: {code_word(how.removeprefix('provider '))}, found on {when}. "
            "Ask the patient for another number; a booking that brings it mends this."
        )
    if how == "wrong_number":
        return (
            f"Whoever has this number said on {when} that it is not the patient's. Ask the patient for the right one."
        )
    what = _BARRED.get(bar["kind"], "texts")
    said = _SAID.get(how, "opted out")
    return f"The patient {said} on {when}: no {what} go to that number. Only START from it undoes that; phone instead."


def in_short(
    events: Sequence[Mapping[str, Any]],
    upcoming: Sequence[Mapping[str, Any]],
    zone: ZoneInfo,
    *,
    is_barred: bool = False,
) -> list[str]:
    """Answer the usual questions about a patient in a few sentences: the last text, the next, and what is held."""
    lines = []
    sent = [each for each in events if each["what"] == "sent"]
    if sent:
        last = sent[-1]
        receipts = [each for each in events if each["what"].startswith("receipt: ") and each["key"] == last["key"]]
        told = event(receipts[-1]["what"]) if receipts else "no receipt yet"
        if receipts and receipts[-1]["detail"]:
            told += f": {reason(receipts[-1]['detail'])}"
        lines.append(f"The last text went out on {_when(last['at'], zone)} ({_purpose(last)}; {told}).")
    else:
        lines.append("No text has gone out yet.")
    lines += [
        f"Held: {_purpose(row)}, because {reason(row['reason'])}."
        for row in upcoming
        if row["wanted"] and row["state"] == "held"
    ]
    waiting = [row for row in upcoming if row["wanted"] and row["state"] == "planned"]
    if waiting:
        first = min(waiting, key=lambda row: row["due_at"])
        but = "; as things stand it will be held" if is_barred else ""
        lines.append(f"The next text is planned for {_when(first['due_at'], zone)} ({_purpose(first)}){but}.")
    elif not any(row["wanted"] for row in upcoming):
        lines.append("Nothing more is planned.")
    gone = [each for each in events if each["what"] in {"dropped", "failed"}]
    if gone:
        last = gone[-1]
        why = f", because {reason(last['detail'])}" if last["detail"] else ""
        lines.append(f"Not sent on {_when(last['at'], zone)}: {_purpose(last)}{why}.")
    return lines


def purpose(name: str | None) -> str:
    """Spell what a message is for."""
    if not name:
        return "a text"
    return _PURPOSES.get(name, name.replace("_", " "))


def _purpose(row: Mapping[str, Any]) -> str:
    return purpose(row["purpose"])


def _when(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%A, %b} {local.day} {local.year} at {local:%H:%M}"
