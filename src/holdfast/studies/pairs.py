"""Encoder pairs: a run repeated with and without certain images, three times or more (arXiv:2401.12233).

A study is a folder: study.json says everything; pair-0/f, pair-0/g and so on are run folders. It never changes the run
it is made from. Encoders train one after another, or each by one of several processes: an image source is decoded again
for each, seconds against minutes.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holdfast.audits.subject import foreign_study, made_of
from holdfast.config import RunConfig, require
from holdfast.data import Images, duplicate_groups, external_set, load_pool, memorization_partition
from holdfast.data.duplicates import LEAST_CORRELATION, MOST_BITS, group_sizes
from holdfast.data.splits import partition_checksum
from holdfast.distributed import ALONE, Crew
from holdfast.engine import read_config, resume, train
from holdfast.engine.session import Listener, version
from holdfast.methods import from_document, to_document
from holdfast.randomness import key
from holdfast.runs import RunFolder, write_json
from holdfast.studies.planted import plant
from holdfast.system import read_study

SCHEMA_VERSION = 1
Listening = Callable[[str, Path], AbstractContextManager[Listener]]
"""(name of the encoder, its folder) -> a context with a listener of its training."""


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """How pairs are made from a run."""

    pairs: int = 3
    """Pairs of encoders, each with seeds of its own; below 3 there are means of subsets but no ranks of images."""
    epochs: int | None = None
    """Passes over each encoder's images; None: as many as the run."""
    external: float = 0.1
    """Share of the run's training images that neither encoder sees."""
    candidates: float = 0.1
    """Share of the rest that only f sees; as many others only g sees."""
    planted: int = 0
    """Noise images, and near-duplicates of two kinds, added to the images to see where they rank."""
    seed: int = 0
    """Decides the partition, the pairs' seeds and what is planted."""

    def __post_init__(self) -> None:
        require(self.pairs >= 1, "pairs >= 1", self.pairs, "set --pairs, 3 or more")
        require(self.epochs is None or self.epochs >= 1, "epochs >= 1", self.epochs, "leave it out for the run's own")
        require(self.planted >= 0, "planted >= 0", self.planted, "0 plants nothing")
        for name, most in (("external", 1.0), ("candidates", 0.5)):
            require(0 < getattr(self, name) < most, f"{name} in (0, {most})", getattr(self, name), "0.1 is usual")


def _silent(name: str, folder: Path) -> AbstractContextManager[Listener]:
    return nullcontext(lambda event: None)


def run_study(
    run: RunFolder | Path | str,
    settings: StudyConfig,
    *,
    out: Path | None = None,
    check: Callable[[Mapping[str, Any]], None] = lambda record: None,
    listening: Listening = _silent,
    crew: Crew = ALONE,
) -> Path:
    """Trains the pairs of a finished or unfinished run and returns the study's folder; continues where it was stopped.

    out: the study's folder; None: RUN/memorization. check: told the study's record before anything is trained, may
    refuse it. f and g train on the run's images without the external ones, g also without the candidates, f without the
    independents, by the run's recipe to the last epoch. crew: processes that share out the encoders, each training
    every so-manieth alone. Raises ValueError where the folder holds a study with other settings, and FileNotFoundError
    where run is no run folder.
    """
    source = run if isinstance(run, RunFolder) else RunFolder.open(run)
    folder = source.study if out is None else out
    if crew.first:
        _opened(folder, source, settings, check)  # made by one
    crew.wait()
    record = _opened(folder, source, settings, check)
    jobs = [
        Job(f"pair-{number}/{which}", folder / f"{which}.json", seed)
        for number, seeds in enumerate(record["pair_seeds"])
        for which, seed in zip("fg", seeds, strict=True)
    ]
    train_all(folder, from_document(record["run"]), jobs, listening, crew)
    return folder


@dataclass(frozen=True)
class Job:
    """An encoder to be trained."""

    name: str
    """Its run folder in the study's folder."""
    index: Path
    """The file with the ids that it is trained on."""
    seed: int


def train_all(
    folder: Path, config: RunConfig, jobs: Sequence[Job], listening: Listening = _silent, crew: Crew = ALONE
) -> None:
    """Trains the encoders of a study, or continues; of a crew each process trains every so-manieth, alone."""

    def trained(job: Job) -> torch.Tensor:
        _train(folder, config, job, listening, alone=crew.size > 1)
        return torch.zeros(0)

    crew.spread(jobs, trained)


def _train(folder: Path, config: RunConfig, job: Job, listening: Listening, *, alone: bool) -> None:
    """Trains a configuration on the ids in an index file, or continues; its folder becomes a run folder."""
    name, path, index, seed = job.name, folder / job.name, job.index, job.seed
    with listening(name, path) as listen:
        if (path / "config.json").is_file():
            finished = resume(path, listen=listen, devices=1, alone=alone)
        else:
            shutil.rmtree(path, ignore_errors=True)  # killed before its configuration was written: nothing to continue
            path.parent.mkdir(parents=True, exist_ok=True)
            own = replace(config, long_tail=str(index), seed=seed, devices=1)
            finished = train(own, path, listen=listen, alone=alone)
    shutil.rmtree(finished.checkpoints, ignore_errors=True)  # the encoder is there; six encoders' states would add up


