"""Nothing personal reaches a log line, whatever is logged and whatever fails (I15, F49)."""

import asyncio
import gc
import io
import json
import logging
import sys

import psycopg
import pytest
import structlog
from pydantic import BaseModel, ValidationError

from shared.kernel.contact import PhoneNumber
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.telemetry.log import ALLOWED_KEYS, configure_logging, log

NAME, TEXT, PHONE, EMAIL = "Canaria", "I feel like a canary", "+12125550987", "canary@example.org"
CANARIES = (NAME, TEXT, PHONE, PHONE[2:], "212-555-0987", "(212) 555-0987", EMAIL)


@pytest.fixture
def lines():
    """What has been logged so far, as text; everything goes through the product's own configuration."""
    root, hook, stream = logging.getLogger(), sys.excepthook, io.StringIO()
    before = (root.handlers, root.level)
    configure_logging("test", level="DEBUG", stream=stream)
    yield stream.getvalue
    root.handlers, sys.excepthook = before[0], hook
    root.setLevel(before[1])
    structlog.reset_defaults()


def check(lines, *, count=None):
    text = lines()
    assert text, "nothing was logged, so nothing was tested"
    for canary in CANARIES:
        assert canary not in text
    rows = [json.loads(line) for line in text.splitlines()]
    assert all(row.keys() <= ALLOWED_KEYS | {"redacted"} for row in rows)
    assert count is None or len(rows) == count
    return rows


def test_a_key_that_is_not_allowed_is_dropped_and_counted(lines):
    log.info("sent", phone=PHONE, name=NAME, body=TEXT, channel="sms")
    (row,) = check(lines)
    assert (row["event"], row["channel"], row["redacted"]) == ("sent", "sms", 3)


@pytest.mark.parametrize("key", sorted(ALLOWED_KEYS - {"level", "timestamp", "service", "event"}))
def test_what_looks_like_a_number_or_an_address_is_blanked_under_any_key(lines, key):
    for value in (PHONE, f"to {PHONE}", "212-555-0987", "(212) 555-0987", EMAIL, f"x {EMAIL} y", PhoneNumber(PHONE)):
        log.info("sent", **{key: value})
    check(lines, count=7)


def test_values_that_are_not_plain_show_only_their_type(lines):
    log.info("sent", type={"name": NAME}, state=PhoneNumber(PHONE), reason=ValueError(TEXT), refs=[NAME])
    (row,) = check(lines)
    assert (row["type"], row["state"], row["reason"]) == ("dict", "PhoneNumber", "ValueError")


def test_a_list_of_values_shows_nothing_personal(lines):
    log.info("sent", reason=[NAME, PHONE], at=[PHONE])
    (row,) = check(lines)
    assert (row["reason"], row["at"]) == ("list", ["[redacted]"])


def test_line_breaks_do_not_make_lines(lines):
    log.info("sent", reason='x\n{"event": "forged"}\x1b[31m')
    check(lines, count=1)


class Patient(BaseModel):
    given_name: int


def personal_errors():
    def unique(error):
        return error

    try:
        Patient.model_validate({"given_name": NAME})
    except ValidationError as error:
        yield error
    yield unique(KeyError(TEXT))
    yield psycopg.errors.UniqueViolation(f"Key (phone)=({PHONE}) already exists.")
    wrapped = DependencyUnavailableError("away")
    wrapped.__cause__ = ConnectionError(f"for {NAME} <{EMAIL}>")
    yield wrapped
    yield PermanentError(f"call {PHONE}")


@pytest.mark.parametrize("error", list(personal_errors()), ids=lambda error: type(error).__name__)
def test_an_error_is_its_type_and_place_and_never_its_text(lines, error):
    text, name = TEXT, NAME  # local variables are not shown either
    try:
        raise error
    except type(error):
        log.error("handling failed", exc_info=True)
        log.error("handling failed", exc_info=error)
        logging.getLogger("aiohttp.server").exception("failed for %s", name)
    rows = check(lines, count=3)
    assert all(row["exception"].startswith(type(error).__name__) for row in rows)
    assert all("test_logging.py" in str(row["at"]) for row in rows)
    assert (text, name) == (TEXT, NAME)


def test_what_an_error_came_from_is_named(lines):
    for error in personal_errors():
        if error.__cause__:
            log.warning("waiting", exc_info=error)
    (row,) = check(lines)
    assert row["exception"] == "DependencyUnavailableError from ConnectionError"


@pytest.mark.parametrize(
    "logger", ["twilio", "twilio.http_client", "psycopg.pool", "aiormq.connection", "aiohttp.access", "unheard.of"]
)
def test_a_library_shows_no_arguments_and_no_text_of_its_own(lines, logger):
    logging.getLogger(logger).warning("sending %s to %s", TEXT, PHONE)
    logging.getLogger(logger).error("failed for %(name)s", {"name": NAME})
    if logger in {"twilio", "twilio.http_client", "unheard.of"}:
        spelled_out = f"Body: {TEXT} To: {PHONE}"
        logging.getLogger(logger).warning(spelled_out)
    logging.getLogger(logger).info("quiet: %s", TEXT)
    check(lines)


async def test_a_task_that_failed_unnoticed_shows_no_text(lines):
    async def fail():
        raise ValueError(f"{NAME}: {TEXT}")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    (row,) = check(lines)
    assert (row["logger"], row["event"], row["exception"]) == (
        "asyncio",
        "Task exception was never retrieved",
        "ValueError",
    )


def test_what_ends_the_process_shows_no_text(lines, capsys):
    sys.excepthook(ValueError, ValueError(f"{NAME}: {TEXT}"), None)
    (row,) = check(lines)
    assert (row["event"], row["exception"]) == ("ended by an error", "ValueError")
    assert TEXT not in capsys.readouterr().err


def test_ids_that_look_like_numbers_stay_readable(lines):
    log.info(
        "seen",
        message_id="3f2b8c1e-1111-4222-8333-944455556666",
        provider_reference="SM" + "1" * 32,
        patient_ref="pt_" + "4" * 24,
    )
    (row,) = check(lines)
    assert row["provider_reference"] == "SM" + "1" * 32
    assert row["message_id"] == "3f2b8c1e-1111-4222-8333-944455556666"
