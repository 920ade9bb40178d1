"""Removal: train again without the images that were memorised most, or without others, and compare the encoders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holdfast.audits import audit
from holdfast.audits.subject import load_pairs
from holdfast.data import Images
from holdfast.distributed import ALONE, Crew
from holdfast.findings import Finding
from holdfast.methods import from_document
from holdfast.models import load_encoder
from holdfast.randomness import key, permutation
from holdfast.runs import RunFolder, write_json
from holdfast.statistics import over_runs
from holdfast.studies.pairs import Job, Listening, _silent, train_all
from holdfast.system import read_index, read_rows, read_study

KINDS = ("top", "bottom", "random")
MEASURES = ("linear_accuracy", "knn_accuracy")


def parse_removal(text: str) -> list[tuple[str, int]]:
    """[('top', 500), ('random', 500)] from 'top:500,random:500'. Raises ValueError for anything else."""
    rules = []
    for word in text.split(","):
        kind, _, number = word.strip().partition(":")
        if kind not in KINDS or not number.isdigit() or int(number) < 1:
            raise ValueError(
                f"expected rules such as top:500,random:500 ({', '.join(KINDS)}), got {word!r}; correct it"
            )
        rules.append((kind, int(number)))
    return rules


def removed_ids(finding: Finding, kind: str, count: int, *, seed: int) -> np.ndarray:
    """Ids of `count` candidates: those with the largest ('top') or smallest ('bottom') ratio, or a draw by seed."""
    candidate = finding.columns["part"] == "candidate"
    ids, ratio = finding.columns["id"][candidate], finding.columns["ratio"][candidate]
    if count >= len(ids):
        raise ValueError(f"expected to remove fewer than all {len(ids)} candidates, got {count}; lower the number")
    if kind == "random":
        return np.sort(ids[permutation(key(seed, "removal"), len(ids))[:count].numpy()])
    order = np.argsort(-ratio if kind == "top" else ratio, kind="stable")
    return np.sort(ids[order[:count]])


def check_removal(
    rules: Sequence[tuple[str, int]],
    candidates: int,
    images: Images,
    test: Images | None,
    downstream: Images | None = None,
) -> None:
    """Raises ValueError, before anything is trained, for rules that so many candidates do not allow, and where labels
    are missing that removal is measured with."""
    for kind, count in rules:
        if count >= candidates:
            raise ValueError(
                f"expected to remove fewer than all {candidates} candidates, got {kind}:{count}; lower the number"
            )
    if images.labels is None or (test is not None and test.labels is None):
        without = images.source if images.labels is None else test.source if test is not None else ""
        raise ValueError(
            f"expected labels to measure what removed images are worth, got none in {without}; add a label column"
        )
    if downstream is not None and downstream.labels is None:
        raise ValueError(
            f"expected labels to measure other tasks by, got none in {downstream.source}; name a column with labels"
        )
    named = () if test is None or images.classes is None else test.classes or ()
    if strange := sorted(set(named) - set(images.classes or ())):
        raise ValueError(
            f"expected test images of the run's classes ({', '.join(images.classes or ())}), got {strange[0]!r}; "
            "name them alike"
        )


def run_removal(
    folder: Path,
    finding: Finding,
    rules: Sequence[tuple[str, int]],
    *,
    test: Images | None = None,
    downstream: Images | None = None,
    listening: Listening = _silent,
    crew: Crew = ALONE,
    **options: Any,
) -> list[dict[str, Any]]:
    """Trains f of every pair again, with its own seed, without the images of each rule; continues where it was stopped.

    folder: a finished study; the rows are left there for later audits. finding: its memorization audit, which ranks the
    candidates. test: labelled test images; None: the study's external images. downstream: labelled images of another
    source, which no encoder saw: probes are fitted on them and tested on a fifth of each class held out, and the rows
    have the same columns under downstream_ as well (2401.12233: what is memorised serves other tasks). options: of
    `audit`. Returns rows {'removed', 'images', 'ids' (a checksum of the removed ids), 'test', 'test_checksum',
    'encoders', and for each of MEASURES its mean, '_spread' (population standard deviation), '_change' against f itself
    and the ends '_low' and '_high' of the change's 95 % interval over pairs; '_beyond', '_beyond_low' and
    '_beyond_high': how far the change lies beyond that of as many drawn images removed, pair by pair, where rules has
    them: what the paper claims to be negative for 'top'}; each test set's first row is f. Rows of other removals that
    are there already stay. Probes are fitted on all images of the study that are not external.
    Raises ValueError as check_removal does.
    """
    record, pairs, given = read_study(folder / "study.json"), load_pairs(folder), test is not None
    config = from_document(record["run"])
    check_removal(rules, int((finding.columns["part"] == "candidate").sum()), pairs.images, test, downstream)
    removed = [_Removal("nothing", np.empty(0, np.int64), [folder / f for f, _ in record["pairs"]])]
    for kind, count in rules:
        out = removed_ids(finding, kind, count, seed=record["seed"])
        removed.append(_Removal(f"{kind}-{count}", out, []))
        kept = np.setdiff1d(read_index(folder / "f.json"), out)
        name = f"removed/{kind}-{count}-{removed[-1].ids}"  # another ranking removes other images by the same rule
        index = _index(folder / name, kept, crew)
        jobs = [Job(f"{name}/pair-{number}", index, seed) for number, (seed, _) in enumerate(record["pair_seeds"])]
        train_all(folder, config, jobs, listening, crew)
        removed[-1].encoders.extend(folder / job.name for job in jobs)
    options = {**options, "crew": crew}
    probe, test = _images(pairs.ordered, pairs.parts, test)
    tested = {
        "test": test.source if given else "the study's external images",
        "test_checksum": test.checksum,
        **({} if downstream is None else {"downstream": downstream.source, "downstream_checksum": downstream.checksum}),
    }
    found = [
        [_measured(path, probe, test, options) | _other_task(path, downstream, options) for path in one.encoders]
        for one in removed
    ]
    rows = [row | tested for row in _rows(removed, found)]
    if crew.first:
        write_json(folder / "removal.json", _joined(folder / "removal.json", rows))
    crew.wait()
    return rows


@dataclass(frozen=True)
class _Removal:
    """What was removed, and the encoders that were trained without it."""

    name: str
    out: np.ndarray
    encoders: list[Path]

    @property
    def kind(self) -> str:
        """Which images it takes: one of KINDS, or 'nothing'."""
        return self.name.partition("-")[0]

    @property
    def ids(self) -> str:
        """8 hexadecimal digits of a SHA-256 over the removed ids."""
        return hashlib.sha256(self.out.astype(np.int64).tobytes()).hexdigest()[:8]


def _joined(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that are there already and these: one for each removal and test set."""
    before = read_rows(path) if path.is_file() else []
    keyed = {
        tuple(row.get(key) for key in ("removed", "ids", "test_checksum", "downstream_checksum")): row
        for row in [*before, *rows]
    }
    return list(keyed.values())