def _opened(
    folder: Path, run: RunFolder, settings: StudyConfig, check: Callable[[Mapping[str, Any]], None]
) -> dict[str, Any]:
    """The study's record: read where there is one, else made and written last, so that it is whole or not there."""
    path = folder / "study.json"
    if not os.path.lexists(path):
        if left := sorted(folder.glob("pair-*/?/config.json")):
            raise ValueError(
                f"expected a study.json beside the encoders in {folder}, got none and {len(left)} encoders that nobody "
                "knows the images of; restore it, or choose another folder with --study"
            )
        folder.mkdir(parents=True, exist_ok=True)
        planned = _plan(folder, run, settings)
        check(planned)
        write_json(path, planned)
    record = read_study(path)
    if record["schema"] != SCHEMA_VERSION or record["settings"] != asdict(settings):
        raise ValueError(
            f"expected a study with {record['settings']} in {folder}, got {asdict(settings)}; "
            "continue it with its own settings, or choose another folder with --study"
        )
    if why := foreign_study(folder, run.path):
        raise ValueError(
            f"expected a study of {run.path} in {folder}, got another's ({why}); choose another folder with "
            "--study, or move it away"
        )
    check(record)
    return record


def _plan(folder: Path, run: RunFolder, settings: StudyConfig) -> dict[str, Any]:
    """Parts the run's training images, plants what is to be planted, and writes the index files of f and g."""
    ids = run.read_ids()
    pool, config = load_pool(ids), read_config(run)
    images, planted = pool.train, None
    groups = duplicate_groups(images)
    parts = part_images(images, groups.numpy(), settings)
    config = replace(config, holdout=0, signals_every=0, epochs=settings.epochs or config.epochs)
    config = replace(config, resize=pool.reading["resize"])
    if settings.planted:
        planted = plant(images, parts, settings.planted, seed=settings.seed)
        planted.save(folder)
        parts, loaded = planted.parts, planted.images
        config = replace(config, data=str(folder / planted.FILE), limit=None, labels=None, groups=())
    else:
        loaded = pool.images
    for which, own in (("f", "candidate"), ("g", "independent")):
        write_json(folder / f"{which}.json", np.sort(np.concatenate([parts["shared"], parts[own]])).tolist())
    return {
        "schema": SCHEMA_VERSION,
        "version": version("holdfast"),
        "settings": asdict(settings),
        "of": made_of(ids),
        "data": ids["data"] if planted is None else planted.FILE,
        "image_size": ids["image_size"],
        "limit": ids["limit"] if planted is None else None,
        "limit_seed": ids["limit_seed"],
        **({} if planted else pool.reading),
        "checksum": loaded.checksum,
        "parts": {name: members.tolist() for name, members in parts.items()},
        "partition_checksum": partition_checksum(parts),
        "pairs": [[f"pair-{number}/{which}" for which in "fg"] for number in range(settings.pairs)],
        "pair_seeds": [pair_seeds(settings.seed, number) for number in range(settings.pairs)],
        "seed": settings.seed,
        "duplicates": _duplicates(groups),
        "planted": None if planted is None else planted.record(),
        "run": to_document(config),
    }


def part_images(images: Images, groups: np.ndarray, settings: StudyConfig) -> dict[str, np.ndarray]:
    """Ids of 'external', held out first, and of the parts of the rest; near-duplicate groups [n] stay together."""
    ids = images.ids.cpu().numpy()
    labels = np.zeros(len(ids), dtype=np.int64) if images.labels is None else images.labels.cpu().numpy()
    external = external_set(labels, share=settings.external, seed=settings.seed, groups=groups)
    rest = np.setdiff1d(np.arange(len(ids)), external)
    shares = (1 - 2 * settings.candidates, settings.candidates, settings.candidates)
    parts = memorization_partition(labels[rest], shares=shares, seed=settings.seed, groups=groups[rest])
    return {name: ids[rest[members]] for name, members in parts.items()} | {"external": ids[external]}


def pair_seeds(seed: int, pair: int) -> list[int]:
    """Seeds of a pair's f and g: independent of each other and of the other pairs'."""
    return [int(key(seed, f"memorization pair {which}", pair)) & 0x7FFFFFFF for which in "fg"]


def _duplicates(groups: torch.Tensor) -> dict[str, Any]:
    sizes = group_sizes(groups)
    return {
        "images_in_groups": int((sizes > 1).sum()),
        "largest_group": int(sizes.max()),
        "hash_bits": MOST_BITS,
        "correlation": LEAST_CORRELATION,
    }
