"""What an attack has found so far, on disk, so that an interrupted audit goes on where it stopped."""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

from holdfast.runs import atomic_path


@dataclass(frozen=True)
class AttackCheckpoint:
    """One file of columns; of another fingerprint it counts as empty."""

    path: Path
    fingerprint: str
    """Everything that the columns depend on: encoder, images, budget, seed."""
    writes: bool = True
    """False where another process, which does the same, writes."""

    def load(self) -> dict[str, Tensor]:
        """The columns saved under this fingerprint; empty where there are none."""
        if not self.path.is_file():
            return {}
        with safe_open(self.path, framework="pt") as file:
            if (file.metadata() or {}).get("fingerprint") != self.fingerprint:
                return {}
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary

    def save(self, columns: dict[str, Tensor]) -> None:
        """Writes columns in place of what was there, whole or not at all."""
        if not self.writes:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path) as temporary:
            tensors = {name: column.cpu().contiguous() for name, column in columns.items()}
            safetensors.torch.save_file(tensors, temporary, {"fingerprint": self.fingerprint})
