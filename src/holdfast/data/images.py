"""Images: a set of decoded pictures, resident as one uint8 tensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from holdfast.data.files import Files, Paths, Rejected, RowNames, Streamed, checksum, head, short
from holdfast.display import html_table
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")


@dataclass(frozen=True, eq=False)
class Subgroups:
    """A group for each of some images: the site, the camera, whatever a column says."""

    numbers: Tensor
    """[n] int64, on the CPU; of Bare images in numpy."""
    names: tuple[str, ...]
    """By number; a group may have no images."""


@dataclass(frozen=True, eq=False)
class Images:
    """Decoded images of one size, with their places in the source and, where known, their classes.

    Raises ValueError where the tensors do not fit together.
    """

    pixels: Tensor
    """[n, 3, h, w] uint8, on any device; or a Streamed that stands for it where they are too many for memory."""
    ids: Tensor
    """[n] int64, each image's place in the source, without repeats: draws and splits are keyed by it."""
    labels: Tensor | None = None
    """[n] int64 class of each image, or None; never needed to train."""
    classes: tuple[str, ...] | None = None
    """Class names by label, or None."""
    source: str = "memory"
    """Where they came from, as the user wrote it."""
    factors: Mapping[str, Tensor] = field(default_factory=dict)
    """Numbers [n] float32, by name, that images were drawn from, where known; the checksum leaves them out."""
    subgroups: Mapping[str, Subgroups] = field(default_factory=dict)
    """By the name of a column, each image's group; the checksum leaves them out."""
    paths: Sequence[str] | None = None
    """Each image's file name as the source has it, '' where it has none, or None; the checksum leaves them out."""
    rejected: tuple[Rejected, ...] = ()
    """Files of the source that could not be used, in its order; a part of the images keeps them all."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By kind of deep pixels, integers or floats: what became black and what became white."""
    notes: tuple[str, ...] = ()
    """What was decided about them as they were read, a line each: to be said and recorded."""

    files: Files = ()
    """The files that they were read from, and how many images each holds, where the source has some."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4 or self.pixels.shape[1] != 3:
            raise ValueError(
                f"expected uint8 pixels [n, 3, h, w], got {self.pixels.dtype} {list(self.pixels.shape)}; "
                "convert floats in [0, 1] with (255 * x).round().to(torch.uint8)"
            )
        _check_column("ids", self.ids, len(self.pixels))
        if self.labels is not None:
            _check_column("labels", self.labels, len(self.pixels))
            _check_labels(self.labels, self.classes)
        for name, values in self.factors.items():
            if values.shape != (len(self.pixels),):
                raise ValueError(
                    f"expected one number of {name!r} for each image, got {list(values.shape)}; give them all"
                )
        for name, group in self.subgroups.items():
            _check_column(f"subgroups {name!r}", group.numbers, len(self.pixels))
        if self.paths is not None and len(self.paths) != len(self.pixels):
            raise ValueError(
                f"expected one path for each of {len(self.pixels):,} images, got {len(self.paths):,}; give '' for none"
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        height, width = self.pixels.shape[2:]
        classes = f", {self.class_count:,} classes" if self.labels is not None else ", no labels"
        aside = f", {len(self.rejected):,} set aside" if self.rejected else ""
        return f"Images({len(self):,} of {width} × {height} pixels{classes}{aside}, {self.source})"

    def _repr_html_(self) -> str:
        rows = [("images", f"{len(self):,}"), ("pixels", "{1} × {0}".format(*self.pixels.shape[2:]))]
        rows += [("classes", f"{self.class_count:,}" if self.labels is not None else "no labels")]
        rows += [(f"groups {name}", ", ".join(group.names[:8])) for name, group in self.subgroups.items()]
        rows += [("set aside", f"{len(self.rejected):,}")] if self.rejected else []
        return html_table(self.source, rows)

    def __getitem__(self, index: int) -> Tensor:
        """Image `index` as uint8 [3, h, w]."""
        return self.pixels[index]

    @classmethod
    def of(cls, pixels: Tensor, labels: Tensor | None = None, *, classes: tuple[str, ...] | None = None) -> Images:
        """Images from tensors in memory, pixels [n, 3, h, w] uint8 and labels [n]; their ids are 0..n-1."""
        labels = None if labels is None else labels.to(torch.int64)
        return cls(pixels=pixels, ids=torch.arange(len(pixels)), labels=labels, classes=classes)

    @property
    def class_count(self) -> int:
        """Number of classes: of names where there are any, otherwise the largest label plus one; 0 without labels."""
        if self.classes is not None:
            return len(self.classes)
        return 0 if self.labels is None or not len(self) else int(self.labels.max()) + 1

    @cached_property
    def checksum(self) -> str:
        """16 hexadecimal digits of a sha256 over ids, labels and pixels: the same on every device."""
        if isinstance(self.pixels, Streamed):
            return checksum(self.pixels, self.ids, self.labels)
        digest = head(self.pixels.shape, self.ids, self.labels)
        digest.update(self.pixels.cpu().contiguous().numpy().data)
        return short(digest)

    @property
    def places(self) -> np.ndarray:
        """The ids [n] in numpy."""
        return self.ids.cpu().numpy()

    def column(self, numbers: np.ndarray) -> Tensor:
        """A column [n] as these hold them."""
        return torch.from_numpy(numbers)

    @property
    def blocks(self) -> np.ndarray | None:
        """int64 [n], the block (row group, piece of a tar file) that each image is read with; None where images are in
        memory, or lie in files of their own."""
        blocked = self.pixels.blocked if isinstance(self.pixels, Streamed) else None
        return None if blocked is None else blocked.blocks(self.pixels.places)  # type: ignore[attr-defined]

    def in_blocks(self, buffer: int) -> Images:
        """These images, read by whole blocks of which those of so many images are kept, twice."""
        return replace(self, pixels=self.pixels.in_blocks(buffer))  # type: ignore[operator]

    def known_labels(self) -> Tensor:
        """The labels [n], on the CPU. Raises ValueError where there are none."""
        if self.labels is None:
            raise ValueError(
                f"expected labels to measure accuracy, got none in {self.source}; "
                "add a label column, or audit quality alone"
            )
        return self.labels.cpu()

    def noted(self, notes: Iterable[str]) -> Images:
        """These images with further notes."""
        notes = tuple(note for note in notes if note not in self.notes)
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    @property
    def unlabelled(self) -> Images:
        """These images without their labels."""
        return self if self.labels is None else replace(self, labels=None, classes=None)

    def subset(self, positions: Tensor) -> Images:
        """The images at positions [m] (0..n-1), in that order; they keep their ids."""
        here, there = positions.to(self.ids.device), positions.to(self.pixels.device)
        labels = None if self.labels is None else self.labels[positions.to(self.labels.device)]
        factors = {name: values[positions.to(values.device)] for name, values in self.factors.items()}
        subgroups = {n: replace(group, numbers=group.numbers[positions.cpu()]) for n, group in self.subgroups.items()}
        named = {"factors": factors, "subgroups": subgroups}
        named["paths"] = None if self.paths is None else _named(self.paths, positions)
        return replace(self, pixels=_pixels(self.pixels, there), ids=self.ids[here], labels=labels, **named)

    def positions(self, ids: Tensor) -> Tensor:
        """Where the images with these ids [m] stand here, int64 [m]. Raises ValueError for an id that is not here."""
        ids = ids.to(self.ids.device, torch.int64)
        ordered, order = self.ids.sort()
        found = torch.searchsorted(ordered, ids).clamp(max=max(len(self) - 1, 0))
        missing = ids if not len(self) else ids[ordered[found] != ids]
        if len(missing):
            raise ValueError(
                f"expected ids of {self.source} ({len(self):,} images loaded), got {int(missing[0])} "
                f"and {len(missing) - 1:,} others that are not among them; load the same source with the same limit"
            )
        return order[found]

    def select(self, ids: Tensor) -> Images:
        """The images with these ids [m], in that order. Raises ValueError for an id that is not here."""
        return self.subset(self.positions(ids))

    def to(self, device: torch.device | str) -> Images:
        """These images with every tensor on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, pixels=self.pixels.to(device), ids=self.ids.to(device), labels=labels)

    def loaded(self) -> Images:
        """These images with all pixels decoded and in memory; for few."""
        return replace(self, pixels=self.pixels[:]) if isinstance(self.pixels, Streamed) else self

    def batches(self, positions: Iterable[Tensor]) -> Iterator[Tensor]:
        """float32 [m, 3, h, w] in [0, 1] of the images at each of some positions [m], in turn; as `floats`, but where
        pixels are streamed, worker processes decode the next ones meanwhile."""
        if not isinstance(self.pixels, Streamed):
            return (self.floats(some) for some in positions)
        return (pixels.to(torch.float32) / 255 for pixels in self.pixels.batches(positions))

    def readable(self, positions: Iterable[Tensor]) -> Iterator[tuple[Tensor, list[tuple[int, Rejected]]]]:
        """As `batches`, each with (position in it, why not) of images that can no longer be read, whose pixels mean
        nothing; where pixels are in memory all can."""
        if not isinstance(self.pixels, Streamed):
            return ((self.floats(some), []) for some in positions)
        return ((pixels.to(torch.float32) / 255, rejected) for pixels, rejected in self.pixels.readable(positions))

    def floats(self, positions: Tensor | None = None) -> Tensor:
        """float32 [m, 3, h, w] in [0, 1] of the images at positions [m], or of all."""
        pixels = self.loaded().pixels if positions is None else self.pixels[positions.to(self.pixels.device)]
        return pixels.to(torch.float32) / 255


