"""Removal: train again without the images that were memorised most, or without others, and compare the encoders."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holdfast.audits import audit
from holdfast.audits.subject import load_pairs
from holdfast.data import Images
from holdfast.findings import Finding
from holdfast.methods import from_document
from holdfast.models import load_encoder
from holdfast.randomness import key, permutation
from holdfast.runs import RunFolder, write_json
from holdfast.statistics import t_quantile
from holdfast.studies.pairs import Listening, _silent, train_without

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


def run_removal(
    folder: Path,
    finding: Finding,
    rules: Sequence[tuple[str, int]],
    *,
    test: Images | None = None,
    downstream: Images | None = None,
    listening: Listening = _silent,
    **options: Any,
) -> list[dict[str, Any]]:
    """Trains f of every pair again, with its own seed, without the images of each rule; continues where it was stopped.

    folder: a finished study; the rows are left there for later audits. finding: its memorization audit, which ranks the
    candidates. test: labelled test images; None: the study's external images. downstream: labelled images of another
    source, which no encoder saw: probes are fitted on them and tested on a fifth of each class held out, and the rows
    have the same columns under downstream_ as well (2401.12233: what is memorised serves other tasks). options: of
    `audit`. Returns rows {'removed', 'images', 'encoders', and for each of MEASURES its mean, '_spread' (population
    standard deviation), '_change' against f itself and the ends '_low' and '_high' of the change's 95 % interval over
    pairs}; the first row is f. Probes are fitted on all images of the study that are not external. Raises ValueError
    where there are no labels.
    """
    if downstream is not None and downstream.labels is None:
        raise ValueError(
            f"expected labels to measure other tasks by, got none in {downstream.source}; name a column with labels"
        )
    record, pairs = json.loads((folder / "study.json").read_text()), load_pairs(folder)
    config = from_document(record["run"])
    encoders = {"nothing": [folder / f for f, _ in record["pairs"]]}
    sizes = {"nothing": 0}
    for kind, count in rules:
        name = f"{kind}-{count}"
        out = removed_ids(finding, kind, count, seed=record["seed"])
        kept = np.setdiff1d(json.loads((folder / "f.json").read_text()), out)
        index = write_json(_made(folder / "removed" / name) / "f.json", kept.tolist())
        sizes[name], encoders[name] = count, []
        for number, (seed, _) in enumerate(record["pair_seeds"]):
            run = train_without(folder, f"removed/{name}/pair-{number}", config, index, seed, listening)
            encoders[name].append(run.path)
    probe, test = _images(pairs.ordered, pairs.parts, test)
    found = {
        name: [_measured(path, probe, test, options) | _other_task(path, downstream, options) for path in paths]
        for name, paths in encoders.items()
    }
    rows = [_row(name, sizes[name], values, found["nothing"]) for name, values in found.items()]
    write_json(folder / "removal.json", rows)
    return rows


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _images(images: Images, parts: Any, test: Images | None) -> tuple[Images, Images]:
    if images.labels is None or (test is not None and test.labels is None):
        raise ValueError("expected labels to measure what removed images are worth, got none; add a label column")
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


def _row(name: str, images: int, values: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, Any]:
    """Means over pairs, and the paired change with Student's interval where there are two pairs or more."""
    row: dict[str, Any] = {"removed": name, "images": images, "encoders": len(values)}
    for measure in base[0]:
        own = np.array([value[measure] for value in values])
        change = own - np.array([value[measure] for value in base])
        row |= {measure: float(own.mean()), f"{measure}_spread": float(own.std())}
        row |= {f"{measure}_change": None, f"{measure}_low": None, f"{measure}_high": None}
        if name == "nothing":
            continue
        row[f"{measure}_change"] = float(change.mean())
        if len(change) > 1:
            half = t_quantile(len(change) - 1) * float(change.std(ddof=1)) / len(change) ** 0.5
            row |= {f"{measure}_low": float(change.mean()) - half, f"{measure}_high": float(change.mean()) + half}
    return row
