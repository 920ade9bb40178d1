"""Memorization: which images did training memorise, and in which layers (arXiv:2401.12233, arXiv:2409.19069)."""

from typing import Any

import numpy as np
import torch

from holdfast.audits.memorization.layers import layer_tables
from holdfast.audits.memorization.scores import class_size_scores, memory_scores
from holdfast.audits.subject import LEAST_PAIRS, PLANTED, Audit, Scored, Speed, Subject, lacks_pairs
from holdfast.data.duplicates import group_sizes
from holdfast.data.splits import PARTS
from holdfast.evaluation import neighbours
from holdfast.evaluation.probes import NEIGHBOURS
from holdfast.findings import Finding
from holdfast.statistics import empirical_p, false_discovery, least_null, mean_interval, midranks


def memorization(subject: Subject) -> Finding:
    """How strongly training memorised each image (SSLMem), each layer (LayerMem) and each unit (UnitMem); needs pairs.

    Scores are means over images and pairs: difference_PART (distance) and ratio_candidate (ratio); against the external
    images centred_candidate, effect_size, auc_external, p_candidate and discovered (a count); split_half and cross_pair
    rank correlations; class_size rank correlations where labels exist. Columns: a row per scored image. Tables: parts,
    per_pair, layers, units, per_class, planted, removal. Raises ValueError without encoder pairs.
    """
    scored = subject.scored
    columns = _columns(subject, scored)
    return Finding(
        audit="memorization",
        scores=[*memory_scores(scored, seed=subject.options.seed), *class_size_scores(columns)],
        columns=columns,
        tables={
            "parts": _parts(scored),
            "per_pair": _per_pair(scored),
            **layer_tables(scored),
            "per_class": _per_class(scored, columns),
            "planted": _planted(scored, columns),
            **({} if subject.pairs is None else subject.pairs.tables),
        },
        settings=subject.settings
        | subject.cautions("near-copies are told apart less, and distances between views are too large")
        | dict(scored.facts)
        | {"neighbours": NEIGHBOURS, "ranked_by": "ratio", "external_for_one": _external_for_one(scored)},
    )


def _columns(subject: Subject, scored: Scored) -> dict[str, np.ndarray]:
    """One row per image, ascending by id; p and q where there is a null and the pairs suffice for ranks."""
    pairs, differences = scored.pairs, scored.differences
    columns = {
        "id": scored.images.ids.cpu().numpy(),
        "part": scored.part,
        "loss_f": np.mean([pair.loss_f for pair in pairs], axis=0),
        "loss_g": np.mean([pair.loss_g for pair in pairs], axis=0),
        "difference": differences.mean(0),
        "ratio": scored.ratios.mean(0),
        "se_views": np.sqrt(np.square([pair.se_views for pair in pairs]).sum(0)) / len(pairs),
        "membership_score": np.mean([pair.cosine_f for pair in pairs], axis=0),
        "duplicate_group": scored.groups,
        "duplicates": group_sizes(torch.from_numpy(scored.groups)).numpy(),
    }
    if len(pairs) > 1:
        columns["sd_pairs"] = differences.std(0, ddof=1)
        columns["se_pairs"] = columns["sd_pairs"] / np.sqrt(len(pairs))
    return columns | _against_null(scored) | _surroundings(subject, scored)


def _external_for_one(scored: Scored) -> int:
    """External images from which a single candidate can be discovered at q = 0.05."""
    return least_null(int(scored.at("candidate").sum()))


def _against_null(scored: Scored) -> dict[str, np.ndarray]:
    """The centred difference, and p and q of the ratio of candidates; NaN for other images."""
    null, candidate = scored.at("external"), scored.at("candidate")
    if not null.any():
        return {}
    differences = scored.differences.mean(0)
    found = {"difference_centred": differences - differences[null].mean()}
    if len(scored.pairs) >= LEAST_PAIRS:
        p, q = (np.full(len(differences), np.nan) for _ in range(2))
        ratios = scored.ratios.mean(0)
        p[candidate] = empirical_p(ratios[candidate], ratios[null])
        q[candidate] = false_discovery(p[candidate])
        found |= {"p": p, "q": q}
    return found


