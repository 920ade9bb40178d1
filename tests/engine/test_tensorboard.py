"""TensorBoard gets the numbers of metrics.jsonl where it is installed, and is not missed where it is not."""

import sys
import types

from holdfast.engine import tensorboard as module
from holdfast.engine.tensorboard import tensorboard

made = []


class Writer:
    """Stands for torch's SummaryWriter, which needs the extra."""

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.scalars = folder, purge_step, []
        made.append(self)

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def flush(self):
        pass


def test_numbers_of_epochs_and_signals_are_written(tmp_path, monkeypatch):
    fake = types.SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    listen = tensorboard(tmp_path, step=7)
    assert listen is not None
    listen({"kind": "step", "step": 8, "loss": 1.0})
    listen({"kind": "epoch", "epoch": 1, "step": 9, "loss": 2.5, "lr": 0.1})
    listen({"kind": "signals", "epoch": 1, "step": 9, "alignment": 0.3})
    writer = made[-1]
    assert (writer.folder, writer.purge_step) == (str(tmp_path / "tensorboard"), 7)
    assert writer.scalars == [("epoch/loss", 2.5, 9), ("epoch/lr", 0.1, 9), ("signals/alignment", 0.3, 9)]


def test_without_tensorboard_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert tensorboard(tmp_path, step=0) is None
    assert list(tmp_path.iterdir()) == []
