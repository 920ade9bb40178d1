"""What every part of a step is given: images, time, places; and what a part and a step are."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from holdfast import Images, load_images

TINY_IMAGES = 40
"""Of digits, where everything is tiny."""


@dataclass(frozen=True)
class Bench:
    """Where and for how long measurements are made."""

    data: Path | None
    """Folder with train.parquet and test.parquet of CIFAR-10; None: digits, for a tiny run."""
    work: Path
    """Folder for runs and their checkpoints, which do not travel."""
    seconds: float
    """Of this call, from `started` on."""
    tiny: bool = False
    """Everything as small as it can be, to show that it runs."""
    started: float = field(default_factory=time.perf_counter)
    known: dict[str, float] = field(default_factory=dict)
    """Seconds that looks found, by what they looked at."""

    @property
    def left(self) -> float:
        """Seconds until this call should have ended."""
        return self.started + self.seconds - time.perf_counter()

    @cached_property
    def device(self) -> torch.device:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def source(self) -> str:
        """What a run's `data` says."""
        return "digits" if self.data is None else str(self.data / "train.parquet")

    @cached_property
    def train(self) -> Images:
        """The training images, in memory."""
        return load_images(self.source, limit=self._most, size=self._side)

    @cached_property
    def test(self) -> Images:
        """The test images; of digits, others than those trained on."""
        if self.data is not None:
            return load_images(str(self.data / "test.parquet"), size=self._side, limit=self._most)
        digits = load_images("digits", size=self._side)
        others = ~torch.isin(digits.ids, self.train.ids)
        return digits.subset(others.nonzero()[: self._most, 0])

    @property
    def _side(self) -> int:
        return 16 if self.tiny else 32

    @property
    def _most(self) -> int | None:
        return TINY_IMAGES if self.tiny else None

    @property
    def chosen_on(self) -> torch.Tensor | None:
        """Ids of images that a probe's regularisation is chosen on; None: by folds, as an audit does by default."""
        return self.train.ids[::4] if self.tiny else None

    def network(self) -> dict[str, Any]:
        """Settings of a run: ResNet-18 with the small stem at 32 pixels, or the smallest there is."""
        if self.tiny:
            return {"encoder": "timm/test_resnet", "stem": "small", "image_size": 16}
        return {"encoder": "timm/resnet18", "stem": "small", "image_size": 32}

    def fresh(self, name: str) -> Path:
        """A new empty folder for a run that cannot be taken up again."""
        number = 0
        while (self.work / f"{name}-{number}").exists():
            number += 1
        path = self.work / f"{name}-{number}"
        path.mkdir(parents=True)
        return path


Result = dict[str, Any]
"""JSON values."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A measurement that is kept as soon as it is made."""

    name: str
    rank: int = 0
    """Parts of all steps are made in the order of their ranks: what matters most has 0."""
    guess: float
    """Seconds that it may take on an H100, before anything was measured."""
    look: Callable[[Bench], float]
    """Seconds that it will take here, from a first look of a few of them."""
    measure: Callable[[Bench], Result]
    seeds: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Measurements that belong together: one JSON file."""

    name: str
    what: str
    parts: Callable[[Bench], Sequence[Part]]