def _surroundings(subject: Subject, scored: Scored) -> dict[str, np.ndarray]:
    """By the audited encoder's own features: the nearest image, how dense it is there, and whether labels agree."""
    images = scored.images
    cosines, indices = _neighbours(subject.features(images, "scored images"), scored.at(PLANTED))
    found = {
        "nearest_id": images.ids.cpu()[indices[:, 0]].numpy(),
        "nearest_cosine": cosines[:, 0].double().numpy(),
        "knn_density": cosines.double().mean(1).numpy(),
    }
    if images.labels is None:
        return found
    labels = images.labels.cpu()
    trained = ~scored.at("external") & ~scored.at(PLANTED)
    counts = np.bincount(labels.numpy()[trained], minlength=images.class_count)
    return found | {
        "label": labels.numpy(),
        "label_disagreement": (labels[indices] != labels[:, None]).double().mean(1).numpy(),
        "class_count": counts[labels.numpy()],
    }


def _neighbours(features: torch.Tensor, planted: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and places [n, k] of each image's nearest; planted images are nobody's but their own."""
    cosines, indices = (x.cpu() for x in neighbours(features, NEIGHBOURS))
    real = torch.from_numpy(np.flatnonzero(~planted))
    if len(real) == len(planted):
        return cosines, indices
    cosines[real], among = (x.cpu() for x in neighbours(features[real.to(features.device)], NEIGHBOURS))
    indices[real] = real[among]
    return cosines, indices


def _parts(scored: Scored) -> list[dict[str, Any]]:
    """Mean difference and ratio of each part with their intervals over images."""
    rows = []
    for part in PARTS:
        members = scored.at(part)
        if not members.any():
            continue
        row: dict[str, Any] = {"part": part, "images": int(members.sum())}
        for name, values in (("difference", scored.differences), ("ratio", scored.ratios)):
            means = values.mean(0)[members]
            low, high = mean_interval(means) or (None, None)
            row |= {name: float(means.mean()), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return rows


def _per_pair(scored: Scored) -> list[dict[str, Any]]:
    """Mean difference of each part in each pair: how far one pair's null may wander."""
    rows = []
    for number, differences in enumerate(scored.differences):
        means = {part: float(differences[scored.at(part)].mean()) for part in PARTS if scored.at(part).any()}
        rows.append({"pair": number, **means})
    return rows


def _per_class(scored: Scored, columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Mean ratio of each class's candidates; empty without labels."""
    if "label" not in columns:
        return []
    rows, names = [], scored.images.classes
    for index in np.unique(columns["label"]):
        mine = (columns["label"] == index) & (columns["part"] == "candidate")
        if not mine.any():
            continue
        low, high = mean_interval(columns["ratio"][mine]) or (None, None)
        rows.append(
            {
                "class": str(index) if names is None else names[index],
                "index": int(index),
                "train_images": int(columns["class_count"][mine][0]),
                "candidates": int(mine.sum()),
                "ratio": float(columns["ratio"][mine].mean()),
                "low": low,
                "high": high,
            }
        )
    return rows


def _planted(scored: Scored, columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Where planted candidates rank among all candidates by ratio: 100 is memorised most; empty where none are."""
    kinds = scored.facts.get("planted", {})
    ids, candidate = columns["id"], scored.origin == "candidate"
    percentiles = np.full(len(ids), np.nan)
    percentiles[candidate] = 100 * (midranks(columns["ratio"][candidate]) - 0.5) / candidate.sum()
    planted = scored.at(PLANTED)
    rows = []
    for kind, chosen in [(kind, np.isin(ids, members)) for kind, members in kinds.items()] + [("others", ~planted)]:
        chosen = chosen & candidate
        low, high = mean_interval(percentiles[chosen]) or (None, None)
        row = {"kind": kind, "images": int(chosen.sum()), "ratio": float(columns["ratio"][chosen].mean())}
        rows.append(row | {"percentile": float(percentiles[chosen].mean()), "low": low, "high": high})
    return rows if kinds else []


def _cost(subject: Subject, speed: Speed) -> float:
    """Views of every image by both encoders of each pair, and its features; privacy reads the same scores."""
    if subject.pairs is None:
        return 0.0
    images = sum(map(len, subject.pairs.parts.values()))
    return speed.forward * images * (2 * len(subject.pairs.encoders) * subject.options.views + 1)


MEMORIZATION = Audit(memorization, lacks=lacks_pairs, cost=_cost, long=True)
