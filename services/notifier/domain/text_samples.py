"""Plausible and extreme values for every template, so that texts can be linted and read before a patient gets them."""

from typing import Any

from services.notifier.domain.checkin_texts import checkin_samples

_FIRST = "2026-12-30T22:30:00+00:00"
_VISIT = {"starts_at": _FIRST, "modality": "in_person"}
_PREPARATION = {
    "fast_solids_from": "2026-12-30T16:30:00+00:00",
    "fast_clear_from": "2026-12-30T20:30:00+00:00",
    "ride": True,
}
_LONGEST_TIMES = {
    "starts_at": "2026-12-30T17:30:00+00:00",
    "preparation": {
        "fast_solids_from": "2026-12-30T15:30:00+00:00",
        "fast_clear_from": "2026-12-30T16:30:00+00:00",
        "ride": True,
    },
}
"""No clock time takes more room than 12:30 PM."""
_SIX = [
    {"starts_at": f"2026-12-{day:02d}T{hour}:00:00+00:00", "modality": "in_person"}
    for day, hour in ((14, 15), (16, 15), (18, 15), (21, 15), (23, 15), (28, 15))
]
_SIX_AT_ODD_TIMES = [
    {"starts_at": f"2026-12-{day:02d}T{hour}:30:00+00:00", "modality": "in_person"}
    for day, hour in ((14, 15), (16, 16), (18, 15), (21, 17), (23, 15), (28, 16))
]

LONG_TEXTS = {
    ("confirmation", "prepared"),
    ("confirmation", "six visits"),
    ("confirmation", "six visits at odd times"),
    ("moved", "prepared"),
    ("enrolment", "plain"),
    ("enrolment", "a series"),
}
"""Texts that may take two parts in English: they say more than one thing."""

_PLAIN = {
    *("notice", "help", "opt_in_confirmation", "opt_out_confirmation", "opt_out_checkins", "opt_out_reminders"),
    *("question_passed_on", "no_visit_found", "visit_stands_otherwise", "ops_replies_not_read"),
}
"""Texts that always look the same."""


def samples(template: str, *, clinic_name: str, clinic_phone: str, time_zone: str) -> dict[str, dict[str, Any]]:
    """Return named sets of values for a template."""
    base: dict[str, Any] = {
        "clinic_name": clinic_name,
        "clinic_phone": clinic_phone,
        "time_zone": time_zone,
        "starts_at": _FIRST,
        "visits": [_VISIT],
        "bookings": ["bk_1"],
        "was_at": "2026-12-28T15:00:00+00:00",
        "preparation": None,
        "is_confirmed": False,
    }
    asked = checkin_samples(template, base)
    if asked is not None:
        return asked
    video = [{**_VISIT, "modality": "telemedicine"}]
    if template == "enrolment":
        return {"plain": {**base, "weekly": 7}, "a series": {**base, "weekly": 14}}
    if template in _PLAIN:
        return {"plain": base}
    if template in ("change_passed_on", "cancellation_passed_on"):
        return {"plain": base, "no visit known": {**base, "starts_at": None, "visits": []}}
    if template == "visit_confirmed":
        return {"plain": base, "two visits": {**base, "visits": [_VISIT, _VISIT]}}
    sets = {"plain": base, "by video": {**base, "visits": video}}
    if template in ("confirmation", "moved", "reminder_near"):
        sets["prepared"] = {**base, "preparation": _PREPARATION}
    if template == "moved":
        sets["same day"] = {**base, "was_at": "2026-12-30T15:00:00+00:00"}
        sets["now by video"] = {**base, "visits": video, "was_at": _FIRST}
    if template == "confirmation":
        sets["six visits"] = {**base, "visits": _SIX, "starts_at": _SIX[0]["starts_at"]}
        sets["six visits at odd times"] = {**base, "visits": _SIX_AT_ODD_TIMES, "starts_at": _FIRST}
    if template in ("reminder_far", "reminder_near"):
        sets |= _reminders(template, base)
    return sets


def _reminders(template: str, base: dict[str, Any]) -> dict[str, dict[str, Any]]:
    two = {**base, "visits": [_VISIT, _VISIT]}
    sets = {"two visits": two, "confirmed": {**base, "is_confirmed": True}}
    if template == "reminder_near":
        sets["two visits, prepared"] = {**two, **_LONGEST_TIMES}
    return sets
