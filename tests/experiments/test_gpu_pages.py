"""What docs/performance.md and README.md say of GPUs is what results/gpu holds, and no more."""

import json
from pathlib import Path

import pytest

from gpu_steps import STEPS
from gpu_steps.page import BEGIN, COLUMNS, END, UNKNOWN, found, headlines, pages, performance, rewritten

ROOT = Path(__file__).parent.parent.parent


def test_the_pages_say_what_the_results_hold():
    wrong = [path.name for path, text in pages(ROOT).items() if path.read_text() != text]
    assert wrong == [], "run: python experiments/gpu.py --page"


def test_every_step_has_columns():
    assert set(COLUMNS) == {step.name for step in STEPS}


def test_without_results_each_row_says_so(tmp_path):
    assert performance(tmp_path).count(UNKNOWN) == len(STEPS)
    assert headlines(tmp_path).count(UNKNOWN) == headlines(tmp_path).count("\n") - 1


def test_a_result_fills_its_row_with_its_card(tmp_path):
    part = {
        "training_seconds": 51.26,
        "passes": 2_000_000,
        "linear_accuracy": {"value": 85.31, "interval": [84.6, 86.0]},
        "environment": {"device": "a card"},
    }
    document = {"schema": 1, "step": "speedrun", "what": "", "tiny": False, "parts": {"seed 0": part}}
    (tmp_path / "speedrun.json").write_text(json.dumps(document))
    assert "| seed 0 (a card) | 51.3 s | 2,000,000 | 85.3 % |" in performance(tmp_path)
    assert "| the same, seconds from uint8 pixels to weights | 51.3 s | a card |" in headlines(tmp_path)
    assert performance(tmp_path).count(UNKNOWN) == len(STEPS) - 1


def test_a_place_that_is_not_there_is_no_number():
    assert found({"a": {"b": 1}}, "a/b") == 1
    assert found({"a": {"b": 1}}, "a/c") is None
    assert found({"a": 2}, "a/b") is None


def test_a_page_without_marks_is_refused():
    assert rewritten(f"x\n{BEGIN}old{END}\ny", "new") == f"x\n{BEGIN}\n\nnew\n\n{END}\ny"
    with pytest.raises(ValueError, match="expected the marks"):
        rewritten("x", "new")
