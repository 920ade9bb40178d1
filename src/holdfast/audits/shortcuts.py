"""Shortcuts: do features follow the class, or a confounder such as site or camera? (CRoMa, arXiv:2607.25497)."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast import randomness
from holdfast.audits.subject import Audit, Subject
from holdfast.evaluation.shortcuts import (
    Typed,
    robustness_index,
    shuffled_within_classes,
    typed_neighbours,
    worst_tenth,
)
from holdfast.findings import Finding, Score

NEAREST, NEIGHBOURS = 5, 20
SHUFFLES = 20
"""Times that groups are handed out anew within classes, for the value without confounding."""
LEAST_OF_CELL, FEW_OF_CELL = 5, 50
"""Images of a class and a group below which the cell is left out, and below which it is said to be small."""
_TEXT = "(d_OS - d_SO) / (d_OS + d_SO) of mean cosine distances to the 5 nearest test images of another "
_MARGIN = f"{_TEXT}class from the same group (OS) and of the same class from another group (SO)"


def shortcuts(subject: Subject) -> Finding:
    """How far features follow a group that --groups names rather than the class.

    Scores of the worst column: margin_median and margin_worst_tenth in [-1, 1], their value with groups handed out anew
    within classes (margin_shuffled), follows_group (percent of images whose margin is at most 0), robustness_index and
    its support. Table 'per_column' has all columns, 'per_group' the groups of each. Raises ValueError without groups.
    """
    lack = _lack(subject)
    if lack is not None:
        raise ValueError(f"expected {lack[0]} to measure shortcuts, got none; {lack[1]}")
    measured = {name: _column(subject, name) for name in subject.test.subgroups if _fits(subject, name)}
    worst = min(measured, key=lambda name: measured[name]["margin_median"])
    groups = [row for name in measured for row in _groups(subject, name, measured)]
    rows = [{"column": name, **{k: v for k, v in found.items() if k[0] != "_"}} for name, found in measured.items()]
    return Finding(
        audit="shortcuts",
        scores=_scores(worst, measured[worst]),
        columns={"id": subject.test.ids.cpu().numpy(), "margin": measured[worst]["_margins"]},
        tables={"per_column": rows, "per_group": groups},
        settings=subject.settings
        | {
            "group_column": worst,
            "nearest": NEAREST,
            "neighbours": NEIGHBOURS,
            "shuffles": SHUFFLES,
            "left_out_images": measured[worst]["left_out"],
            "warnings": _warnings(measured),
        },
    )


def _column(subject: Subject, name: str) -> dict[str, Any]:
    """Everything that is measured of one column; margins are NaN for images that are left out."""
    labels, groups = subject.labels, subject.test.subgroups[name].numbers
    kept = _kept(labels, groups)
    features, mine = subject.test_features[kept.to(subject.test_features.device)], (labels[kept], groups[kept])
    typed = typed_neighbours(features, *mine, nearest=NEAREST, k=NEIGHBOURS)
    margins = np.full(len(labels), np.nan)
    margins[kept.numpy()] = typed.margins.double().numpy()
    known = margins[np.isfinite(margins)]
    index, support = robustness_index(typed)
    return {
        "margin_median": float(np.median(known)),
        "margin_worst_tenth": worst_tenth(known),
        "margin_shuffled": _shuffled(features, *mine, seed=subject.options.seed),
        "follows_group": 100 * float((known <= 0).mean()),
        "robustness_index": None if np.isnan(index) else index,
        "support": 100 * support,
        "images": len(known),
        "left_out": int(len(labels) - len(known)),
        "smallest_cell": int(_cells(labels, groups)[_cells(labels, groups) >= LEAST_OF_CELL].min()),
        "_margins": margins,
    }


def _shuffled(features: Tensor, labels: Tensor, groups: Tensor, *, seed: int) -> float:
    """The mean of the median margin over groups handed out anew within classes."""
    generator, found = randomness.generator(seed, "shuffled groups"), []
    for _ in range(SHUFFLES):
        typed: Typed = typed_neighbours(
            features, labels, shuffled_within_classes(groups, labels, generator), nearest=NEAREST, k=1
        )
        known = typed.margins[typed.margins.isfinite()]
        found.append(float(known.double().median()) if len(known) else 0.0)
    return float(np.mean(found))


def _cells(labels: Tensor, groups: Tensor) -> Tensor:
    """[classes, groups] images."""
    classes, several = int(labels.max()) + 1, int(groups.max()) + 1
    return torch.bincount(labels * several + groups, minlength=classes * several).view(classes, several)


def _kept(labels: Tensor, groups: Tensor) -> Tensor:
    """[n] bool: images of cells that are large enough."""
    return _cells(labels, groups)[labels, groups] >= LEAST_OF_CELL


def _fits(subject: Subject, name: str) -> bool:
    """Whether margins of some images are known: a class in two groups, and a group with two classes, of NEAREST + 1."""
    labels, groups = subject.labels, subject.test.subgroups[name].numbers
    large = (_cells(labels, groups) > NEAREST).long()
    return bool((large.sum(1) > 1).any() and (large.sum(0) > 1).any())


def _lack(subject: Subject) -> tuple[str, str] | None:
    if subject.test.labels is None:
        return "labels of test images, and groups such as site or camera", "add a label column, and --groups"
    if subject.test.subgroups and not any(_fits(subject, name) for name in subject.test.subgroups):
        counted = "; ".join(_counted(subject, name) for name in subject.test.subgroups)
        return (
            f"a class with {NEAREST + 1} test images or more in each of two groups, and a group with as many of each "
            f"of two classes ({counted})",
            "test more images (--test), or name a column of fewer groups",
        )
    if not subject.test.subgroups:
        return (
            "groups of test images (site, camera, date), two of them with two classes in common",
            "name them with --groups FILE.csv:COLUMN",
        )
    return None


def _counted(subject: Subject, name: str) -> str:
    """How many test images the groups of a column have, and how many of them are of one class."""
    cells = _cells(subject.labels, subject.test.subgroups[name].numbers)
    sizes = sorted(size for size in cells.sum(0).tolist() if size)
    several = "1 group" if len(sizes) == 1 else f"{len(sizes)} groups"
    spread = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
    return f"{name}: {several} of {spread} images, at most {int(cells.max()):,} of a class in a group"


def _groups(subject: Subject, name: str, measured: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each group: its images, their median margin and the share that follows the group."""
    groups, margins = subject.test.subgroups[name], measured[name]["_margins"]
    rows = []
    for number, label in enumerate(groups.names):
        mine = margins[(groups.numbers.numpy() == number) & np.isfinite(margins)]
        if len(mine):
            follows = 100 * float((mine <= 0).mean())
            rows.append({"column": name, "group": label, "images": len(mine), "margin_median": float(np.median(mine))})
            rows[-1]["follows_group"] = follows
    return rows


