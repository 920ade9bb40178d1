"""What an attack did to each image, image by image, and how rows of one image are told apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Records:
    """What an attack did to each image [n], on the CPU."""

    ids: Tensor
    """int64."""
    broken: Tensor
    """Bool: the goal was reached on an image within the budget."""
    iteration: Tensor
    """int64: the trial that broke the image, 0 being the start; -1 for none."""
    margin: Tensor
    """float64: of the image that broke, else the largest of any trial."""
    norm: Tensor
    """float64: length of the smallest perturbation that reached the goal, inside the budget or, for attacks that leave
    it, outside; infinite for none."""
    images: Tensor | None = None
    """[n, ...]: the image that broke, else the one of largest margin; None unless asked for."""
    by: np.ndarray | None = None
    """[n] text, of several attacks: the one that broke the image, 'clean' for none but wrong before, '' for none."""

    def columns(self) -> dict[str, Tensor]:
        """Tensors by name, without what was not asked for."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def rows(self, chosen: Tensor) -> "Records":
        """What happened to chosen images: positions [m], or bool [n]."""
        return Records.of({name: value[chosen] for name, value in self.columns().items()})

    @classmethod
    def of(cls, columns: Mapping[str, Tensor]) -> "Records":
        """From columns by name."""
        return cls(**columns)  # type: ignore[arg-type]

    def put(self, chosen: Tensor, other: "Records") -> None:
        """Writes what happened to chosen images over what was there."""
        theirs = other.columns()
        for name, value in self.columns().items():
            value[chosen] = theirs[name]


def blank(ids: Tensor, images: Tensor | None) -> Records:
    """Records of images [n, ...] that nothing has happened to; None: images are not kept."""
    count = len(ids)
    return Records(
        ids=ids.clone(),
        broken=torch.zeros(count, dtype=torch.bool),
        iteration=torch.full((count,), -1),
        margin=torch.full((count,), -torch.inf, dtype=torch.float64),
        norm=torch.full((count,), torch.inf, dtype=torch.float64),
        images=None if images is None else images.detach().cpu().clone(),
    )


def firsts(places: Tensor) -> Tensor:
    """Positions in places [m] where a place stands for the first time."""
    ordered, order = places.sort(stable=True)
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return order[new]
