"""Encoder pairs: f and g trained with and without certain images, as a study left them on disk or a user gives them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holdfast.audits.subject.studies import foreign_study, unusable_study
from holdfast.config import ViewSettings
from holdfast.data import Images, duplicate_groups
from holdfast.data.pool import read_again
from holdfast.data.splits import PARTS, partition_checksum
from holdfast.distributed import ALONE
from holdfast.evaluation import encoder_checksum
from holdfast.evaluation.pairs import LayerScores, PairScores, Scoring, Tap, find_taps, score_pair
from holdfast.models import load_encoder
from holdfast.runs import RunFolder
from holdfast.system import read_rows, read_study

STUDY_SCHEMA = 1
PLANTED = "planted"
"""What the part of an image is called that is in no number but those of the table of planted images."""
LEAST_PAIRS = 3
"""Below this there are means of subsets only: one pair's ranks are mostly its seeds' noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """R pairs of encoders and images to score: f trained on shared and candidate, g on shared and independent.

    Raises ValueError where candidates are missing or all planted, where an image is in two parts, or where there is no
    pair.
    """

    encoders: Sequence[tuple[nn.Module | str | Path, nn.Module | str | Path]]
    """(f, g) of each pair: modules, or what load_encoder takes; loaded a pair at a time."""
    images: Images
    """With every image of the parts."""
    parts: Mapping[str, Tensor]
    """Ids by part, names in PARTS; 'candidate' at least. Without 'external' there is no null to compare with."""
    views: ViewSettings = field(default_factory=ViewSettings)
    """How views were drawn in training."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that findings record: the study's settings."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Tables that the memorization finding takes over: what removal gave."""
    planted: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    """Ids of planted images and of those that they are near-duplicates of: in no number but those of their table."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.parts) - set(PARTS))
        ids = torch.cat([torch.as_tensor(ids) for ids in self.parts.values()]) if self.parts else torch.empty(0)
        if unknown or "candidate" not in self.parts or len(ids.unique()) < len(ids):
            raise ValueError(
                f"expected different ids for parts of {', '.join(PARTS)}, candidate among them, got "
                f"{', '.join(self.parts) or 'none'} with {len(ids) - len(ids.unique())} repeats; correct the partition"
            )
        if bool(torch.isin(torch.as_tensor(self.parts["candidate"]), self.planted).all()):
            raise ValueError(
                f"expected a candidate that is neither planted nor has a planted near-duplicate, got none among "
                f"{len(self.parts['candidate'])}; give more candidates, or make a study that plants fewer"
            )
        if not self.encoders:
            raise ValueError(
                "expected at least one pair of encoders, got none; train them with: holdfast memorization RUN"
            )

    @property
    def ordered(self) -> Images:
        """The images of all parts, ascending by id, so that the order of rows changes no digit."""
        return self.images.select(torch.cat(list(self.parts.values())).sort().values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Every pair's scores of every image; arrays are [n], ascending by id."""

    images: Images
    part: np.ndarray
    """The part of each image; 'planted' for those that are in no number but those of their own table."""
    origin: np.ndarray
    """The part of each image, planted or not."""
    groups: np.ndarray
    """The near-duplicate group of each image."""
    pairs: Sequence[PairScores]
    layers: Sequence[LayerScores]
    """Scores of the candidates by layer, one entry a pair."""
    taps: Sequence[Tap]
    facts: Mapping[str, Any]

    def at(self, part: str) -> np.ndarray:
        """[n] bool: the images of a part."""
        return self.part == part

    @property
    def differences(self) -> np.ndarray:
        """[pairs, n] loss_g - loss_f."""
        return np.stack([pair.difference for pair in self.pairs])

    @property
    def ratios(self) -> np.ndarray:
        """[pairs, n] (loss_g - loss_f) / (loss_g + loss_f), 0 where both are 0."""
        totals = np.stack([pair.loss_f + pair.loss_g for pair in self.pairs])
        return self.differences / np.where(totals > 0, totals, 1.0)


