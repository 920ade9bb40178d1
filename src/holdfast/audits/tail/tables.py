"""The tail audit's tables: by density, by clustering, by cluster, and how well they find the classes that are rare."""

from typing import Any

import numpy as np

from holdfast.audits.subject import Subject
from holdfast.audits.tail.measure import Tail, few_class_members, sizes_of_groups
from holdfast.evaluation.density import density_groups
from holdfast.statistics import bounded_interval, detection_auc, mean_interval

RAREST = 100
Row = dict[str, Any]


def density(subject: Subject, measured: Tail) -> list[Row]:
    """A row for each group by density, the sparsest first."""
    few, rows = few_class_members(subject, subject.test.labels), []
    for group in range(1, int(measured.groups.max()) + 1):
        inside = measured.groups == group
        row = {
            "group": group,
            "images": int(inside.sum()),
            "distance_from": float(measured.distance[inside].min()),
            "distance_to": float(measured.distance[inside].max()),
            **_served(measured, inside),
        }
        rows.append(row if few is None else row | {"few_share": float(few[inside].mean())})
    return rows


def clusters(subject: Subject, measured: Tail) -> list[Row]:
    """A row for each number of clusters: sizes, stability, and agreement with the classes where these are known."""
    rows = []
    for clustering in measured.clusterings:
        sizes = clustering.sizes[clustering.sizes > 0]
        rows.append(
            {
                "clusters": clustering.k,
                "smallest": int(sizes.min()),
                "largest": int(sizes.max()),
                "stability": float(clustering.stability.mean()),
                "stability_low": float(clustering.stability.min()),
                "stability_high": float(clustering.stability.max()),
                **_agreement(subject, measured, clustering.members.numpy()),
            }
        )
    return rows


def cluster_groups(subject: Subject, measured: Tail) -> list[Row]:
    """A row for each group of clusters by thirds of their sizes: many, medium and few training images."""
    if measured.main is None:
        return []
    clustering, assigned, rows = measured.clusterings[measured.main], measured.assigned[measured.main], []
    for name, members in sizes_of_groups(clustering).items():
        inside = np.isin(assigned, members)
        if members and inside.any():
            counted = {"clusters": len(members), "training_images": int(clustering.sizes[members].sum())}
            served = _served(measured, inside)
            rows.append({"group": name, **counted, "images": int(inside.sum()), **served})
    return rows


def found_tail(subject: Subject, measured: Tail) -> list[Row]:
    """How well density and cluster size find the classes with few training images; empty without labels or a tail."""
    labels = subject.pool.labels
    if labels is None:
        return []
    of_training = few_class_members(subject, labels[subject.pool.positions(measured.reference_ids)])
    parts = [("training", of_training, measured.own_distance)]
    parts.append(("test", few_class_members(subject, subject.test.labels), measured.distance))
    rows = []
    for images, few, distance in parts:
        if few is None:
            continue
        rows.append(_found(images, "density", few, distance))
        if measured.main is not None:
            clustering = measured.clusterings[measured.main]
            members = clustering.members.numpy() if images == "training" else measured.assigned[measured.main]
            rows.append(_found(images, "clusters", few, -clustering.sizes[members].astype(float)))
    return rows


def rarest(measured: Tail) -> list[Row]:
    """The training images in the sparsest places, at most 100, by id."""
    order = np.argsort(-measured.own_distance, kind="stable")[:RAREST]
    ids = measured.reference_ids.numpy()
    return [{"id": int(ids[place]), "distance": float(measured.own_distance[place])} for place in order]


def _found(images: str, by: str, few: np.ndarray, scores: np.ndarray) -> Row:
    auc, interval = detection_auc(scores, few)
    low, high = interval or (None, None)
    base, sparse = float(few.mean()), float(few[density_groups(scores, 10) == 1].mean()) if len(few) >= 10 else 0.0
    return {
        "images": images,
        "by": by,
        "few_images": int(few.sum()),
        "auc": auc,
        "low": low,
        "high": high,
        "base_share": base,
        "share_in_rarest_tenth": sparse,
        "lift": sparse / base,
    }


def _served(measured: Tail, inside: np.ndarray) -> Row:
    """Mean alignment and consistency, with intervals, of those of some test images whose views were compared."""
    seen = inside[measured.viewed]
    row: Row = {"viewed_images": int(seen.sum())}
    measures = {
        "alignment": (measured.alignment, mean_interval),
        "consistency": (measured.consistency, bounded_interval),
    }
    for name, (values, interval) in measures.items():
        low, high = (interval(values[seen]) if seen.any() else None) or (None, None)
        row |= {name: float(values[seen].mean()) if seen.any() else None, f"{name}_low": low, f"{name}_high": high}
    return row


def _agreement(subject: Subject, measured: Tail, members: np.ndarray) -> Row:
    if subject.pool.labels is None:
        return {}
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    labels = subject.pool.labels[subject.pool.positions(measured.reference_ids)].cpu().numpy()
    return {
        "class_ari": float(adjusted_rand_score(labels, members)),
        "class_nmi": float(normalized_mutual_info_score(labels, members)),
    }
