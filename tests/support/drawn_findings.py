"""Findings of tail, robustness, invariance, memorization and privacy, and atlases of drawn images."""

import base64
import io

import numpy as np
from PIL import Image

from holdfast.atlas import Atlas, paint
from holdfast.findings import Finding, Score

TRANSFORMATIONS = ("rotation", "blur", "hue")
BUDGETS = ("2/255", "4/255", "8/255")


def drawn_tiles(labels, side=32, seed=0):
    """uint8 [n, side, side, 3]: a disc on a plain ground, both coloured by class, somewhere else in each image."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1)
    grounds, discs = rng.integers(40, 255, (2, int(labels.max()) + 1, 3))
    centres = rng.uniform(0.3, 0.7, (len(labels), 1, 1, 2)) * side
    radii = rng.uniform(0.15, 0.35, (len(labels), 1, 1)) * side
    inside = np.square(grid - centres).sum(-1) < radii**2
    return np.where(inside[..., None], discs[labels][:, None, None], grounds[labels][:, None, None]).astype(np.uint8)


def drawn_atlas(ids, labels, classes, *, groups=None, paths=None, checksum="5f3a9c1b", seed=0, noise=False):
    """Clusters by class on a plane; noise: tiles that press badly, as photographs do."""
    rng, n = np.random.default_rng(seed), len(ids)
    tiles = drawn_tiles(labels, seed=seed)
    if noise:
        grain = rng.normal(0, 22, (n, 16, 16, 3)).repeat(2, 1).repeat(2, 2)
        tiles = np.clip(tiles + grain, 0, 255).astype(np.uint8)
    sheet, across = paint(tiles)
    middles = rng.normal(size=(int(labels.max()) + 1, 2))
    nearest = (np.arange(n)[:, None] + rng.integers(1, n, (n, 6))) % n
    duplicates = ids.copy()
    duplicates[5:7] = duplicates[5]
    return Atlas(
        sheet=sheet,
        tile=32,
        across=across,
        ids=ids,
        paths=paths,
        labels=labels,
        classes=tuple(classes),
        groups=groups,
        positions=(middles[labels] + 0.35 * rng.normal(size=(n, 2))).astype(np.float32),
        explained=(0.31, 0.12),
        nearest=ids[nearest],
        cosines=np.sort(rng.uniform(0.2, 1, (n, 6)).astype(np.float32))[:, ::-1].copy(),
        duplicates=duplicates,
        checksum=checksum,
    )


def score(name, value, unit, bounds, better, interval=None):
    return Score(
        name=name,
        value=float(value),
        unit=unit,
        range=bounds,
        better=better,
        definition=f"What {name} is, in one sentence.",
        interval=interval,
        interval_over="images (normal)" if interval else "",
    )


def picture(seed):
    """A base64 PNG of 32 pixels."""
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(90, 160, (8, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    Image.fromarray(pixels).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def robustness(settings, ids, labels, classes, *, attacked=100, seed=0):
    rng, n = np.random.default_rng(seed), len(ids)
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.permutation(n)[:attacked]] = True
    right = np.where(chosen, rng.uniform(size=n) < 0.8, -1).astype(np.int64)
    strength = rng.uniform(0, 1, n)
    columns = {"id": ids, "attacked": chosen, "right": right}
    scores = [score("clean_accuracy", 80, "percent", (0.0, 100.0), "higher", (75.0, 85.0))]
    for eps, share in zip(BUDGETS, (0.3, 0.6, 0.8), strict=True):
        slug = eps.replace("/", "_")
        robust = (right == 1) & (strength > share)
        columns[f"robust_{slug}"] = np.where(chosen, robust, -1).astype(np.int64)
        broken = (right == 1) & ~robust
        columns[f"iteration_{slug}"] = np.where(broken, rng.integers(1, 20, n), -1)
        value = 100 * robust.sum() / attacked
        scores.append(
            score(f"robust_accuracy_{slug}", value, "percent", (0.0, 100.0), "higher", (value - 4, value + 4))
        )
    first = ids[(right == 1) & (strength < 0.3)][:6]
    rows = [
        {"id": int(i), "eps": "2/255", "iteration": k + 1, "predicted": (int(labels[ids == i][0]) + 1) % len(classes)}
        | {"attacked": picture(k), "perturbation": picture(100 + k), "magnified": 63.8}
        for k, i in enumerate(first)
    ]
    corrupted = [
        {"corruption": kind, "strength": s, "accuracy": 70.0 - 8 * s - 3 * k, "drift": 0.1 * s}
        for k, kind in enumerate(("fog", "frost", "jpeg_compression"))
        for s in range(1, 6)
    ]
    own = settings | {"attack_eps": list(BUDGETS), "attack_norm": "linf", "attack_steps": 20, "attack_restarts": 2}
    own |= {
        "attacked_images": attacked,
        "warnings": [],
        "square_images": 10,
        "square_queries": 100,
        "attack_head": "slf",
    }
    tables = {"first_broken": rows, "corruptions": corrupted, "attacks": [], "per_class": [], "drift": []}
    return Finding(audit="robustness", scores=scores, columns=columns, tables=tables, settings=own)


def invariance(settings, ids, *, moved=80, seed=0):
    rng, n = np.random.default_rng(seed), len(ids)
    rows = rng.permutation(n)[:moved]
    columns = {"id": ids, "stability": np.full(n, np.nan), "least_stable_under": np.full(n, "", dtype="<U16")}
    for name in TRANSFORMATIONS:
        columns[f"stability_{name}"] = column = np.full(n, np.nan)
        column[rows] = rng.uniform(0, 1, moved)
    columns["stability"][rows] = np.mean([columns[f"stability_{name}"][rows] for name in TRANSFORMATIONS], axis=0)
    mean = float(np.nanmean(columns["stability"]))
    scores = [score("whitened_cosine", mean, "cosine", (-1.0, 1.0), "higher", (mean - 0.02, mean + 0.02))]
    curves = [
        {"transformation": name, "strength": s, "unit": "degrees", "cosine": 1 - s / 90, "whitened_cosine": 1 - s / 60}
        | {"variance_ratio": s / 90, "accuracy": 80 - s, "low": 78 - s, "high": 82 - s}
        for name in TRANSFORMATIONS
        for s in (0.0, 10.0, 30.0)
    ]
    own = settings | {"shift_images": moved, "whitening_images": 4000}
    return Finding(
        audit="invariance", scores=scores, columns=columns, tables={"curves": curves, "least_stable": []}, settings=own
    )


def tail(settings, ids, *, seed=0):
    rng, n = np.random.default_rng(seed), len(ids)
    distance, shared = rng.uniform(0.1, 0.9, n), rng.uniform(0, 1, n)
    scores = [
        score("alignment_trend", 0.12, "correlation", (-1.0, 1.0), "lower", (0.05, 0.19)),
        score("consistency", shared.mean(), "share", (0.0, 1.0), "higher", (0.47, 0.53)),
    ]
    served = {"alignment": 0.4, "alignment_low": 0.3, "alignment_high": 0.5}
    served |= {name.replace("alignment", "consistency"): value for name, value in served.items()}
    return Finding(
        audit="tail",
        scores=scores,
        columns={"id": ids, "density_distance": distance, "neighbour_consistency": shared},
        tables={"density": [{"group": group, **served} for group in range(1, 11)]},
        settings=settings | {"neighbours": 10, "reference": "training images", "reference_images": 5000},
    )


def memorization(settings, ids, labels, *, strength=0.06, seed=0):
    rng, n = np.random.default_rng(seed), len(ids)
    part = np.array(["candidate", "external", "independent"])[np.arange(n) % 3]
    ratio = rng.normal(0, 0.05, n) + strength * (part == "candidate")
    columns = {"id": ids, "part": part, "ratio": ratio, "difference": ratio * 0.4, "label": labels}
    columns |= {"class_count": 100 + 50 * labels, "knn_density": rng.uniform(0.4, 0.9, n)}
    own = {name: float(ratio[part == name].mean()) for name in ("candidate", "external")}
    gap = own["candidate"] - own["external"]
    scores = [
        score("ratio_candidate", own["candidate"], "ratio", (-1.0, 1.0), "neither", (own["candidate"] - 0.01,) * 2),
        score("difference_candidate", own["candidate"] / 2, "distance", (-2.0, 2.0), "neither"),
        score("difference_external", own["external"] / 2, "distance", (-2.0, 2.0), "neither"),
        score("centred_candidate", gap / 2, "distance", (-4.0, 4.0), "neither", (gap / 2 - 0.01, gap / 2 + 0.01)),
        score("cross_pair_candidate", 0.4, "rank correlation", (-1.0, 1.0), "neither"),
        score("cross_pair_external", 0.1, "rank correlation", (-1.0, 1.0), "neither"),
    ]
    layers = [
        {"layer": f"layer{i}", "kind": "conv", "layer_memorization": 0.01 * i, "low": 0.01 * i - 0.01, "high": 0.02 * i}
        for i in range(1, 5)
    ]
    facts = settings | {"pairs": 3, "measured_on": "6 encoders trained in 3 pairs", "scored_checksum": "scored"}
    tables = {"layers": layers, "per_class": [], "parts": [], "per_pair": [], "units": [], "planted": []}
    return Finding(
        audit="memorization",
        scores=scores,
        columns=columns,
        tables=tables,
        settings=facts | {"scored_images": n, "scored_views": 10},
    )


def privacy(settings):
    roc = [{"attack": "averaged", "pair": None, "fpr": x, "tpr": x**0.8} for x in (0.01, 0.1, 0.5, 1.0)]
    scores = [score("auc_averaged", 0.57, "share", (0.0, 1.0), "lower", (0.54, 0.62))]
    own = settings | {"pairs": 3, "measured_on": "6 encoders trained in 3 pairs", "scored_images": 300}
    return Finding(audit="privacy", scores=scores, tables={"roc": roc, "per_pair": []}, settings=own)


def write_five_axes(folder, settings, labels, classes, *, groups=None, paths=None, scored=300, seed=0, noise=False):
    """Into a folder of findings: tail, robustness, invariance, memorization, privacy, and both atlases."""
    ids = np.arange(len(labels))
    tail(settings, ids, seed=seed).save(folder)
    robustness(settings, ids, labels, classes, seed=seed).save(folder)
    invariance(settings, ids, seed=seed).save(folder)
    drawn_atlas(ids, labels, classes, groups=groups, paths=paths, seed=7, noise=noise).save(folder, "test")
    if scored:
        own, ids = np.arange(scored) % len(classes), 5000 + np.arange(scored)
        memorization(settings, ids, own, seed=seed).save(folder)
        privacy(settings).save(folder)
        drawn_atlas(ids, own, classes, checksum="scored", seed=8, noise=noise).save(folder, "scored")
