"""Receipts, errors, and settling an unknown outcome."""

import itertools
from datetime import timedelta

import pytest

from services.notifier.domain.answer import ProviderMessage, Remedy
from services.notifier.domain.receipt import RANK, Receipt, advance
from services.notifier.domain.settle import Absent, Found, LookAgain, Undecidable, settle
from services.notifier.providers.twilio_errors import RULES, rule_for
from tests.builders import ny

STARTED = ny("2026-12-01 12:00")


def test_receipts_only_move_forward_in_any_order():  # RELIABILITY.md I9
    path = [Receipt.QUEUED, Receipt.SENDING, Receipt.SENT, Receipt.DELIVERED]
    for order in itertools.permutations([*path, *path]):
        current = None
        for reported in order:
            progress = advance(current, reported)
            if progress.applies:
                assert current is None or RANK[reported] > RANK[current]
                current = reported
        assert current is Receipt.DELIVERED


@pytest.mark.parametrize(
    "pair", list(itertools.permutations([Receipt.DELIVERED, Receipt.UNDELIVERED, Receipt.FAILED], 2))
)
def test_a_second_final_receipt_contradicts_and_changes_nothing(pair):
    progress = advance(*pair)
    assert (progress.applies, progress.contradicts) == (False, True)


def listed(reference="SM1", body="hello", *, seconds=1, outbound=True):
    return ProviderMessage(reference, body, STARTED + timedelta(seconds=seconds), outbound)


@pytest.mark.parametrize(
    ("rows", "looks", "attempt", "expected"),
    [
        ([listed()], 1, 1, Found("SM1")),
        ([listed(seconds=-4)], 1, 1, Found("SM1")),
        ([listed(seconds=-6)], 1, 1, LookAgain()),  # created before we asked
        ([listed(outbound=False)], 1, 1, LookAgain()),
        ([listed(body="another text")], 1, 1, LookAgain()),
        ([listed("SMtaken")], 1, 1, LookAgain()),
        ([listed("SMlate", seconds=9), listed("SMfirst", seconds=2)], 1, 1, Found("SMfirst")),
        ([], 1, 1, LookAgain()),
        ([], 2, 1, Absent()),
        ([], 2, 5, Undecidable()),
        ([listed(body=None)], 1, 1, Undecidable()),  # the provider keeps no text: nothing is certain
    ],
)
def test_what_a_listing_proves(rows, looks, attempt, expected):
    finding = settle(
        rows, is_ours=lambda body: body == "hello", started_at=STARTED, taken={"SMtaken"}, looks=looks, attempt=attempt
    )
    assert finding == expected


def test_a_code_that_nobody_listed_is_never_retried():
    assert rule_for("99999").remedy is Remedy.NONE
    assert rule_for("99999").retry_delay(0) is None


@pytest.mark.parametrize(
    ("code", "delays"),
    [
        (30003, [timedelta(minutes=30), timedelta(hours=2), None]),
        (30008, [timedelta(minutes=5), None]),
        (30007, [None]),
        (21610, [None]),
    ],
)
def test_how_often_a_text_is_tried_again(code, delays):  # DOMAIN.md 5.4
    assert [RULES[code].retry_delay(resends) for resends in range(len(delays))] == delays
