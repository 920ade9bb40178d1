"""The live line of training: it moves in runs whose epochs have few steps, too."""

from pathlib import Path
from typing import Any

from holdfast.cli.progress import Progress
from holdfast.report.wording import counted


class Bar:
    def __init__(self):
        self.seen = []

    def update(self, task, **changes):
        self.seen.append((changes["description"], changes["completed"], changes["total"]))


def test_an_epoch_of_few_steps_moves_the_line_when_it_ends():
    progress: Any = Progress(Path("runs/a"))
    progress._bar = Bar()
    progress._facts = {"epochs": 3, "total_steps": 15}
    told = {"kind": "epoch", "loss": 1.0, "lr": 0.1, "views_per_second": 9.0}
    for epoch in (1, 2, 3):
        progress({**told, "epoch": epoch, "step": 5 * epoch})
    assert progress._bar.seen == [("epoch 1/3", 5, 15), ("epoch 2/3", 10, 15), ("epoch 3/3", 15, 15)]


def test_signals_are_broken_between_numbers_and_not_within(monkeypatch, capsys):
    event = {
        "alignment": 0.704,
        "uniformity": -1.116,
        "effective_rank": 10.1,
        "feature_std": 0.577,
        "knn_accuracy": 9.0,
    }
    monkeypatch.setenv("COLUMNS", "80")
    Progress(Path("runs/a"))({"kind": "signals", **event})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["effective rank 10.1", "kNN 9.0 %"]
    monkeypatch.delenv("COLUMNS")
    Progress(Path("runs/a"))({"kind": "signals", **event})
    assert "effective rank 10.1  feature std 0.577  kNN 9.0 %" in capsys.readouterr().out


def test_a_line_of_signals_never_stands_without_the_line_of_its_epoch():
    progress: Any = Progress(Path("runs/a"))
    lines: list[str] = []
    progress.say = lines.append
    progress._facts = {"epochs": 9, "total_steps": 45}
    told = {"kind": "epoch", "loss": 1.0, "lr": 0.1, "views_per_second": 9.0}
    signals = {"kind": "signals", "alignment": 0.1, "uniformity": -1.0, "effective_rank": 9.0, "feature_std": 0.4}
    for epoch in (1, 2, 3):  # at once: the second and third are too soon after the first
        progress({**told, "epoch": epoch, "step": 5 * epoch})
    progress(signals)
    progress({**told, "epoch": 4, "step": 20})
    assert [line.split()[:2] for line in lines] == [["epoch", "1/9"], ["epoch", "3/9"], ["signals:", "alignment"]]


def test_one_is_singular():
    assert [counted(number, "epoch") for number in (0, 1, 2, 1200)] == [
        "0 epochs",
        "1 epoch",
        "2 epochs",
        "1,200 epochs",
    ]
