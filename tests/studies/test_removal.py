import json
from dataclasses import replace

import numpy as np
import pytest

from holdfast.audits import audit, load_pairs
from holdfast.data import load_images
from holdfast.studies import StudyConfig, parse_removal, run_removal, run_study
from holdfast.studies.removal import removed_ids

SETTINGS = StudyConfig(pairs=2, external=0.3, candidates=0.2)


@pytest.fixture
def study(run):
    folder = run_study(run, SETTINGS)
    images = load_images("digits", size=8, limit=150)
    (finding,) = audit(str(run), images, axes=["memorization"], pairs=load_pairs(folder), views=4)
    return folder, finding


def test_rules_are_parsed_and_misspelt_ones_refused():
    assert parse_removal("top:500,random:20") == [("top", 500), ("random", 20)]
    for text in ("tip:5", "top", "top:0", "top:x", ""):
        with pytest.raises(ValueError, match="expected rules such as"):
            parse_removal(text)


def _made(folder, kind):
    (made,) = (folder / "removed").glob(f"{kind}-5-*")
    return made


def test_removed_images_are_trained_without_and_compared_pair_by_pair(study):
    folder, finding = study
    rows = run_removal(folder, finding, [("top", 5), ("random", 5)])
    assert [row["removed"] for row in rows] == ["nothing", "top-5", "random-5"]
    assert [row["encoders"] for row in rows] == [2, 2, 2]
    whole = json.loads((folder / "f.json").read_text())
    for kind in ("top", "random"):
        gone = removed_ids(finding, kind, 5, seed=0)
        trained = json.loads((_made(folder, kind) / "pair-1" / "ids.json").read_text())["train"]
        assert trained == sorted(set(whole) - set(gone.tolist()))
        seeds = [
            json.loads((folder / path / "config.json").read_text())["seed"]
            for path in ("pair-1/f", _made(folder, kind) / "pair-1")
        ]
        assert seeds[0] == seeds[1]
    change = rows[1]["linear_accuracy"] - rows[0]["linear_accuracy"]
    assert rows[1]["linear_accuracy_change"] == pytest.approx(change)
    assert rows[1]["linear_accuracy_low"] <= change <= rows[1]["linear_accuracy_high"]
    assert rows[0]["linear_accuracy_change"] is None
    beyond = rows[1]["linear_accuracy"] - rows[2]["linear_accuracy"]
    assert rows[1]["linear_accuracy_beyond"] == pytest.approx(beyond)
    assert rows[1]["linear_accuracy_beyond_low"] <= beyond <= rows[1]["linear_accuracy_beyond_high"]
    assert rows[0]["linear_accuracy_beyond"] is rows[2]["linear_accuracy_beyond"] is None, "drawn ones are no claim"
    assert load_pairs(folder).tables == {"removal": rows}


def test_top_and_bottom_are_the_ends_of_the_ranking(study):
    _, finding = study
    candidate = finding.columns["part"] == "candidate"
    ratio = dict(zip(finding.columns["id"][candidate].tolist(), finding.columns["ratio"][candidate], strict=True))
    top, bottom = ({int(i) for i in removed_ids(finding, kind, 6, seed=0)} for kind in ("top", "bottom"))
    assert min(ratio[i] for i in top) >= np.sort(list(ratio.values()))[-6]
    assert max(ratio[i] for i in bottom) <= np.sort(list(ratio.values()))[5]
    with pytest.raises(ValueError, match="fewer than all"):
        removed_ids(finding, "top", len(ratio), seed=0)


@pytest.mark.slow
def test_another_task_is_measured_beside_and_needs_labels(study):
    folder, finding = study
    other = load_images("digits", size=8, limit=120)
    rows = run_removal(folder, finding, [("random", 5)], downstream=other)
    change = rows[1]["downstream_linear_accuracy"] - rows[0]["downstream_linear_accuracy"]
    assert rows[1]["downstream_linear_accuracy_change"] == pytest.approx(change)
    assert rows[0]["downstream_linear_accuracy"] > 20
    with pytest.raises(ValueError, match="expected labels to measure other tasks by, got none"):
        run_removal(folder, finding, [("random", 5)], downstream=replace(other, labels=None, classes=None))
