"""Planted checks: images whose rank is known beforehand, added to those that a study trains on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from holdfast.data import Images
from holdfast.randomness import fold, key, permutation, uniform
from holdfast.runs import atomic_path

NOISE = 0.02
"""Standard deviation, in pixels of [0, 1], of what makes a twin differ from its original."""


@dataclass(frozen=True, eq=False)
class Planted:
    """A run's training images with planted ones after them; ids are places in this new source."""

    FILE: ClassVar[str] = "planted.npz"
    images: Images
    parts: Mapping[str, np.ndarray]
    kinds: Mapping[str, list[int]]
    """Ids to look at by kind: 'noise' candidates of noise; 'twin_shared', candidates with a twin that both encoders
    trained on; 'twin_candidate', candidates with a twin among the candidates."""
    source_ids: Tensor
    """[n] the run's id of each image; -1 for planted ones."""

    def save(self, folder: Path) -> None:
        """Writes the images as folder/planted.npz, a source like any other."""
        arrays: dict[str, Any] = {"images": self.images.pixels.permute(0, 2, 3, 1).cpu().numpy()}
        if self.images.labels is not None:
            arrays["labels"] = self.images.labels.cpu().numpy()
        if self.images.classes is not None:
            arrays["classes"] = np.array(self.images.classes)
        with atomic_path(folder / self.FILE) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def record(self) -> dict[str, Any]:
        """What study.json keeps."""
        return {"kinds": dict(self.kinds), "source_ids": self.source_ids.tolist()}


def plant(images: Images, parts: Mapping[str, np.ndarray], count: int, *, seed: int) -> Planted:
    """Adds `count` images of each kind: noise to the candidates, twins of candidates to the shared images, and twins
    of other candidates to the candidates.

    As much noise and as many twins join the independents, so that both encoders take equal steps. parts: ids by part.
    Raises ValueError where there are not more than 2 · count candidates, as those with twins are in no other number, or
    fewer than count independents.
    """
    base = images.to("cpu")
    places = {name: base.positions(torch.from_numpy(ids)) for name, ids in parts.items()}
    for part, least in (("candidate", 2 * count + 1), ("independent", count)):
        if len(places[part]) < least:
            raise ValueError(
                f"expected at least {least} {part}s to plant {count}, got {len(places[part])}; plant fewer"
            )
    candidates, independents = (_shuffled(places[part], seed, part) for part in ("candidate", "independent"))
    added = [
        ("shared", _twins(base, candidates[:count], seed)),
        ("candidate", _twins(base, candidates[count : 2 * count], seed)),
        ("candidate", _noise(base, count, seed, "candidate")),
        ("independent", _twins(base, independents[:count], seed)),
        ("independent", _noise(base, count, seed, "independent")),
    ]
    kinds = {
        "noise": torch.arange(len(base) + 2 * count, len(base) + 3 * count),
        "twin_shared": candidates[:count],
        "twin_candidate": candidates[count : 2 * count],
    }
    for number, (part, _) in enumerate(added):
        start = len(base) + number * count
        places[part] = torch.cat([places[part], torch.arange(start, start + count)])
    return Planted(
        _joined(base, [new for _, new in added]),
        {name: members.numpy() for name, members in places.items()},
        {kind: ids.sort().values.tolist() for kind, ids in kinds.items()},
        torch.cat([base.ids, torch.full((len(added) * count,), -1)]),
    )


def _joined(base: Images, added: list[Images]) -> Images:
    """All images one after another; ids are their places."""
    parts = [base, *added]
    labels = [part.labels for part in parts if part.labels is not None]
    return Images(
        pixels=torch.cat([part.pixels for part in parts]),
        ids=torch.arange(sum(map(len, parts))),
        labels=torch.cat(labels) if labels else None,
        classes=base.classes,
        source=Planted.FILE,
    )


def _shuffled(places: Tensor, seed: int, part: str) -> Tensor:
    return places[permutation(key(seed, f"planted {part}"), len(places))]


def _twins(images: Images, places: Tensor, seed: int) -> Images:
    """Copies with a little noise; labels as the originals'."""
    originals = images.subset(places)
    floats = originals.floats()
    noise = NOISE * _normal(fold(key(seed, "planted twins"), originals.ids), floats[0].numel()).view_as(floats)
    return replace(originals, pixels=(255 * (floats + noise).clamp(0, 1)).round().to(torch.uint8))


def _noise(images: Images, count: int, seed: int, part: str) -> Images:
    """Uniform noise, with labels drawn from those there are."""
    drawn = images.subset(permutation(key(seed, f"planted labels {part}"), len(images))[:count])
    keys = fold(key(seed, f"planted noise {part}"), torch.arange(count))
    pixels = (256 * uniform(keys, drawn.pixels[0].numel())).to(torch.uint8)
    return replace(drawn, pixels=pixels.view_as(drawn.pixels))


def _normal(keys: Tensor, draws: int) -> Tensor:
    """[n, draws] standard normal numbers by keys [n] (Box and Muller)."""
    first, second = uniform(keys, 2 * draws).view(len(keys), 2, draws).unbind(1)
    return torch.sqrt(-2 * torch.log1p(-first)) * torch.cos(2 * torch.pi * second)
