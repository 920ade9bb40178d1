"""The images of a run: what is loaded, what is held out, what is trained on; and how a run folder remembers it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from holdfast import randomness
from holdfast.config import RunConfig
from holdfast.data.files import NOT_READ, Rejected
from holdfast.data.images import Images
from holdfast.data.shuffling import check_buffer
from holdfast.data.sources import load_images, source_of
from holdfast.data.splits import LongTailSplit, is_index_file, listed_ids, long_tail_profile, long_tail_split, split_of
from holdfast.progress import OnProgress

SCHEMA_VERSION = 1
SIGNAL_IMAGES = 1000


@dataclass(frozen=True, eq=False)
class Pool:
    """Everything loaded from a source, and which of it a run trains on and holds out."""

    images: Images
    """All images loaded, square; the checksum of a run is theirs."""
    train_ids: Tensor
    """Ids trained on, int64, ascending."""
    held_out_ids: Tensor
    """Ids held out of training and of the long tail's draw, int64, ascending; may be empty."""
    split: LongTailSplit | None
    """The long-tailed draw, where one was asked for and labels exist."""
    limit: int | None
    """As given to load_images."""
    seed: int
    """Seed of the limit's draw and of the held-out images."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How the source was read: further arguments of load_images that decide pixels and labels."""

    @cached_property
    def train(self) -> Images:
        """The images to train on."""
        return self.images.select(self.train_ids)

    @cached_property
    def held_out(self) -> Images:
        """The images to watch during training; see held_out_kind."""
        ids = self.held_out_ids if len(self.held_out_ids) else self._unused_ids
        if len(ids):
            return self.images.select(ids)
        return self.train.subset(draw_evenly(self.train, SIGNAL_IMAGES, seed=self.seed, purpose="signals"))

    @property
    def held_out_kind(self) -> Literal["held out", "outside the long tail", "training images"]:
        """Where held_out comes from: what was held out; without that, up to 1,000 loaded images not trained on, evenly
        over the classes; without these either, up to 1,000 training images. The last two serve live signals only."""
        if len(self.held_out_ids):
            return "held out"
        return "outside the long tail" if len(self._unused_ids) else "training images"

    @cached_property
    def _unused_ids(self) -> Tensor:
        taken = torch.cat([self.train_ids, self.held_out_ids])
        unused = self.images.subset(torch.isin(self.images.ids, taken, invert=True).nonzero()[:, 0])
        return unused.ids[draw_evenly(unused, SIGNAL_IMAGES, seed=self.seed, purpose="signals")]

    @property
    def blocks(self) -> str | None:
        """16 hexadecimal digits of how the images lie in blocks, where their order may depend on that."""
        found = self.images.blocks
        return None if found is None else hashlib.sha256(found.astype("<i8").tobytes()).hexdigest()[:16]

    def record(self) -> dict[str, Any]:
        """What ids.json holds: enough to load the same images again, and to notice if they changed."""
        split = self.split
        return {
            "schema": SCHEMA_VERSION,
            "data": self.images.source,
            "image_size": self.images.pixels.shape[-1],
            "limit": self.limit,
            "limit_seed": self.seed,
            "blocks": self.blocks,
            **self.reading,
            "checksum": self.images.checksum,
            "files": [list(one) for one in self.images.files],
            "unlabelled": self.images.unlabelled.checksum,
            "train": self.train_ids.tolist(),
            "held_out": self.held_out_ids.tolist(),
            "balanced": None if split is None else split.balanced.tolist(),
            "few_shot": None if split is None else split.few_shot.tolist(),
            "counts": None if split is None else list(split.counts),
            "classes": None if self.images.classes is None else list(self.images.classes),
            "notes": list(self.images.notes),
            "unread": [list(one) for one in self.images.rejected if one.reason.startswith(NOT_READ)],
            "ranges": {kind: list(reach) for kind, reach in self.images.ranges.items()},
        }


def prepare(config: RunConfig, *, progress: OnProgress | None = None) -> Pool:
    """Loads config.data, holds images out, and draws the long tail from the rest; every draw is keyed by config.split.

    progress: as load_images is given it.

    Raises FileNotFoundError or ValueError (expected, got, remedy) where the source or the settings do not allow it.
    """
    reading: dict[str, Any] = {"resize": config.resize, "labels": config.labels, "subgroups": list(config.groups)}
    if config.pixel_range is not None:
        reading["pixel_range"] = list(config.pixel_range)
    drawn = {"size": config.image_size, "limit": config.limit, "seed": config.split}
    memory: dict[str, Any] = {"memory_gib": config.memory_gib, "workers": config.workers, "progress": progress}
    memory["streamed"] = bool(config.shuffle_buffer)
    check_buffer(config, in_blocks=source_of(config.data).in_blocks)
    images = load_images(config.data, strict=config.strict, download=config.download, **drawn, **memory, **reading)
    _check_square(images)
    by_file = config.long_tail is not None and is_index_file(config.long_tail)
    chosen = listed_ids(str(config.long_tail), images) if by_file else None
    held_out = _hold_out(images, chosen, config)
    rest = images.ids[torch.isin(images.ids, held_out, invert=True)]
    split = _split(images, rest, chosen, config)
    train = chosen if chosen is not None else rest if split is None else split.train
    return Pool(images, train, held_out, split, config.limit, config.split, reading)


