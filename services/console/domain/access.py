"""Who may do what in the window."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is here for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    CLINICIAN = "clinician"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a page or an act asks for."""

    LOOK = "look"
    OPERATE = "operate"  # replay, discard; pause, resume, try again; say that a feed has ended
    FINISH_TASKS = "finish_tasks"
    SEE_VALUES = "see_values"  # a patient's data behind a dead letter
    SEE_SCORES = "see_scores"
    ANSWER_ALERTS = "answer_alerts"  # acknowledge, close
    READ_WORDS = "read_words"  # what a patient wrote, and the number: a clinician alone
    SEE_AUDIT = "see_audit"


_OF_ROLE = {
    Role.VIEWER: frozenset({Permission.LOOK}),
    Role.OPERATOR: frozenset({Permission.LOOK, Permission.OPERATE, Permission.FINISH_TASKS}),
    Role.CLINICIAN: frozenset(
        {
            Permission.LOOK,
            Permission.FINISH_TASKS,
            Permission.SEE_VALUES,
            Permission.SEE_SCORES,
            Permission.ANSWER_ALERTS,
            Permission.READ_WORDS,
        }
    ),
    Role.ADMIN: frozenset(Permission) - {Permission.READ_WORDS},
}


def may(role: Role, permission: Permission) -> bool:
    """Return whether somebody in a role may do what asks for a permission."""
    return permission in _OF_ROLE[role]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in."""

    person: str
    role: Role

    def may(self, permission: str) -> bool:
        """Return whether they may do what asks for a permission."""
        return may(self.role, Permission(permission))
