"""Random views of a batch: parameters drawn by keys, then applied as one batched, differentiable function."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from holdfast.data.batches import Batch


@dataclass(frozen=True)
class Views:
    """Views of a batch, with all that is needed to make them again or others like them."""

    images: Tensor
    """[v, n, 3, size, size] float32, in [0, 1]."""
    parameters: Any
    """The table of parameters they were made with (augment.Parameters), each tensor [v, n, ...]."""
    batch: Batch
    """Where they come from."""
