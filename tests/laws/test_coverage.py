"""How often intervals hold and tests err: every row of docs/statistics.md by simulation, and the formulas before."""

import json
from pathlib import Path

import pytest

from coverage_rows import BEFORE_DRAWS, LEAST, MOST, ROWS, UNLUCKY, row_of

MEASURED = json.loads((Path(__file__).parents[2] / "results" / "coverage.json").read_text())["rows"]
LEAST_DRAWS, SHARE_OF_DRAWS = 200, 4
"""A test draws a quarter of what the file was made with, but not under 200: the band for luck is as much wider."""
CASES = [(row, case) for row in ROWS for case in ROWS[row].cases]
BEFORE = [(row, case) for row in ROWS for case in ROWS[row].before]
slow = pytest.mark.slow


@slow
@pytest.mark.parametrize(("row", "case"), CASES)
def test_what_is_printed_holds_as_often_as_the_table_says(row, case):
    draws = max(LEAST_DRAWS, ROWS[row].draws // SHARE_OF_DRAWS)
    share = ROWS[row].cases[case](draws)
    assert ROWS[row].accepted(share, draws), share


@slow
@pytest.mark.parametrize(("row", "case"), BEFORE)
def test_the_formula_before_does_not_hold(row, case):
    draws = min(ROWS[row].draws, BEFORE_DRAWS)
    share = ROWS[row].before[case](draws)
    assert not ROWS[row].accepted(share, draws), share


@pytest.mark.parametrize("row", ROWS)
def test_the_file_has_each_row_and_bears_the_claim_out(row):
    found, stated = MEASURED[row], ROWS[row]
    assert found["draws"] == stated.draws and list(found["cases"]) == list(stated.cases), "run interval_coverage.py"
    missed = {case: share for case, share in found["cases"].items() if not stated.accepted(share, stated.draws)}
    assert missed == {}
    assert list(found["before"]) == list(stated.before)
    draws = min(stated.draws, BEFORE_DRAWS)
    assert not [case for case, share in found["before"].items() if stated.accepted(share, draws)]


def test_a_claim_is_refused_where_it_is_off_by_more_than_luck():
    """The tolerance: the fewest draws of any row find out a coverage of 0.85, and 4,000 one of 0.90."""
    interval, error, least = ROWS["std"], ROWS["ranking"], LEAST_DRAWS
    assert min(row.draws for row in ROWS.values()) >= least
    assert not interval.accepted(0.85, least) and not interval.accepted(0.90, 4000)
    assert interval.accepted(LEAST, least) and interval.accepted(LEAST, 4000)
    assert not error.accepted(0.12, least) and not error.accepted(0.1, 400)
    assert error.accepted(MOST, least) and UNLUCKY <= 0.001


@pytest.mark.parametrize(("row", "case", "draws"), [("std", "10 equal classes, 45 images each", 40)])
def test_one_row_is_measured_in_the_fast_tests_too(row, case, draws):
    assert ROWS[row].accepted(ROWS[row].cases[case](draws), draws)
    (before,) = ROWS[row].before.values()
    assert not ROWS[row].accepted(before(draws), draws)


def test_each_score_pattern_stands_in_one_row():
    patterns = [pattern for row in ROWS.values() for pattern in row.scores]
    assert len(patterns) == len(set(patterns))


def test_a_pattern_reads_as_it_should():
    assert row_of("robustness", "robust_accuracy_8_255") == "wilson"
    assert row_of("robustness", "robust_accuracy_8_255_few") == "class_means"
    assert row_of("balance", "few_shot_std") == "std" and row_of("balance", "std_above_reference") == "two_intervals"
    assert row_of("privacy", "best_balanced_accuracy_cosine") is None