def load_pool(record: Mapping[str, Any], *, source: str | Path | None = None, **memory: Any) -> Pool:
    """The pool that `record()` described, loaded again; source replaces record["data"] where the file has moved.

    memory: memory_gib, workers, streamed and progress of load_images.

    Raises ValueError where the images are no longer the same ones.
    """
    if record.get("schema") != SCHEMA_VERSION:
        raise ValueError(
            f"expected ids.json of schema {SCHEMA_VERSION}, got {record.get('schema')!r}; "
            "read it with the version of holdfast that wrote it"
        )
    where: str | Path = record["data"] if source is None else source
    unread = tuple(Rejected(*one) for one in record.get("unread") or ())
    files = tuple((name, count) for name, count in record.get("files") or ())
    images = read_again(record, where, unread=unread, files=files, **memory)
    if images.checksum != record["checksum"]:
        raise ValueError(
            f"expected the images that the run used (checksum {record['checksum']}), got others from {where} "
            f"({len(images):,} images, checksum {images.checksum}): the file changed, or this version of Pillow "
            "decodes it differently; restore the file or train again"
        )
    split = None
    if record["counts"] is not None:
        ids = [torch.tensor(record[name], dtype=torch.int64) for name in ("train", "balanced", "few_shot")]
        split = LongTailSplit(*ids, counts=tuple(record["counts"]))
    train, held_out = (torch.tensor(record[name], dtype=torch.int64) for name in ("train", "held_out"))
    pool = Pool(images, train, held_out, split, record["limit"], record["limit_seed"], _reading(record))
    if memory.get("streamed") and pool.blocks != record.get("blocks"):
        raise ValueError(
            f"expected {where} in the row groups or tar files that the run began with, for its order depends on them, "
            "got the same images in others; restore the files"
        )
    return pool


def read_again(record: Mapping[str, Any], source: str | Path, **memory: Any) -> Images:
    """The images of a source, read as a record says: image_size, limit, limit_seed, and what `Pool.reading` holds."""
    drawn = {"size": record["image_size"], "limit": record["limit"], "seed": record["limit_seed"]}
    return load_images(source, **drawn, **_reading(record), **memory)


def _reading(record: Mapping[str, Any]) -> dict[str, Any]:
    # Runs from before there was a choice read 'square'; subgroups were once called groups.
    subgroups = record.get("subgroups") or record.get("groups") or []
    found = {"resize": record.get("resize") or "square", "labels": record.get("labels"), "subgroups": subgroups}
    given = record.get("pixel_range")
    return found if given is None else found | {"pixel_range": tuple(given)}


def same_images(record: Mapping[str, Any], images: Images) -> bool:
    """Whether images are those of a run's ids.json, whatever labels either has."""
    if record["checksum"] == images.checksum:
        return True
    return record.get("unlabelled", record["checksum"]) == images.unlabelled.checksum


def draw_evenly(
    images: Images,
    count: int,
    *,
    seed: int,
    purpose: str,
    share: float = 1.0,
    least: int = 0,
    first: Tensor | None = None,
) -> Tensor:
    """Positions [at most count], ascending, of a keyed draw that takes one image of each class in turn.

    Never more than `share` of a class, or `least` of one that has more than so many; without labels all images are one
    class. first: ids that are drawn before others of their class.
    """
    if not len(images):
        return torch.empty(0, dtype=torch.int64)
    order = randomness.fold(randomness.key(seed, purpose), images.ids.cpu()).argsort()
    if first is not None:
        order = order[torch.isin(images.ids.cpu()[order], first.cpu(), invert=True).long().argsort(stable=True)]
    labels = torch.zeros_like(order) if images.labels is None else images.labels.cpu()[order]
    turns = torch.empty_like(order)
    allowed = torch.zeros(len(order), dtype=torch.bool)
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0]
        turns[members] = torch.arange(len(members))
        allowed[members[: max(int(share * len(members)), min(least, len(members) - 1))]] = True
    candidates = allowed.nonzero()[:, 0]
    first = candidates[turns[candidates].argsort(stable=True)[:count]]
    return order[first].sort().values


def _check_square(images: Images) -> None:
    height, width = images.pixels.shape[2:]
    if height != width:
        raise ValueError(
            f"expected square images, got {height}×{width} in {images.source}; "
            f"cut and resize them with --image-size, such as --image-size {min(height, width)}"
        )


def _hold_out(images: Images, chosen: Tensor | None, config: RunConfig) -> Tensor:
    """Ids held out, none of the chosen: as many as configured, evenly over the classes and at most half of each; by
    default 5 % (1,000 at most), or none with a long tail, whatever the classes, so that labels decide nothing."""
    free = torch.ones(len(images), dtype=torch.bool) if chosen is None else torch.isin(images.ids, chosen, invert=True)
    pool = images.subset(free.nonzero()[:, 0])
    if config.holdout is None:
        count = 0 if config.long_tail is not None else min(len(images) // 20, 1000)
        pool = pool.unlabelled
    else:
        count = config.holdout
    ids = pool.ids[draw_evenly(pool, count, seed=config.split, purpose="holdout", share=0.5 if chosen is None else 1.0)]
    if len(ids) < count and config.holdout is not None:
        raise ValueError(
            f"expected a holdout of at most {len(ids):,} images (half of each class; none that an index file lists), "
            f"got {count:,}; lower --holdout or raise --limit"
        )
    return ids


def _split(images: Images, rest: Tensor, chosen: Tensor | None, config: RunConfig) -> LongTailSplit | None:
    if config.long_tail is None:
        return None
    if images.labels is None:
        if chosen is not None:
            return None
        raise ValueError(
            f"expected labels to draw the long tail {config.long_tail!r}, got none in {config.data}; "
            "add a label column, give an index file of ids instead, or leave --long-tail out"
        )
    labels = images.labels[images.positions(rest)]
    if chosen is not None:
        return split_of(labels, rest, chosen, seed=config.split)
    return long_tail_split(labels, rest, profile=long_tail_profile(config.long_tail), seed=config.split)
