"""Index files: which images to train on, chosen elsewhere."""

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from holdfast.data.images import Images
from holdfast.data.labels import own_paths

SUFFIXES = (".json", ".npy", ".txt")


def is_index_file(text: str) -> bool:
    """Whether a --long-tail value names an index file rather than a rule."""
    return Path(text).suffix in SUFFIXES


def read_index(path: str | Path) -> Tensor:
    """Ids [m] int64 in an index file, in its order.

    .json: a list of ids, or a run's ids.json (its 'train'); .npy: one array of integers; .txt: one id a line, '#'
    starts a comment. Raises FileNotFoundError, or ValueError for no ids, repeated ones, or anything but integers.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected an index file, got {path}, where there is none; check the path")
    try:
        values = _READERS[path.suffix](path)
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(
            f"expected ids in {path} ({', '.join(SUFFIXES)}), got something else ({error}); "
            "write one integer for each image"
        ) from error
    if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
        raise ValueError(
            f"expected a list of integer ids in {path}, got {values.dtype} {list(values.shape)}; "
            "write each image's place in the source, counted from 0"
        )
    if len(np.unique(values)) < len(values):
        raise ValueError(
            f"expected each id once in {path}, got {len(values) - len(np.unique(values)):,} repeats; remove them"
        )
    return torch.from_numpy(values.astype(np.int64))


def listed_ids(path: str | Path, images: Images) -> Tensor:
    """Ids [m] int64, ascending, of those images that an index file or a list of 'PATH LABEL' lines names.

    Such a list, as ImageNet-LT has them, is a .txt file whose lines end in a class number; PATH is an image's path in
    the source, with or without folders in front, or its id where the source names no paths. Where the images have
    labels, the two must tell the same classes apart; they may number them differently.

    Raises as read_index does, and ValueError for what is not among the images.
    """
    lines = _pairs(Path(path))
    if lines is None:
        return images.ids[images.positions(read_index(path))].sort().values
    names, classes = zip(*lines, strict=True)
    positions = _places(names, images, path)
    _check_classes(images, positions, classes, path)
    return images.ids[positions].sort().values


def _pairs(path: Path) -> list[tuple[str, int]] | None:
    """(name, class) of each line of a list; None for an index file."""
    if path.suffix != ".txt" or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    lines = [line.rsplit(maxsplit=1) for line in text.split("\n") if line.strip()]
    lines = [parts for parts in lines if not parts[0].startswith("#")]
    if not lines or any(len(parts) != 2 or not parts[1].isdigit() for parts in lines):
        return None
    pairs = [(name, int(label)) for name, label in lines]
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError(f"expected each image once in {path}, got some repeated; remove the repeats")
    return pairs


def _places(names: Sequence[str], images: Images, path: str | Path) -> Tensor:
    """Positions [m] of the named images: by their paths, without as many leading folders as it takes, or by ids."""
    if images.paths is None and all(name.isdigit() for name in names):
        return images.positions(torch.tensor([int(name) for name in names]))
    known = own_paths(images.paths or ())
    short = [os.fsencode(name).removeprefix(b"./").split(b"/") for name in names]
    missing = list(names)
    for depth in range(min(len(parts) for parts in short)):
        wanted = pa.array([b"/".join(parts[depth:]) for parts in short], pa.large_binary())
        found = pc.index_in(wanted, value_set=known).fill_null(-1).to_numpy().astype(np.int64)
        if (found >= 0).all():
            return torch.from_numpy(found)
        absent = np.flatnonzero(found < 0).tolist()
        missing = [names[place] for place in absent] if len(absent) < len(missing) else missing
    raise ValueError(
        f"expected in {path} the paths of images in {images.source}, got {missing[0]!r} and {len(missing) - 1:,} "
        f"others that are not among {len(images):,} loaded ones"
        + (f" (such as {images.paths[0]!r})" if images.paths else ", which have no paths")
        + "; write paths relative to --data, and leave --limit out"
    )


def _check_classes(images: Images, positions: Tensor, classes: Sequence[int], path: str | Path) -> None:
    if images.labels is None:
        return
    pairs = set(zip(images.labels[positions].tolist(), classes, strict=True))
    if len({ours for ours, _ in pairs}) < len(pairs) or len({theirs for _, theirs in pairs}) < len(pairs):
        raise ValueError(
            f"expected in {path} the classes that {images.source} has, got images of one class here in several there; "
            "list them by the same labels, or load the source without labels"
        )


def _read_json(path: Path) -> np.ndarray:
    document = json.loads(path.read_text())
    return np.array(document["train"] if isinstance(document, dict) else document)


def _read_npy(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, allow_pickle=False))


def _read_txt(path: Path) -> np.ndarray:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return np.array([int(line) for line in lines if line])


_READERS = {".json": _read_json, ".npy": _read_npy, ".txt": _read_txt}
