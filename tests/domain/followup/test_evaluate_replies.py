"""``aftercare evaluate-replies``, and how well the reader does on the files that come with it."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main

HERE = Path(__file__).parent
HEADER = "reply,prompt_kind,expected_interpretation,expected_value,note\n"


@pytest.fixture
def evaluate(capsys):
    def run(file):
        status = main(["evaluate-replies", str(file)])
        lines = capsys.readouterr().out.splitlines()
        return status, lines, json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None

    return run


@pytest.mark.parametrize(
    ("file", "at_least"),
    [
        ("replies.csv", 0.99),
        ("replies_held_out.csv", 0.97),
        ("replies_reading.csv", 0.99),
        ("replies_safety.csv", 0.99),
    ],
)
def test_the_reader_on_real_life_replies(evaluate, file, at_least):
    status, lines, figures = evaluate(HERE / file)
    assert figures["as_expected"] >= at_least * figures["rows"], "\n".join(lines)
    assert figures["crisis_reached_human"] == figures["crisis_rows"], "\n".join(lines)
    assert (figures["false_pages"], status) == (0, 0), "\n".join(lines)


def test_every_miss_is_printed_and_the_last_line_is_the_count(evaluate, tmp_path):
    file = tmp_path / "replies.csv"
    file.write_text(
        HEADER
        + "6,mood_0_10,score,6,\n7,mood_0_10,score,6,\nup to 7 from 2,mood_0_10,clarify,,[or: score] [not: 2]\ni want to die,none,crisis,,\n"
    )
    status, lines, figures = evaluate(file)
    assert figures == {"rows": 4, "as_expected": 3, "crisis_rows": 1, "crisis_reached_human": 1, "false_pages": 0}
    assert [line for line in lines if "line 3" in line]
    assert status == 0


def test_a_crisis_that_reaches_nobody_is_an_error(evaluate, tmp_path):
    file = tmp_path / "replies.csv"
    file.write_text(HEADER + "6,mood_0_10,crisis,,\n")
    assert evaluate(file)[0] == 1


def test_a_crisis_that_only_the_reading_list_brings_to_a_human_is_counted_and_told(evaluate, tmp_path):
    file = tmp_path / "replies.csv"
    file.write_text(HEADER + "the lilies go to my sister then,none,crisis,,\n")
    status, lines, figures = evaluate(file)
    assert (figures["crisis_reached_human"], status) == (1, 0)
    assert lines[-2] == "crisis rows that reach a human only by the reading list: 1"


def test_a_page_for_a_harmless_row_is_counted(evaluate, tmp_path):
    file = tmp_path / "replies.csv"
    file.write_text(HEADER + "i want to die,mood_0_10,clarify,,\n")
    assert evaluate(file)[2]["false_pages"] == 1


@pytest.mark.parametrize(("row", "named"), [("6,mood,score,6,\n", "line 2"), ("6,mood_0_10,scor,6,\n", "line 2")])
def test_a_cell_that_means_nothing_is_named(capsys, tmp_path, row, named):
    file = tmp_path / "replies.csv"
    file.write_text(HEADER + row)
    assert main(["evaluate-replies", str(file)]) == 2
    assert named in capsys.readouterr().err