def _index(folder: Path, ids: np.ndarray, crew: Crew) -> Path:
    """The file with the ids that encoders are trained on, written by one."""
    if crew.first:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "f.json", ids.tolist())
    crew.wait()
    return folder / "f.json"


def _images(images: Images, parts: Any, test: Images | None) -> tuple[Images, Images]:
    outside = torch.isin(images.ids, parts["external"], invert=True)
    return images.subset(outside.nonzero()[:, 0]), images.select(parts["external"]) if test is None else test


def _measured(path: Path, probe: Images, test: Images, options: dict[str, Any]) -> dict[str, float]:
    (finding,) = audit(load_encoder(RunFolder(path).path), probe, test=test, axes=["quality"], **options)
    return {name: finding[name].value for name in MEASURES}


def _other_task(path: Path, images: Images | None, options: dict[str, Any]) -> dict[str, float]:
    """Accuracies on a source of its own, under downstream_; none without one."""
    if images is None:
        return {}
    (finding,) = audit(load_encoder(RunFolder(path).path), images, axes=["quality"], **options)
    return {f"downstream_{name}": finding[name].value for name in MEASURES}


def _rows(removed: Sequence[_Removal], found: Sequence[list[dict[str, float]]]) -> list[dict[str, Any]]:
    """A row for each removal, from the accuracies of its encoders, pair by pair."""
    both = list(zip(removed, found, strict=True))
    drawn = {len(one.out): values for one, values in both if one.kind == "random"}
    return [_row(one, values, found[0]) | _beyond(one, values, drawn) for one, values in both]


def _row(removal: _Removal, values: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, Any]:
    """Means over pairs, and the paired change with its interval."""
    row: dict[str, Any] = {"removed": removal.name, "images": len(removal.out), "ids": removal.ids}
    row["encoders"] = len(values)
    for measure in base[0]:
        own = np.array([value[measure] for value in values])
        change = own - np.array([value[measure] for value in base])
        row |= {measure: float(own.mean()), f"{measure}_spread": float(own.std())}
        row |= _over_pairs(f"{measure}_change", measure, None if removal.name == "nothing" else change)
    return row


def _beyond(
    removal: _Removal, values: list[dict[str, float]], drawn: dict[int, list[dict[str, float]]]
) -> dict[str, Any]:
    """How far accuracies lie beyond those without as many drawn images, pair by pair; None where none were drawn."""
    other = drawn.get(len(removal.out)) if removal.kind in ("top", "bottom") else None
    apart = {
        measure: None
        if other is None
        else np.array([a[measure] - b[measure] for a, b in zip(values, other, strict=True)])
        for measure in values[0]
    }
    return {
        key: value
        for measure, found in apart.items()
        for key, value in _over_pairs(f"{measure}_beyond", f"{measure}_beyond", found).items()
    }


def _over_pairs(name: str, ends: str, values: np.ndarray | None) -> dict[str, float | None]:
    """The mean under a name, and the ends of Student's interval where there are two pairs or more."""
    low = high = None
    if values is not None and len(values) > 1:
        low, high = over_runs(values.tolist(), "pairs").interval or (None, None)
    return {name: None if values is None else float(values.mean()), f"{ends}_low": low, f"{ends}_high": high}
