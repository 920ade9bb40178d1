"""What is known of pictures once all have been decoded: which cannot be used, and their checksum; kept on disk.

Checking a source that is streamed takes a pass over it. What it finds is kept in the cache folder, under a key of the
source's names, sizes and times, the stored size and Pillow's version, so that it is done once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.data.files.index_cache import cache_folder
from holdfast.data.files.rejects import NOT_READ, Rejected
from holdfast.data.files.stream import Streamed
from holdfast.lazy import deferred
from holdfast.progress import OnProgress
from holdfast.runs import write_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

_BLOCK = 512
_AGAIN = 600.0  # seconds after which what could not be read is tried again; the ranks of a run agree meanwhile


def head(shape: tuple[int, ...], ids: Tensor, labels: Tensor | None) -> hashlib._Hash:
    """A sha256 of all but the pixels, which follow in the order of the ids."""
    digest = hashlib.sha256(repr((tuple(shape), labels is not None)).encode())
    for tensor in (ids, labels):
        if tensor is not None:
            digest.update(tensor.cpu().contiguous().numpy().data)
    return digest


def short(digest: hashlib._Hash) -> str:
    """The 16 hexadecimal digits that a checksum has."""
    return digest.hexdigest()[:16]


def unusable(pixels: Streamed, ids: Tensor, progress: OnProgress | None = None) -> dict[int, Rejected]:
    """Those pictures that cannot be decoded, by position; known from before, or found by decoding all of them."""
    path = _path(pixels, "check")
    with _alone(path):
        found = _read(path)
        if found is None:
            found = _check(pixels, ids, progress)
            _write(path, found)
        elif time.time() - found.get("at", 0.0) > _AGAIN and _unread(found):
            found = _tried_again(pixels, found)
            _write(path, found)
    return {position: Rejected(name, reason) for position, name, reason in found["rejected"]}


def _check(pixels: Streamed, ids: Tensor, progress: OnProgress | None) -> dict[str, Any]:
    digest, rejected = head(pixels.shape, ids, None), []
    for block, aside in pixels.survey(progress):
        digest.update(block.numpy().data)
        rejected += [[position, *one] for position, one in aside]
    if not rejected:  # the pass has seen the pixels that the checksum is made of
        _write(_path(pixels, "checksum", ids), {"checksum": short(digest)})
    return {"rejected": rejected, "at": time.time()}


def _unread(found: dict[str, Any]) -> list[int]:
    """Positions of pictures that were there and could not be read: that may have passed."""
    return [position for position, _, why in found["rejected"] if why.startswith(NOT_READ)]


def _tried_again(pixels: Streamed, found: dict[str, Any]) -> dict[str, Any]:
    again = _unread(found)
    part = pixels.take(torch.tensor(again))
    still = [[again[place], *one] for _, aside in part.survey() for place, one in aside]
    return {
        "rejected": sorted([one for one in found["rejected"] if one[0] not in set(again)] + still),
        "at": time.time(),
    }


def checksum(pixels: Streamed, ids: Tensor, labels: Tensor | None) -> str:
    """The checksum that the images would have in memory: known from before, or by decoding them all."""
    path = _path(pixels, "checksum", ids, labels)
    found = _read(path)
    if found is None:
        digests = {path: head(pixels.shape, ids, labels)}
        if labels is not None:
            digests[_path(pixels, "checksum", ids)] = head(pixels.shape, ids, None)
        for block in pixels.to("cpu").split(_BLOCK):
            for digest in digests.values():
                digest.update(block.numpy().data)
        for where, digest in digests.items():
            _write(where, {"checksum": short(digest)})
        found = {"checksum": short(digests[path])}
    return found["checksum"]


def _path(pixels: Streamed, purpose: str, *columns: Tensor | None) -> Path:
    digest = hashlib.sha256(f"{purpose}/{pixels.encoded.identity}/{pixels.size}".encode("utf-8", "surrogateescape"))
    arrays = [pixels.places, *(column.cpu().numpy() for column in columns if column is not None)]
    for array in arrays:
        digest.update(f"/{len(array)}/".encode())
        digest.update(np.ascontiguousarray(array).data)
    return cache_folder() / "checks" / f"{short(digest)}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _write(path: Path, document: dict[str, Any]) -> None:
    with suppress(OSError):  # a cache folder that cannot be written keeps nothing
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, document)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Lets one process at a time look: the ranks of a run check the same source, and all but the first need not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_suffix(".lock").open("w")
    except OSError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:  # closing would not do: workers that were forked meanwhile hold the file open too
            fcntl.flock(file, fcntl.LOCK_UN)
