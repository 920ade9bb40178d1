"""Torchvision's classification data sets by name: 'torchvision/CIFAR10', 'torchvision/CIFAR10:test'."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL

from holdfast.data.files import LoadRequest, Rejected, cache_folder, fit, in_threads, of_shape, reason, to_rgb
from holdfast.data.images import Images
from holdfast.data.labels import class_numbers
from holdfast.data.sources.aside import Decoded, scaled_alike, streamed, without
from holdfast.data.sources.source import Items, Labels, Source, items_of
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
else:
    torch = deferred("torch")

PREFIX = "torchvision/"
_BY_FLAG = {"train": {"train": True}, "test": {"train": False}}


def _splits(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {"split": name} for name in names}


SETS: dict[str, dict[str, dict[str, Any]]] = {
    "CIFAR10": _BY_FLAG,
    "CIFAR100": _BY_FLAG,
    "MNIST": _BY_FLAG,
    "FashionMNIST": _BY_FLAG,
    "KMNIST": _BY_FLAG,
    "USPS": _BY_FLAG,
    "EMNIST": {name: {"split": "balanced", **flag} for name, flag in _BY_FLAG.items()},
    "QMNIST": {"train": {"what": "train"}, "test": {"what": "test"}},
    "SVHN": _splits("train", "test", "extra"),
    "STL10": _splits("train", "test", "unlabeled", "train+unlabeled"),
    "Flowers102": _splits("train", "val", "test"),
    "Food101": _splits("train", "test"),
    "DTD": _splits("train", "val", "test"),
    "GTSRB": _splits("train", "test"),
    "Country211": _splits("train", "valid", "test"),
    "FGVCAircraft": _splits("trainval", "train", "val", "test"),
    "OxfordIIITPet": _splits("trainval", "test"),
    "Imagenette": _splits("train", "val"),
    "RenderedSST2": _splits("train", "val", "test"),
    "EuroSAT": {"all": {}},
    "Caltech101": {"all": {}},
    "Caltech256": {"all": {}},
    "SUN397": {"all": {}},
    "SEMEION": {"all": {}},
}
"""Splits of each set, the first is the default, with the arguments that torchvision has them under."""
_LABELS = ("targets", "labels", "_labels", "y")
_PAIRS = ("samples", "_samples")


def data_root() -> Path:
    """Where the sets' files lie: $HOLDFAST_DATA, or torchvision in the cache folder."""
    given = os.environ.get("HOLDFAST_DATA")
    return Path(given) if given else cache_folder() / "torchvision"


class TorchvisionSet(Source):
    """'torchvision/NAME' or 'torchvision/NAME:SPLIT', of SETS."""

    written = "'torchvision/NAME'"
    on_disk = False

    @staticmethod
    def matches(name: str) -> bool:
        return name.startswith(PREFIX)

    def load(self, request: LoadRequest) -> Images:
        """A set's images and labels. Nothing is downloaded unless request says so.

        Raises ValueError for a name or split that there is not, and for files that are not there.
        """
        name, split = _parse(self.name)
        pictures = Pictures(name, split, data_root(), request)
        data = pictures.open(download=request.download)
        places = request.places(len(data), self.name)

        def decode(request: LoadRequest) -> Decoded:
            mine = replace(pictures, request=request)
            if request.is_streamed(len(places)):
                return streamed(mine, places, request)
            return _resident(mine, places.numpy(), request, self.name)

        pixels, rejected, ranges = scaled_alike(decode, request, len(places), self.name)
        numbers, names = (None, None)
        if request.labels:
            numbers, names = class_numbers(_labels(data, self.name), _names(data), self.name)
        found = Images(pixels, places, None if numbers is None else numbers[places], names, self.name)
        return without(found, rejected, ranges)

    def labels(self, request: LoadRequest) -> Labels:
        data = _opened(*_parse(self.name), data_root())
        return class_numbers(_labels(data, self.name), _names(data), self.name)

    def survey(self, request: LoadRequest) -> Items:
        """Every picture as it is, uint8 [3, h, w], or why it cannot be had. Raises as load does."""
        data = Pictures(*_parse(self.name), data_root(), LoadRequest()).open(download=request.download)

        def item(place: int) -> np.ndarray | Exception:
            try:
                return fit(to_rgb(data[place][0]), None)
            except Exception as error:  # damaged files raise almost anything in Pillow's plugins
                return error

        return items_of(len(data), item, lambda place: f"image {place}")


