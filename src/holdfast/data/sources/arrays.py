"""Images that are arrays already: .npz and .npy files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from PIL import Image

from holdfast.data.files import LoadRequest, Rejected, array_pixels, fit, reason
from holdfast.data.images import Images
from holdfast.data.labels import class_numbers
from holdfast.data.sources.aside import Decoded, scaled_alike, without
from holdfast.data.sources.source import Column, Items, Source, items_of
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

IMAGE_KEYS = ("images", "image", "x", "x_train", "train_images", "data", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "y_train", "train_labels", "arr_1")
_PARTNERS = {
    **{"images": "labels", "image": "label", "x": "y", "x_train": "y_train", "train_images": "train_labels"},
    **{"data": "labels", "arr_0": "arr_1"},
}
"""What labels of images are called, by what the images are."""


class ArrayFile(Source):
    """'FILE.npz' or 'FILE.npy'."""

    written = "an .npz or .npy file"

    @staticmethod
    def matches(name: str) -> bool:
        return Path(name).suffix in (".npz", ".npy") and not Path(name).is_dir()

    def load(self, request: LoadRequest) -> Images:
        """Images and labels by their usual keys (IMAGE_KEYS, LABEL_KEYS) or those asked for; of .npy the images alone.

        Images are [n, h, w, 3], [n, 3, h, w] or grey [n, h, w]: uint8, or numbers that are scaled as deep pixels of
        files are, all alike. The array is read whole. Raises ValueError for anything else. Pickled objects are refused.
        """
        images, labels, names = _read_arrays(Path(self.name), request, self.name)
        places = request.places(len(images), self.name)

        def decode(request: LoadRequest) -> Decoded:
            return _sized(images, places.numpy(), request, self.name)

        pixels, rejected, ranges = scaled_alike(decode, request, len(places), self.name)
        numbers, classes = (None, None) if labels is None else _labels_of(labels, len(images), names, self.name)
        found = Images(pixels, places, numbers if numbers is None else numbers[places], classes, self.name)
        return without(found, rejected, ranges)

    def survey(self, request: LoadRequest) -> Items:
        images = _read_arrays(Path(self.name), LoadRequest(labels=False), self.name)[0]

        return items_of(len(images), lambda place: images[place], lambda place: f"row {place}")

    def column(self, name: str) -> Column:
        """An array [n] of integers or strings. Raises ValueError where there is none of that name."""
        if Path(self.name).suffix == ".npy":
            return super().column(name)
        with np.load(self.name, allow_pickle=False) as file:
            values = _array(file, name, self.name) if name in file.files else np.empty((0, 0))
            if values.ndim != 1 or values.dtype.kind not in "iubU":
                raise ValueError(
                    f"expected an array {name!r} of integers or strings [n] in {self.name}, "
                    f"got arrays {', '.join(file.files)}; name one of them"
                )
        return pa.array(values), None


def _read_arrays(
    path: Path, request: LoadRequest, source: str
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...] | None]:
    """Images [n, 3, h, w] of any kind of number, labels and class names."""
    if path.suffix == ".npy":
        return _channels_first(_one_array(path), source), None, None
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"expected an .npz file, got {path}, which is none or is cut short; save it again with np.savez"
        )
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:  # NumPy leaves its own one open
        image_key = _image_key(file, request.image_column, source)
        label_key = _label_key(file, image_key, request.label_column, source) if request.labels else None
        images = _channels_first(_array(file, image_key, source), f"{image_key!r} of {source}")
        labels = None if label_key is None else _array(file, label_key, source)
        names = tuple(str(name) for name in _array(file, "classes", source)) if "classes" in file.files else None
    return images, labels, names


def _one_array(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"expected an .npy file of numbers, got {path}, which cannot be read ({error}); save it again with np.save"
        ) from error


def _array(file: np.lib.npyio.NpzFile, key: str, source: str) -> np.ndarray:
    try:
        return file[key]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"expected a plain array {key!r} in {source}, got one that cannot be read ({error}); "
            "save numbers or strings, not Python objects"
        ) from error


def _image_key(file: np.lib.npyio.NpzFile, asked: str | None, source: str) -> str:
    """The array asked for, else the only one of the usual names, of the shape that images have."""
    found = [key for key in ((asked,) if asked else IMAGE_KEYS) if key in file.files]
    if not found:
        raise ValueError(
            f"expected an array {asked or ' or '.join(IMAGE_KEYS)} in {source}, got {', '.join(file.files) or 'none'}; "
            "rename it, or name it with image_column or label_column"
        )
    if len(found) > 1:
        found = [key for key in found if _array(file, key, source).ndim in (3, 4)] or found[:1]
    if len(found) > 1:
        raise ValueError(
            f"expected one array of images in {source}, got {', '.join(found)}; keep one of them in the file, or name "
            "it with image_column in Python"
        )
    return found[0]


def _label_key(file: np.lib.npyio.NpzFile, images: str, asked: str | None, source: str) -> str | None:
    """The array asked for, else the one that goes with the images by its name, else the only one of the usual names."""
    if asked is not None and asked not in file.files:
        raise ValueError(
            f"expected an array {asked} in {source}, got {', '.join(file.files) or 'none'}; "
            "rename it, or name it with image_column or label_column"
        )
    found = [key for key in LABEL_KEYS if key in file.files]
    partner = asked or _PARTNERS.get(images)
    if partner in found or asked is not None:
        return partner
    if len(found) > 1:
        raise ValueError(
            f"expected one array of labels for {images!r} in {source}, got {', '.join(found)}; choose one: --labels "
            f"{found[0]}"
        )
    return found[0] if found else None


def _channels_first(images: np.ndarray, name: str) -> np.ndarray:
    """[n, 3, h, w] of an array in any of the accepted layouts. Raises ValueError where it is none, or two of them."""
    shape = list(images.shape)
    if images.dtype.kind not in "buif":
        raise ValueError(f"expected numbers in {name}, got {images.dtype}; save the pixels as an array of numbers")
    if images.ndim == 3 and (shape[-1] not in (3, 4) or shape[1] == shape[2]):
        return np.repeat(images[:, None], 3, axis=1)
    last, first = images.ndim == 4 and shape[-1] in (1, 3), images.ndim == 4 and shape[1] in (1, 3)
    if last != first:
        images = images.transpose(0, 3, 1, 2) if last else images
        return images if images.shape[1] == 3 else np.repeat(images, 3, axis=1)
    twice = "; both ends may be the colours" if last else "; is it one picture?" if images.ndim == 3 else ""
    raise ValueError(
        f"expected images [n, h, w, 3], [n, 3, h, w] or [n, h, w] in {name}, got {shape}{twice}; reshape the array"
    )


def _sized(images: np.ndarray, places: np.ndarray, request: LoadRequest, source: str) -> Decoded:
    """uint8 [m, 3, h, w] of the images at some places in the size asked for, and those that are no numbers."""
    height, width = (request.size, request.size) if request.size else images.shape[2:]
    request.check_budget(len(places), height, width, source)
    if images.dtype == np.uint8 and images.shape[2:] == (height, width):
        return torch.from_numpy(np.ascontiguousarray(images[places])), {}
    pixels, rejected = torch.empty(len(places), 3, height, width, dtype=torch.uint8), {}
    for position, place in enumerate(places.tolist()):
        try:
            picture = array_pixels(images[place], request.ranges)
        except ValueError as error:
            rejected[position] = Rejected(f"row {place} of {source} (counted from 0)", reason(error))
            continue
        pixels[position] = torch.from_numpy(fit(Image.fromarray(picture), request.size, request.resize).copy())
    return pixels, rejected


def _labels_of(
    labels: np.ndarray, rows: int, names: tuple[str, ...] | None, source: str
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    if labels.shape == (rows, 1):
        labels = labels[:, 0]
    if labels.shape != (rows,) or labels.dtype.kind not in "iufbU":
        raise ValueError(
            f"expected one integer or string label for each of {rows:,} images in {source}, "
            f"got {labels.dtype} {list(labels.shape)}; leave them out with --labels none"
        )
    return class_numbers(labels, names, source)
