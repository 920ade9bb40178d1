"""Which invariances a task wants: tasks are balanced and known, differences paired, and the toy run is resumed."""

import json

import numpy as np
import pytest
import torch

import wanted_invariances
from holdfast.data import load_images
from holdfast.data.curves import NUISANCES, curve_nuisances


def test_each_task_has_its_classes_about_equally_often():
    images = load_images("curves:1200", size=8)
    for task, labels in wanted_invariances.task_labels(images).items():
        counts = torch.bincount(labels, minlength=wanted_invariances.TASKS[task])
        assert len(counts) == wanted_invariances.TASKS[task]
        assert float(counts.max()) < 1.35 * float(counts.min()), task


def test_the_ink_that_a_task_names_is_the_one_that_is_drawn():
    images = load_images("curves:200", size=32)
    labels = wanted_invariances.task_labels(images)["ink"]
    drawn = curve_nuisances(images.ids, seed=0)
    assert tuple(drawn) == NUISANCES
    quiet = drawn["noise"] < 0.2
    darkest = images.floats().flatten(2).min(dim=2).values.argmin(1)  # the stroke is the darkest of a picture
    assert float((darkest == labels)[quiet].double().mean()) > 0.8


def test_differences_are_of_the_same_images_and_zero_for_equal_answers():
    right = dict.fromkeys(wanted_invariances.TASKS, "1011" * 5)
    wrong = dict.fromkeys(wanted_invariances.TASKS, "1001" * 5)
    hits = {"crops and colours": {"0": wrong}, "crops": {"0": right}, "neither": {"0": wrong}}
    found = wanted_invariances.compared(hits)
    assert found["crops"]["ink"]["value"] == 75 and found["crops"]["ink"]["above"]["value"] == 25
    low, high = found["crops"]["ink"]["above"]["interval"]
    assert 0 < low < 25 < high
    assert found["neither"]["ink"]["above"]["value"] == 0 and "above" not in found["crops and colours"]["ink"]


@pytest.mark.slow
def test_the_toy_run_asks_every_encoder_every_task_and_makes_none_again(tmp_path, monkeypatch, capsys):
    results = tmp_path / "wanted.json"
    words = ["--tiny", "--seeds", "1", "--out", str(tmp_path / "runs"), "--results", str(results)]
    monkeypatch.setattr("sys.argv", ["script", *words])
    wanted_invariances.main()
    found = json.loads(results.read_text())
    assert set(found["scores"]) == set(wanted_invariances.SETS)
    for name, tasks in found["scores"].items():
        assert set(tasks) == set(wanted_invariances.TASKS)
        for task, cell in tasks.items():
            assert cell["interval"][0] <= cell["value"] <= cell["interval"][1]
            assert cell["value"] == pytest.approx(100 * np.mean([int(mark) for mark in found["hits"][name]["0"][task]]))
    capsys.readouterr()
    wanted_invariances.main()
    assert capsys.readouterr().out == "", "an encoder that is there was made again"
    monkeypatch.setattr("sys.argv", ["script", *words, "--threads", "2"])
    with pytest.raises(SystemExit, match="of these settings; move it away"):
        wanted_invariances.main()
