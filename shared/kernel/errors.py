"""Errors that know whether trying again can help."""


class AftercareError(Exception):
    """Root of the errors we raise on purpose. Their text never holds a person's data."""


class PermanentError(AftercareError):
    """Trying again cannot help: a person has to look. ``reason`` names the field, never its value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransientError(AftercareError):
    """Trying again later may help; each try counts as an attempt."""


class DependencyUnavailableError(AftercareError):
    """The database or the broker is away: nobody's fault, so waiting does not count as an attempt."""


class ConfigurationError(AftercareError):
    """The program cannot start as configured. The text says what to change, line by line."""
