"""Samples and lint rules of the texts that followup plans: questions, thanks, safety texts, pages."""

from dataclasses import dataclass
from typing import Any

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TextRule:
    """What one text may look like. ``names_feelings``: it asks about them, with a consent that says so (H2)."""

    english_parts: int = 1
    spanish_parts: int = 2
    must_contain: tuple[str, ...] = ("{clinic_name}",)
    names_feelings: bool = False


_EMERGENCY = ("{clinic_name}", "911", "988")
_ITEM = {"instrument": "phq9", "items": 9, "variant": "first", "who": ""}
_SAMPLES: dict[str, dict[str, Values]] = {
    "checkin_today": {variant: {"variant": variant} for variant in ("first", "nudge", "again")},
    "home_safe": {variant: {"variant": variant} for variant in ("first", "nudge", "again")},
    "questionnaire_item": {
        **{f"item {item}": {**_ITEM, "item": item} for item in range(1, 10)},
        "nudge": {**_ITEM, "item": 8, "variant": "nudge"},
        "again": {**_ITEM, "item": 3, "variant": "again", "who": ""},
        "gad2 item 2": {**_ITEM, "instrument": "gad2", "items": 2, "item": 2},
    },
    **{
        name: {"plain": {}}
        for name in (
            *("answer_noted", "answer_noted_low", "answer_changed", "home_safe_noted", "question_closed", "passed_on"),
            *("safety_crisis", "safety_alerted", "safety_possible", "safety_medical"),
        )
    },
    "page": {
        "case": {"drill": False, "variant": "first", "who": ""},
        "test": {"drill": True, "variant": "first", "who": ""},
        "again": {"drill": False, "variant": "again", "who": ""},
        "more": {"drill": False, "variant": "more", "who": ""},
        "taken": {"drill": False, "variant": "taken", "who": "Dr. Osei"},
    },
    "page_call": {"case": {"drill": False}, "test": {"drill": True}},
}
_ITEM_RULE = TextRule(2, 5, must_contain=(), names_feelings=True)
_RULES: dict[tuple[str, str], TextRule] = {
    ("checkin_today", "first"): TextRule(must_contain=_EMERGENCY),
    ("checkin_today", "nudge"): TextRule(must_contain=_EMERGENCY),
    ("checkin_today", "again"): TextRule(must_contain=("0", "10")),
    ("home_safe", "first"): TextRule(must_contain=_EMERGENCY),
    ("home_safe", "nudge"): TextRule(2, must_contain=_EMERGENCY),
    ("home_safe", "again"): TextRule(must_contain=("911",)),
    ("questionnaire_item", "item 1"): TextRule(2, 6, must_contain=_EMERGENCY, names_feelings=True),
    ("questionnaire_item", "nudge"): TextRule(3, 6, must_contain=_EMERGENCY, names_feelings=True),
    ("questionnaire_item", "item 9"): TextRule(2, 5, must_contain=("911", "988"), names_feelings=True),
    ("safety_crisis", "plain"): TextRule(1, 3, must_contain=("911", "988")),
    ("safety_alerted", "plain"): TextRule(1, 3, must_contain=("{clinic_phone}", "988")),
    ("safety_possible", "plain"): TextRule(1, 3, must_contain=("{clinic_phone}", "911", "988")),
    ("safety_medical", "plain"): TextRule(1, 3, must_contain=("{clinic_phone}", "911")),
    ("page_call", "case"): TextRule(2, 3),
}


def checkin_samples(template: str, base: Values) -> dict[str, Values] | None:
    """Return named sets of values for one of these templates, or None for another."""
    found = _SAMPLES.get(template)
    longest = {"case": "case-0123456789", "look_at": base.get("look_at", "the console")}
    return None if found is None else {name: {**base, **longest, **values} for name, values in found.items()}


def checkin_rule(template: str, case: str) -> TextRule | None:
    """Return the rule for one of these texts, or None for another."""
    if template not in _SAMPLES:
        return None
    default = _ITEM_RULE if template == "questionnaire_item" else TextRule()
    return _RULES.get((template, case), default)
