"""Let what fails for one patient, case or text not stop what is due for the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.kernel.errors import DependencyUnavailableError
from shared.telemetry.log import log


@contextmanager
def one_at_a_time(sentence: str, **about: str) -> Iterator[None]:
    """Log a failure and go on; only a dependency that is away stops everybody alike."""
    try:
        yield
    except DependencyUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever fails for one must not silence the rest
        log.error(sentence, **about, exc_info=error)