@dataclass(frozen=True, eq=False)
class Bare:
    """What is said of images, in numpy and without their pixels: labels and subgroups are read for them as for Images,
    whose fields these are, and nothing of torch is needed."""

    ids: np.ndarray
    source: str = "memory"
    paths: Sequence[str] | None = None
    labels: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    subgroups: Mapping[str, Subgroups] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def places(self) -> np.ndarray:
        """The ids."""
        return self.ids

    def column(self, numbers: np.ndarray) -> np.ndarray:
        """A column as these hold them."""
        return numbers

    def noted(self, notes: Iterable[str]) -> Bare:
        """These with further notes."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes))))


def class_names(images: Images) -> tuple[str, ...]:
    """What the classes are called, by number: a class without a name by its number."""
    return images.classes or tuple(str(number) for number in range(images.class_count))


def named(names: Sequence[str], most: int = 5) -> str:
    """The first of some names, and how many more, for a message."""
    more = f" and {len(names) - most:,} others" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _pixels(pixels: Tensor, positions: Tensor) -> Tensor:
    """A part of the pixels: streamed ones stay undecoded."""
    return cast("Tensor", pixels.take(positions)) if isinstance(pixels, Streamed) else pixels[positions]


def _named(paths: Sequence[str], positions: Tensor) -> Sequence[str]:
    if isinstance(paths, (Paths, RowNames)):
        return paths.take(positions.cpu().numpy())
    return tuple(paths[place] for place in cast("list[int]", positions.tolist()))


def _check_column(name: str, column: Tensor, rows: int) -> None:
    if column.dtype != torch.int64 or column.shape != (rows,):
        raise ValueError(
            f"expected {name} int64 [{rows}], one for each image, got {column.dtype} {list(column.shape)}; "
            f"convert them with {name}.to(torch.int64)"
        )


def _check_labels(labels: Tensor, classes: tuple[str, ...] | None) -> None:
    if classes is not None and len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise ValueError(
            f"expected another name for each class, got {twice!r} for {classes.count(twice)} of them; "
            "rename them, or give them one number if they are one class"
        )
    if not len(labels):
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes is not None and high >= len(classes)):
        top = "" if classes is None else f" to {len(classes) - 1}, one for each of {len(classes)} class names"
        raise ValueError(
            f"expected labels from 0{top}, got {low} to {high}; number the classes from 0, or leave the labels out"
        )