def find_pairs(given: "Pairs | str | Path | None", encoder: object) -> Pairs | None:
    """The pairs given, or those of a study's folder; None given: of the study in the encoder's run folder, if any.

    Raises ValueError for a folder whose study is not of the run; such a study in the run's own folder is passed over,
    and so is one that is damaged or has not finished.
    """
    if isinstance(given, Pairs):
        return given
    if given is not None:
        if why := foreign_study(Path(given), encoder):
            raise ValueError(
                f"expected the study in {given} to be of {encoder}, got another's ({why}); "
                "name its own run, or train pairs of this one: holdfast memorization RUN"
            )
        return load_pairs(Path(given))
    if isinstance(encoder, str | Path):
        own = RunFolder(Path(encoder)).study
        if (own / "study.json").is_file() and unusable_study(own, encoder) is None:
            return load_pairs(own)
    return None


def load_pairs(folder: Path) -> Pairs:
    """The pairs that a study left in a folder. Raises ValueError for other images and where one has not finished."""
    record = read_study(folder / "study.json")
    if record.get("schema") != STUDY_SCHEMA:
        raise ValueError(
            f"expected study schema {STUDY_SCHEMA}, got {record.get('schema')!r}; use the holdfast that wrote it"
        )
    source = record["data"] if record["planted"] is None else folder / record["data"]
    images = read_again(record, source)
    if images.checksum != record["checksum"]:
        raise ValueError(
            f"expected the images of the study (checksum {record['checksum']}), got others from {source} "
            f"(checksum {images.checksum}); restore the file or start another study"
        )
    encoders = [(folder / f, folder / g) for f, g in record["pairs"]]
    missing = [path for pair in encoders for path in pair if not RunFolder(path).encoder.is_file()]
    if missing:
        raise ValueError(
            f"expected a finished study in {folder}, got {len(missing)} encoders that are not trained; finish it with: "
            "holdfast memorization RUN"
        )
    keys = ("partition_checksum", "pair_seeds", "seed", "duplicates")
    facts = {"study": str(folder), "pair_config": record["run"], **{key: record[key] for key in keys}}
    planted = record["planted"] or {"kinds": {}, "source_ids": []}
    facts["planted"] = planted["kinds"]
    removal = folder / "removal.json"
    tables = {"removal": read_rows(removal)} if removal.is_file() else {}
    return Pairs(
        encoders=encoders,
        images=images,
        parts={name: torch.tensor(ids, dtype=torch.int64) for name, ids in record["parts"].items()},
        views=ViewSettings(**record["run"]["views"]),
        facts=facts,
        tables=tables,
        planted=_planted_ids(planted),
    )


def _planted_ids(planted: Mapping[str, Any]) -> Tensor:
    """Ids of planted images, and of the images that a planted one is a near-duplicate of."""
    added = [number for number, source in enumerate(planted["source_ids"]) if source < 0]
    return torch.tensor(
        added + [i for members in planted["kinds"].values() for i in members], dtype=torch.int64
    ).unique()