def _parse(source: str) -> tuple[str, str]:
    name, _, split = source.removeprefix(PREFIX).partition(":")
    if name not in SETS:
        raise ValueError(f"expected torchvision/NAME with a NAME of {', '.join(SETS)}, got {source!r}")
    splits = list(SETS[name])
    if split and split not in splits:
        raise ValueError(f"expected a split of {', '.join(splits)} after {PREFIX}{name}:, got {split!r}")
    return name, split or splits[0]


@dataclass(frozen=True)
class Pictures:
    """A set's pictures by their place in it, an `Encoded`."""

    name: str
    split: str
    root: Path
    request: LoadRequest

    def open(self, *, download: bool = False) -> Any:
        """Torchvision's data set. Raises ValueError where its files are not there, or cannot be had."""
        from torchvision import datasets

        arguments = {**SETS[self.name][self.split], "download": download}
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            return getattr(datasets, self.name)(str(self.root), **arguments)
        except (RuntimeError, OSError) as error:
            remedy = "check the network and the space on the disk" if download else "fetch them with --download"
            raise ValueError(
                f"expected the files of {PREFIX}{self.name} in {self.root} (or $HOLDFAST_DATA), got none that fit "
                f"({' '.join(str(error).split())}); {remedy}"
            ) from error

    def read(self, places: np.ndarray) -> Iterator[tuple[int, np.ndarray | Rejected]]:
        """Each picture in turn, from a data set that every process opens once."""
        data = _opened(self.name, self.split, self.root)
        for position, place in enumerate(places.tolist()):
            try:
                yield position, fit(to_rgb(data[place][0]), self.request.size, self.request.resize)
            except Exception as error:  # damaged files raise almost anything in Pillow's plugins
                yield position, Rejected(f"{place} of {PREFIX}{self.name}", reason(error))

    @property
    def identity(self) -> str:
        """What the pixels depend on: the set and how it is decoded."""
        return f"{self.root}/{self.name}:{self.split}/{self.request.size}/{self.request.resize}/{PIL.__version__}"


@cache
def _opened(name: str, split: str, root: Path) -> Any:
    return Pictures(name, split, root, LoadRequest()).open()


def _resident(pictures: Pictures, places: np.ndarray, request: LoadRequest, source: str) -> Decoded:
    """uint8 [n, 3, h, w], rows of pictures that cannot be used left as they are, and those by position."""
    found = (pixels for _, pixels in pictures.read(places))
    shape = next((pixels.shape for pixels in found if not isinstance(pixels, Rejected)), (3, 1, 1))
    request.check_budget(len(places), shape[1], shape[2], source)
    pixels, rejected = torch.empty(len(places), *shape, dtype=torch.uint8), {}
    into = pixels.numpy()

    def fill(start: int, piece: np.ndarray) -> None:
        for position, one in pictures.read(piece):
            if isinstance(one, Rejected):
                rejected[start + position] = one
            else:
                into[start + position] = of_shape(one, shape, f"image {piece[position]} of {source}")

    in_threads(fill, ((start, places[start : start + 64]) for start in range(0, len(places), 64)))
    return pixels, rejected


def _labels(data: Any, source: str) -> np.ndarray:
    """Every label, -1 where there is none; without decoding a picture."""
    for name in _LABELS:
        if hasattr(data, name):
            return np.asarray(getattr(data, name)).astype(np.int64)
    for name in _PAIRS:
        if hasattr(data, name):
            return np.array([label for _, label in getattr(data, name)], np.int64)
    raise ValueError(f"expected labels in {source}, got none that this version of torchvision shows; use --labels none")


def _names(data: Any) -> tuple[str, ...] | None:
    """Class names, where the set has them; the first where a class has several."""
    names = getattr(data, "classes", None) or getattr(data, "categories", None)
    if not names:
        return None
    return tuple(name if isinstance(name, str) else str(name[0]) for name in names)
