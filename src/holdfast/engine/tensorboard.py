"""Metrics for TensorBoard, where it is installed (the tensorboard extra); metrics.jsonl is always written."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def tensorboard(folder: Path, step: int) -> Callable[[Mapping[str, Any]], None] | None:
    """A listener that writes numbers of 'epoch' and 'signals' events to folder/tensorboard; None without TensorBoard.

    step: what a resumed run starts from; numbers after it are dropped, as they are measured again.
    """
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)  # it drops that step and all after it

    def listen(event: Mapping[str, Any]) -> None:
        if event["kind"] in ("epoch", "signals"):
            for name, value in event.items():
                if name not in ("kind", "step", "epoch"):
                    writer.add_scalar(f"{event['kind']}/{name}", value, event["step"])
            writer.flush()

    return listen
