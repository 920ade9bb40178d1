"""Pairs of encoders that a user gives: what each was trained on is read where a run folder says it, else believed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from holdfast.audits.subject.lineage import first_difference
from holdfast.audits.subject.pairs import Pairs
from holdfast.config import VIEWS, ViewSettings, upgraded
from holdfast.data import Images, load_images
from holdfast.data.pool import read_again, same_images
from holdfast.data.splits import PARTS
from holdfast.models import own_size
from holdfast.runs import RunFolder

SMALL_IMAGE = 64
"""Up to this side, in pixels, views of encoders without a run are CIFAR's, else ImageNet's."""
_TRAINED_BY = {
    "shared": (True, True),
    "candidate": (True, False),
    "independent": (False, True),
    "external": (False,) * 2,
}
"""By part: whether f and whether g trained on its images."""


@dataclass(frozen=True, eq=False)
class _Run:
    """A run folder among the encoders."""

    name: str
    ids: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def trained(self) -> set[int]:
        return set(self.ids["train"])


def given_pairs(
    encoders: Sequence[tuple[str, str]],
    data: str | None,
    partition: Path | None,
    *,
    image_size: int | None = None,
) -> Pairs:
    """Pairs of encoders (f, g) that were trained elsewhere, with their images and parts.

    Of run folders, size, way of resizing, views and what each was trained on come from them: a partition is checked
    against them, and is not needed where all are runs. data: None takes the runs' own. Raises ValueError (expected,
    got, remedy) for what does not fit together.
    """
    given = None if partition is None else read_partition(partition)
    runs = {source: _read(source) for pair in encoders for source in pair if RunFolder(Path(source)).config.is_file()}
    known = list(runs.values())
    images = _images(known, data, image_size, encoders[0][0])
    parts = given or _parts_of(encoders, runs, images)
    absent = sorted(set().union(*parts.values()) - set(images.ids.tolist()))
    if absent:
        raise ValueError(
            f"expected ids of images in {images.source}, got {len(absent)} that it has not ({absent[0]} first); "
            "name the images that the partition is of"
        )
    for pair in encoders:
        _check_pair(pair, runs, parts)
    tensors = {name: torch.tensor(ids, dtype=torch.int64) for name, ids in parts.items() if ids}
    views = ViewSettings(**known[0].config["views"]) if known else _usual_views(images)
    cautions = [*_unlike(encoders, runs), *_untrained(encoders), *_copies(images, tensors)]
    return Pairs(encoders=encoders, images=images, parts=tensors, views=views, facts={"warnings": cautions})


def read_partition(path: Path) -> dict[str, list[int]]:
    """Lists of ids by part from a JSON file. Raises ValueError, in one line, for anything else."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f'expected JSON such as {{"candidate": [0, 1]}} in {path}, got {error}; correct it') from None
    if not isinstance(document, dict) or not set(document) <= set(PARTS) or not document.get("candidate"):
        raise ValueError(
            f"expected lists of ids for parts of {', '.join(PARTS)} in {path}, candidate among them and not empty, got "
            f"{str(document)[:80]}; correct it"
        )
    for name, ids in document.items():
        wrong = [i for i in ids if type(i) is not int or i < 0] if isinstance(ids, list) else [ids]
        if wrong:
            raise ValueError(f"expected whole numbers from 0 as ids of {name} in {path}, got {wrong[0]!r}; correct it")
    every = [i for ids in document.values() for i in ids]
    if len(set(every)) < len(every):
        twice = next(i for i in every if every.count(i) > 1)
        raise ValueError(f"expected every id once in {path}, got {twice} twice; correct it")
    return {name: list(ids) for name, ids in document.items()}


def _read(source: str) -> _Run:
    run = RunFolder(Path(source))
    if not run.ids.is_file():
        raise ValueError(f"expected an ids.json in {source}, which says what it trained on, got none; train it again")
    return _Run(source, run.read_ids(), upgraded(run.read_config()))


