"""Tail: is an encoder worse for the rare? Groups without labels, by k-means and by local density (arXiv:2204.06507)."""

from typing import Any

import numpy as np

from holdfast.audits.subject import Audit, Subject
from holdfast.audits.tail.measure import REFERENCE, Tail, few_class_members, measure_tail
from holdfast.audits.tail.reference import against_random
from holdfast.audits.tail.tables import cluster_groups, clusters, density, found_tail, rarest
from holdfast.evaluation.density import DENSITY_NEIGHBOURS
from holdfast.findings import Finding, Score
from holdfast.statistics import (
    DRAWS,
    bounded_difference,
    bounded_interval,
    difference_interval,
    spearman,
    spearman_interval,
)

_OVER = f"test images (bootstrap, {DRAWS:,} draws)"


def tail(subject: Subject) -> Finding:
    """Whether images in sparse places are served worse than those in dense ones, and which images are rare.

    Needs no labels. Scores alignment_trend, alignment_gap, consistency, consistency_trend, consistency_gap,
    cluster_stability and cluster_imbalance; with labels and a tail also few_auc_density, few_auc_clusters and
    few_lift: how well these groups find the classes that have few training images.
    """
    measured = measure_tail(subject)
    random = None if subject.reference is None else measure_tail(subject.reference, clustered=False)
    validation = found_tail(subject, measured)
    return Finding(
        audit="tail",
        scores=[
            *_trends(subject, measured),
            *against_random(measured, random, subject.options.seed),
            *_cluster_scores(measured),
            *_found_scores(validation),
        ],
        columns=_columns(subject, measured),
        tables={
            "density": density(subject, measured),
            "clusters": clusters(subject, measured),
            "cluster_groups": cluster_groups(subject, measured),
            "validation": validation,
            "rarest": rarest(measured),
        },
        settings=subject.settings
        | subject.cautions("near-copies are told apart less, and distances to them are too large")
        | {
            "neighbours": DENSITY_NEIGHBOURS,
            "reference": "training images" if subject.train_ids is not None else "probe images",
            "reference_images": len(measured.reference_ids),
            "reference_most": REFERENCE,
            "density_groups": int(measured.groups.max()),
            "viewed_images": len(measured.viewed),
            "views": subject.viewed.preset,
            "trend": "view distance over the distance to the nearest other images",
            **_without_views(measured),
            "random_reference": random is not None,
            "clusters": None if measured.main is None else measured.clusterings[measured.main].k,
        },
    )


def _without_views(measured: Tail) -> dict[str, list[str]]:
    if len(measured.viewed):
        return {}
    return {"warnings": ["no views came with the features: whether the rare are held as steady is not measured"]}


def _trends(subject: Subject, measured: Tail) -> list[Score]:
    if not len(measured.viewed):
        return []
    distance = measured.distance[measured.viewed]
    return [
        _trend("alignment", measured.relative, measured.sparseness, subject.options.seed, better="lower"),
        _gap("alignment", measured.alignment, measured, ("distance", 2.0, "lower")),
        _consistency(measured),
        _trend("consistency", measured.consistency, distance, subject.options.seed, better="higher"),
        _gap("consistency", measured.consistency, measured, ("share", 1.0, "higher")),
    ]


_MEANING = {
    "alignment": "the distance between the unit features of two random views",
    "consistency": f"the share of the {DENSITY_NEIGHBOURS} nearest training images that two random views share",
}
_TREND = {
    "alignment": "the distance between two random views over that to the nearest other images",
    "consistency": _MEANING["consistency"],
}


def _trend(name: str, values: np.ndarray, distance: np.ndarray, seed: int, better: Any) -> Score:
    worse = "above" if better == "lower" else "below"
    interval = spearman_interval(distance, values, seed=seed)
    return Score(
        name=f"{name}_trend",
        value=spearman(distance, values),
        unit="correlation",
        range=(-1.0, 1.0),
        better=better,
        definition=f"Rank correlation over test images of how sparse an image's place is with {_TREND[name]}: "
        f"{worse} 0 the rare are served worse.",
        interval=interval,
        interval_over="" if interval is None else _OVER,
    )