def _warnings(measured: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{name}: a class has {found['smallest_cell']} test images in a group, under {FEW_OF_CELL}: margins are rough"
        for name, found in measured.items()
        if found["smallest_cell"] < FEW_OF_CELL
    ]


def _scores(name: str, found: dict[str, Any]) -> list[Score]:
    margin = {"unit": "margin", "range": (-1.0, 1.0), "better": "higher"}
    percent = {"unit": "percent", "range": (0.0, 100.0)}
    texts: dict[str, tuple[str, dict[str, Any]]] = {
        "margin_median": (f"Median over test images of {_MARGIN}; by {name}, the worst column.", margin),
        "margin_worst_tenth": ("Mean of the lowest tenth of the same margins.", margin),
        "margin_shuffled": (
            f"The median margin with groups handed out anew within classes, mean of {SHUFFLES}: no confounding.",
            margin | {"better": "neither"},
        ),
        "follows_group": (
            "Share of test images whose margin is at most 0: another class from the same group is as near.",
            percent | {"better": "lower"},
        ),
        "robustness_index": (
            f"Share of SO among SO and OS in the {NEIGHBOURS} nearest; 0.5 is neutral for two classes in two groups.",
            {"unit": "share", "range": (0.0, 1.0), "better": "higher"},
        ),
        "support": ("Share of test images that have SO or OS among these.", percent | {"better": "neither"}),
    }
    return [
        Score(name=score, value=found[score], definition=text, **more)
        for score, (text, more) in texts.items()
        if found[score] is not None
    ]


SHORTCUTS = Audit(shortcuts, _lack)