def _images(runs: Sequence[_Run], data: str | None, image_size: int | None, first: str) -> Images:
    if not runs:
        if data is None:
            raise ValueError("expected --data with the images to score, got none; name the images")
        return load_images(data, size=image_size or own_size(first))
    size = runs[0].ids["image_size"]
    if image_size not in (None, size):
        raise ValueError(
            f"expected images of {size} px, which {runs[0].name} was trained on, got --image-size {image_size}; "
            "leave it out"
        )
    images = read_again(runs[0].ids, data or runs[0].ids["data"])
    for run in runs:
        if not same_images(run.ids, images):
            raise ValueError(
                f"expected the images that {run.name} was made from ({run.ids['data']}, {run.ids['image_size']} px, "
                f"checksum {run.ids['checksum']}), got {images.source} ({images.pixels.shape[-1]} px, checksum "
                f"{images.checksum}); ids mean nothing in another source"
            )
    return images


def _parts_of(encoders: Sequence[tuple[str, str]], runs: Mapping[str, _Run], images: Images) -> dict[str, list[int]]:
    """By what the first pair's runs trained on; all images are candidates where that is not known."""
    f, g = (runs.get(source) for source in encoders[0])
    if f is None and g is None:
        return {"candidate": images.ids.tolist()}
    if f is None or g is None:
        missing = encoders[0][0] if f is None else encoders[0][1]
        raise ValueError(
            f"expected --partition, as {missing} does not say what it was trained on, got none; "
            "name its candidates, and external images if there are any"
        )
    every = set(images.ids.tolist())
    found = {
        name: sorted(i for i in every if ((i in f.trained), (i in g.trained)) == seen)
        for name, seen in _TRAINED_BY.items()
    }
    if not found["candidate"]:
        raise ValueError(
            f"expected images that {f.name} trained on and {g.name} did not, got none; train them on different images"
        )
    return found


def _check_pair(pair: tuple[str, str], runs: Mapping[str, _Run], parts: Mapping[str, Sequence[int]]) -> None:
    """A partition that a run's own ids contradict is refused."""
    for part, ids in parts.items():
        for place, (source, seen) in enumerate(zip(pair, _TRAINED_BY[part], strict=True)):
            run = runs.get(source)
            wrong = [] if run is None else [i for i in ids if (i in run.trained) != seen]
            if wrong:
                verb, remedy = "did not train" if seen else "trained", _remedy(pair, runs, parts)
                raise ValueError(
                    f"expected {part} images that {'fg'[place]} {'trained' if seen else 'did not train'} on, got "
                    f"{len(wrong)} of {len(ids)} that {source} {verb} on (id {wrong[0]} first); {remedy}"
                )


def _remedy(pair: tuple[str, str], runs: Mapping[str, _Run], parts: Mapping[str, Sequence[int]]) -> str:
    f, g = (runs.get(source) for source in pair)
    own = set(parts["candidate"])
    if f is not None and g is not None and own <= g.trained and not own & f.trained:
        return f"f and g are the wrong way round: --two-encoders {pair[1]} {pair[0]}"
    return "correct the partition, or leave it out where both are run folders"


def _usual_views(images: Images) -> ViewSettings:
    return VIEWS["cifar" if images.pixels.shape[-1] <= SMALL_IMAGE else "imagenet"]


def _unlike(encoders: Sequence[tuple[str, str]], runs: Mapping[str, _Run]) -> list[str]:
    """Pairs whose two runs differ in more than seed and images."""
    said = []
    for f, g in encoders:
        if f in runs and g in runs and (why := first_difference(runs[f].config, runs[g].config)):
            said.append(f"{f} and {g} were trained differently ({why}): what sets them apart need not be memory")
    return said


def _untrained(encoders: Sequence[tuple[str, str]]) -> list[str]:
    """Encoders that are named without weights."""
    bare = [s for pair in encoders for s in pair if s.startswith(("timm/", "torchvision/")) and not {":", "@"} & set(s)]
    return [
        f"{name} has random weights: it was not trained, with or without the candidates" for name in dict.fromkeys(bare)
    ]


def _copies(images: Images, parts: Mapping[str, Tensor]) -> list[str]:
    """Equal pictures in different parts: an encoder that is said not to have seen one has seen its copy."""
    seen: dict[bytes, set[str]] = {}
    for name, ids in parts.items():
        for image in images.select(ids).loaded().pixels:
            seen.setdefault(hashlib.sha256(image.cpu().numpy().tobytes()).digest(), set()).add(name)
    both = [names for names in seen.values() if len(names) > 1]
    if not both:
        return []
    return [
        f"{len(both)} pictures are in several parts under other ids ({', '.join(sorted(both[0]))}): scores hide memory"
    ]
