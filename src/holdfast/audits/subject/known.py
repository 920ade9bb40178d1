"""What is known of the images that an encoder was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What is known of the images that the encoder was trained on; ids are of the audited images."""

    train_ids: Tensor | None = None
    validation_ids: Tensor | None = None
    few_shot_ids: Tensor | None = None
    test_first: Tensor | None = None
    """Images that the encoder has not seen, too few to be all test images: test images are drawn from them first."""
    counts: Sequence[int] | None = None
    run: dict[str, Any] | None = None
