"""The removal experiment at toy scale."""

import json

import pytest

import removal_cifar10


@pytest.mark.slow
def test_a_tiny_removal_is_measured_on_both_tasks_and_goes_on(tmp_path, monkeypatch, capsys):
    results = tmp_path / "removal.json"
    sizes = ["--pairs", "2", "--images", "200", "--epochs", "1", "--downstream-images", "200"]
    monkeypatch.setattr("sys.argv", ["x", "--tiny", *sizes, "--out", str(tmp_path / "runs"), "--results", str(results)])
    removal_cifar10.main()
    found = json.loads(results.read_text())
    rows = {row["removed"].partition("-")[0]: row for row in found["removal"]}
    assert set(rows) == {"nothing", "top", "bottom", "random"}
    assert rows["top"]["images"] == rows["random"]["images"] == found["candidates"] // 2 > 10
    for name in ("linear_accuracy", "downstream_linear_accuracy"):
        apart = rows["top"][name] - rows["random"][name]
        assert rows["top"][f"{name}_beyond"] == pytest.approx(apart)
    trained = sorted((tmp_path / "runs").rglob("metrics.jsonl"))
    before = [path.stat().st_mtime_ns for path in trained]
    removal_cifar10.main()
    assert [path.stat().st_mtime_ns for path in trained] == before, "something was trained again"
    assert json.loads(results.read_text())["removal"] == found["removal"]