def _gap(name: str, values: np.ndarray, measured: Tail, kind: tuple[str, float, Any]) -> Score:
    unit, most, better = kind
    groups = measured.groups[measured.viewed]
    sparse, dense = values[groups == groups.min()], values[groups == groups.max()]
    value = float(sparse.mean() - dense.mean())
    interval = bounded_difference(sparse, dense) if unit == "share" else difference_interval(sparse, dense)
    rule = "Wilson and Newcombe" if unit == "share" else "Welch"
    return Score(
        name=f"{name}_gap",
        value=value,
        unit=unit,
        range=(-most, most),
        better=better,
        definition=f"Mean over the sparsest group of test images less that over the densest of {_MEANING[name]}.",
        interval=interval,
        interval_over="" if interval is None else f"test images of both groups ({rule})",
    )


def _consistency(measured: Tail) -> Score:
    return Score(
        name="consistency",
        value=float(measured.consistency.mean()),
        unit="share",
        range=(0.0, 1.0),
        better="higher",
        definition=f"Mean over test images of {_MEANING['consistency']}.",
        interval=bounded_interval(measured.consistency),
        interval_over="test images (Wilson)",
    )


def _cluster_scores(measured: Tail) -> list[Score]:
    if measured.main is None:
        return []
    clustering = measured.clusterings[measured.main]
    sizes = clustering.sizes[clustering.sizes > 0]
    stable = clustering.stability
    return [
        Score(
            name="cluster_stability",
            value=float(stable.mean()),
            unit="adjusted Rand index",
            range=(-1.0, 1.0),
            better="higher",
            definition=f"Agreement of {clustering.k} clusters of training images with those of resampled images, mean "
            f"over {len(stable)} draws that gave {stable.min():.2f} to {stable.max():.2f}: 1 is the same groups, 0 "
            "agreement by chance.",
        ),
        Score(
            name="cluster_imbalance",
            value=float(sizes.max() / sizes.min()),
            unit="ratio",
            range=(1.0, None),
            better="neither",
            definition=f"Largest over smallest of {clustering.k} clusters of training images.",
        ),
    ]


def _found_scores(rows: list[dict[str, Any]]) -> list[Score]:
    scores = []
    for row in rows:
        if row["images"] != "training":
            continue
        by = {"density": "sparse their place is", "clusters": "small their cluster is"}[row["by"]]
        scores.append(
            Score(
                name=f"few_auc_{row['by']}",
                value=row["auc"],
                unit="AUC",
                range=(0.0, 1.0),
                better="higher",
                definition=f"How well training images of the rare classes are told from others by how {by}: 0.5 is "
                "guessing.",
                interval=None if row["low"] is None else (row["low"], row["high"]),
                interval_over="" if row["low"] is None else "training images (DeLong)",
            )
        )
    by_density = [row for row in rows if row["images"] == "training" and row["by"] == "density"]
    return scores + [_lift(row) for row in by_density]


def _lift(row: dict[str, Any]) -> Score:
    return Score(
        name="few_lift",
        value=row["lift"],
        unit="ratio",
        range=(0.0, None),
        better="higher",
        definition="Share of rare classes among the sparsest tenth of training images over their share of all of them.",
    )


def _columns(subject: Subject, measured: Tail) -> dict[str, np.ndarray]:
    columns = {
        "id": subject.test.ids.cpu().numpy(),
        "density_distance": measured.distance.astype(float),
        "density_group": measured.groups,
        "view_distance": measured.in_viewed(measured.alignment),
        "neighbour_consistency": measured.in_viewed(measured.consistency),
    }
    if measured.main is not None:
        members = measured.assigned[measured.main]
        columns |= {"cluster": members, "cluster_images": measured.clusterings[measured.main].sizes[members]}
    few = few_class_members(subject, subject.test.labels)
    return columns if few is None else columns | {"few_class": few}


TAIL = Audit(tail)
