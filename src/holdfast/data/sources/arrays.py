"""Images that are arrays already: .npz files."""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch import Tensor

from holdfast.data.files import LoadRequest, fit
from holdfast.data.images import Images
from holdfast.data.labels import class_numbers
from holdfast.data.sources.source import Column, Source

IMAGE_KEYS = ("images", "image", "x", "x_train", "train_images", "data", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "y_train", "train_labels", "arr_1")


class ArrayFile(Source):
    """'FILE.npz'."""

    written = "an .npz file"

    @staticmethod
    def matches(name: str) -> bool:
        return Path(name).suffix == ".npz" and not Path(name).is_dir()

    def load(self, request: LoadRequest) -> Images:
        """Images and labels by their usual keys (IMAGE_KEYS, LABEL_KEYS) or those asked for.

        Images are [n, h, w, 3], [n, 3, h, w] or grey [n, h, w]; uint8, or floats in [0, 1]. The array is read whole.
        Raises ValueError for anything else. Pickled objects are refused.
        """
        images, labels, names = _read_arrays(Path(self.name), request, self.name)
        places = request.places(len(images), self.name)
        pixels = _sized(_to_bytes(images[places.numpy()], self.name), request, self.name)
        numbers, classes = (None, None) if labels is None else _labels_of(labels, len(images), names, self.name)
        return Images(pixels, places, numbers if numbers is None else numbers[places], classes, self.name)

    def column(self, name: str) -> Column:
        """An array [n] of integers or strings. Raises ValueError where there is none of that name."""
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
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"expected an .npz file, got {path}, which is none or is cut short; save it again with np.savez"
        )
    with np.load(path, allow_pickle=False) as file:
        image_key = _key(file.files, IMAGE_KEYS, request.image_column, source)
        asked = request.label_column
        label_key = _key(file.files, LABEL_KEYS, asked, source, needed=asked is not None) if request.labels else None
        images = _channels_first(_array(file, image_key or "", source), f"{image_key!r} of {source}")
        labels = None if label_key is None else _array(file, label_key, source)
        names = tuple(str(name) for name in _array(file, "classes", source)) if "classes" in file.files else None
    return images, labels, names


def _array(file: np.lib.npyio.NpzFile, key: str, source: str) -> np.ndarray:
    try:
        return file[key]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"expected a plain array {key!r} in {source}, got one that cannot be read ({error}); "
            "save numbers or strings, not Python objects"
        ) from error


def _key(
    found: list[str], usual: tuple[str, ...], asked: str | None, source: str, *, needed: bool = True
) -> str | None:
    choice = next((key for key in ((asked,) if asked else usual) if key in found), None)
    if choice is None and needed:
        raise ValueError(
            f"expected an array {asked or ' or '.join(usual)} in {source}, got {', '.join(found) or 'none'}; "
            "rename it, or name it with image_column or label_column"
        )
    return choice


def _channels_first(images: np.ndarray, name: str) -> np.ndarray:
    """[n, 3, h, w] of an array in any of the accepted layouts."""
    if images.ndim == 3:
        return np.repeat(images[:, None], 3, axis=1)
    if images.ndim == 4 and images.shape[-1] == 3:
        return images.transpose(0, 3, 1, 2)
    if images.ndim == 4 and images.shape[1] == 3:
        return images
    raise ValueError(
        f"expected images [n, h, w, 3], [n, 3, h, w] or [n, h, w] in {name}, got {list(images.shape)}; "
        "reshape the array"
    )


def _to_bytes(images: np.ndarray, source: str) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise ValueError(
            f"expected uint8 images, or floats in [0, 1], in {source}, got {images.dtype}; "
            "save them with .astype('uint8')"
        )
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # written so that NaN is refused too
        raise ValueError(
            f"expected floats in [0, 1] in {source}, got [{low:.3g}, {high:.3g}]; "
            "save them as uint8, or scaled to [0, 1] without normalisation"
        )
    return np.round(images.astype(np.float64) * 255).astype(np.uint8)


def _sized(images: np.ndarray, request: LoadRequest, source: str) -> Tensor:
    """uint8 [n, 3, h, w] in the size asked for."""
    height, width = (request.size, request.size) if request.size else images.shape[2:]
    request.check_budget(len(images), height, width, source)
    if images.shape[2:] == (height, width):
        return torch.from_numpy(np.ascontiguousarray(images))
    pixels = torch.empty(len(images), 3, height, width, dtype=torch.uint8)
    for position, image in enumerate(images):
        picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        pixels[position] = torch.from_numpy(fit(picture, request.size, request.resize).copy())
    return pixels


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
