"""Exports in tests whose point is not the check of the generated code."""

import math
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor


@contextmanager
def checked_here() -> Iterator[None]:
    """The check without a process of its own, which is most of what an export takes and which other tests have."""

    def features(folder: Path, shape: tuple[int, int, int, int], dim: int) -> Tensor:
        code = runpy.run_path(str(folder / "load.py"))
        return code["features"](code["encoder"](folder), torch.linspace(0, 1, math.prod(shape)).view(shape))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdfast.models.export.folder.features_by_code", features)
        yield
