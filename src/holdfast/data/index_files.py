"""Index files: which images to train on, chosen elsewhere."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

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


def _read_json(path: Path) -> np.ndarray:
    document = json.loads(path.read_text())
    return np.array(document["train"] if isinstance(document, dict) else document)


def _read_npy(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, allow_pickle=False))


def _read_txt(path: Path) -> np.ndarray:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return np.array([int(line) for line in lines if line])


_READERS = {".json": _read_json, ".npy": _read_npy, ".txt": _read_txt}
