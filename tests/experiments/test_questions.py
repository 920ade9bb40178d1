"""The small questions: what is compared, what would have been seen, and a whole run at toy scale."""

import json

import numpy as np
import pytest

import power
import questions


def row(arm: str, seed: int, value: float, epochs: int = 50) -> dict:
    return {"arm": arm, "epochs": epochs, "seed": seed, "scores": dict.fromkeys(questions.BALANCE, value)}


def test_arms_are_compared_seed_by_seed_at_equal_budgets():
    rows = [row("simclr", seed, 50 + 10 * seed) for seed in range(3)]
    rows += [row("sdclr-0.9", seed, 51 + 11 * seed) for seed in range(3)] + [row("sdclr-0.9", 0, 90.0, epochs=200)]
    (found,) = questions.compared(rows)
    assert (found["arm"], found["against"], found["epochs"], found["seeds"]) == ("sdclr-0.9", "simclr", 50, 3)
    assert found["differences"]["all"]["value"] == pytest.approx(2)
    half = 4.302653 * 1 / np.sqrt(3)  # of the differences 1, 2 and 3
    assert found["differences"]["all"]["interval"] == pytest.approx((2 - half, 2 + half))


def test_the_difference_that_would_be_seen_is_seen_in_four_of_five_draws():
    deltas = [1.0, 3.0, 2.0, 4.0, 0.0]
    effect = power.seen(deltas)
    draws = np.random.default_rng(1).normal(effect, np.std(deltas, ddof=1), size=(4000, 5))
    half = 2.776 * draws.std(1, ddof=1) / np.sqrt(5)
    assert np.mean(np.abs(draws.mean(1)) > half) == pytest.approx(0.8, abs=0.03)
    mean, half = np.mean(deltas), 2.776 * np.std(deltas, ddof=1) / np.sqrt(5)
    assert power.seen_by_interval((mean - half, mean + half), 5) == pytest.approx(effect, rel=0.01)


@pytest.mark.slow
def test_a_tiny_run_answers_every_question_and_goes_on(tmp_path, monkeypatch, capsys):
    results = tmp_path / "questions.json"
    words = ["questions.py", "--tiny", "--epochs", "1", "--seeds", "2", "--results", str(results)]
    monkeypatch.setattr("sys.argv", words)
    questions.main()
    document = json.loads(results.read_text())
    assert len(document["cells"]) == 18
    assert {one["question"] for one in document["compared"]} == set(questions.QUESTIONS)
    assert all(0 <= value <= 100 for cell in document["cells"] for value in cell["scores"].values())
    assert all(cell["steps"] > 0 for cell in document["cells"])
    capsys.readouterr()
    questions.main()
    assert capsys.readouterr().out == "", "a cell that is there was run again"
    assert json.loads(results.read_text()) == document