def score_pairs(pairs: Pairs, draws: Mapping[str, Any], extraction: Mapping[str, Any]) -> Scored:
    """Scores every image by every pair; layers are listened to for the candidates alone.

    draws: count and seed of the views; extraction: batch_size, device, precision, progress and crew.
    """
    passes = {"progress": extraction.get("progress"), "crew": extraction.get("crew") or ALONE}
    scoring = {name: value for name, value in extraction.items() if name not in passes} | dict(draws)
    images = pairs.ordered
    part = np.full(len(images), "", dtype=object)
    for name, ids in pairs.parts.items():
        part[images.positions(ids.contiguous()).cpu().numpy()] = name
    origin = part.astype(str)
    part[torch.isin(images.ids.cpu(), pairs.planted).numpy()] = PLANTED
    settings = Scoring(views=pairs.views, size=images.pixels.shape[-1], **scoring)
    scores, layers, sums, taps = [], [], [], []
    for number, sources in enumerate(pairs.encoders):
        f, g = (load_encoder(source) if not isinstance(source, nn.Module) else source for source in sources)
        sums.append([encoder_checksum(f), encoder_checksum(g)])
        taps = _common_taps(f, g)
        found = _score_parts(f, g, images, part == "candidate", settings, number, taps, passes)
        scores.append(found[0])
        layers.append(found[1])
    return Scored(
        images=images,
        part=part.astype(str),
        origin=origin,
        groups=duplicate_groups(images).numpy(),
        pairs=scores,
        layers=layers,
        taps=taps,
        facts=_facts(pairs, images, part.astype(str), settings, sums),
    )


def _common_taps(f: nn.Module, g: nn.Module) -> list[Tap]:
    taps = find_taps(f)
    return taps if taps == find_taps(g) else []


def _score_parts(
    f: nn.Module,
    g: nn.Module,
    images: Images,
    candidate: np.ndarray,
    settings: Scoring,
    number: int,
    taps: list[Tap],
    passes: Mapping[str, Any],
) -> tuple[PairScores, LayerScores]:
    """Candidates with taps, the rest without; rows go back to where they belong."""
    rows = [np.flatnonzero(candidate), np.flatnonzero(~candidate)]
    found, layers = score_pair(
        f, g, images.subset(torch.from_numpy(rows[0])), settings, pair=number, taps=taps, **passes
    )
    if not len(rows[1]):
        return found, layers
    others, _ = score_pair(f, g, images.subset(torch.from_numpy(rows[1])), settings, pair=number, **passes)
    back = np.argsort(np.concatenate(rows))
    joined = {name: np.concatenate([values, getattr(others, name)])[back] for name, values in vars(found).items()}
    return PairScores(**joined), layers


def _facts(pairs: Pairs, images: Images, part: np.ndarray, settings: Scoring, sums: list[list[str]]) -> dict[str, Any]:
    sizes = {name: int((part == name).sum()) for name in pairs.parts}
    planted, given = int((part == PLANTED).sum()), dict(pairs.facts)
    return {
        "measured_on": f"{2 * len(sums)} encoders trained in {len(sums)} pair{'s' * (len(sums) > 1)} "
        "with and without certain images, not the encoder of the run itself",
        "pairs": len(sums),
        "distinct_pairs": len(set(map(tuple, sums))),
        "pair_checksums": sums,
        "parts": sizes,
        "scored_images": sum(sizes.values()),
        "planted_images": planted,
        "scored_checksum": _scored_checksum(pairs, images),
        "scored_views": settings.count,
        "view_settings": asdict(settings.views),
        **given,
        "warnings": [*given.get("warnings", ()), *_cautions(planted, sums)],
    }


def _scored_checksum(pairs: Pairs, images: Images) -> str:
    """A checksum of the scored pixels and of the parts that they are in: equal ids of other images are other images."""
    parts = partition_checksum({name: ids.tolist() for name, ids in pairs.parts.items()})
    return hashlib.sha256(f"{parts} {images.unlabelled.checksum}".encode()).hexdigest()[:16]


def _cautions(planted: int, sums: list[list[str]]) -> list[str]:
    """What the pairs' own checksums say against the numbers."""
    said, distinct = [], len(set(map(tuple, sums)))
    if planted:
        said.append(
            f"{planted:,} images were planted or have a planted near-duplicate: they are in no number but those of the "
            "table of planted images"
        )
    if distinct < len(sums):
        said.append(
            f"{len(sums)} pairs were given and only {distinct} of them differ: more of the same say nothing new"
        )
    if any(f == g for f, g in sums):
        said.append("f and g of a pair are the same encoder: it cannot show what training memorised")
    return said
