"""Findings on disk: what is saved comes back; what cannot be saved leaves what was there."""

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from holdfast.findings import Finding, Score

SCORE = Score(
    name="all",
    value=75.5,
    unit="percent",
    range=(0.0, 100.0),
    better="higher",
    definition="Mean of the accuracies per class.",
    interval=(74.0, 77.0),
    interval_over="test images (bootstrap, 1,000 draws)",
)
RANK = Score(name="rank", value=12, unit="count", range=(1, None), better="higher", definition="Effective rank.")


def toy(**changes) -> Finding:
    finding = Finding(
        audit="toy",
        scores=[SCORE, RANK],
        columns={
            "id": np.array([4, 2, 9], dtype=np.int64),
            "correct": np.array([True, False, True]),
            "distance": np.array([0.1, np.nan, -1e-300]),
            "group": np.array(["many", "few", "many"]),
        },
        tables={"per_class": [{"class": "a", "accuracy": 50.0}, {"class": "b", "accuracy": None}]},
        settings={"seed": 3, "versions": {"torch": "2"}, "shares": [0.5, 0.5]},
    )
    return replace(finding, **changes)


def test_a_finding_comes_back(tmp_path):
    path = toy().save(tmp_path / "deep" / "findings")
    assert path == tmp_path / "deep" / "findings" / "toy.json"
    found = Finding.load(path)
    assert replace(found, columns={}) == replace(toy(), columns={})
    assert list(found.columns) == list(toy().columns)
    for name, values in toy().columns.items():
        assert found.columns[name].tolist() == pytest.approx(values.tolist(), nan_ok=True) or name == "group"
    assert found.columns["group"].tolist() == ["many", "few", "many"]
    assert found.columns["id"].dtype == np.int64


def test_columns_are_parquet_that_others_can_read(tmp_path):
    toy().save(tmp_path)
    table = pq.read_table(tmp_path / "toy.parquet")
    assert table.column_names == ["id", "correct", "distance", "group"]
    assert table["id"].to_pylist() == [4, 2, 9]


def test_a_finding_without_columns_is_one_file(tmp_path):
    path = toy(columns={}).save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["toy.json"]
    assert Finding.load(path).columns == {}


def test_a_second_measurement_takes_the_place_of_the_first(tmp_path):
    toy().save(tmp_path)
    path = toy(scores=[RANK], columns={"id": np.arange(2)}).save(tmp_path)
    found = Finding.load(path)
    assert [score.name for score in found.scores] == ["rank"]
    assert found.columns["id"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scores": [replace(SCORE, value=math.nan)], "columns": {"id": np.arange(2)}}, ValueError),
        ({"settings": {"path": object()}, "columns": {"id": np.arange(2)}}, TypeError),
        ({"scores": [RANK], "columns": {"id": np.arange(2), "label": np.arange(3)}}, ValueError),
    ],
    ids=["a score that is no number", "a setting that is no JSON", "columns of unequal length"],
)
def test_a_finding_that_cannot_be_written_leaves_both_files_as_they_were(changes, error, tmp_path):
    path = toy().save(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(error):
        toy(**changes).save(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert Finding.load(path)["all"] == SCORE


def test_a_score_is_found_by_name_and_a_wrong_name_says_which_there_are():
    assert toy()["rank"] == RANK
    with pytest.raises(KeyError, match=r"finding 'toy' has no score 'std'; it has \['all', 'rank'\]"):
        toy()["std"]


def test_another_schema_is_refused(tmp_path):
    path = toy().save(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 7}))
    with pytest.raises(ValueError, match=r"finding schema 1, got 7 in .*; audit the encoder again"):
        Finding.load(path)
