"""Duplicates: test images that are among the probe images already, and repeats within both, by the encoder's features
and by hashes. A threshold comes from random pairs; why it matters: arXiv:1902.00423."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast import randomness
from holdfast.audits.subject import Audit, Speed, Subject, lacks_pixels
from holdfast.data import Images
from holdfast.data.duplicates import look_alikes
from holdfast.display import png
from holdfast.evaluation.alike import Alike, Threshold, alike, directions, threshold_of
from holdfast.findings import Finding, Score

MOST_WITHIN = 20_000
"""Probe images that are compared with one another, drawn by the seed; test images are compared with all of them."""
SHOWN = 24
"""Pairs of each kind that are kept with pictures."""
_PRODUCTS = 2e10
"""Multiplications and additions a second, of two cores."""
_ALIKE = "alike: a cosine above the threshold, about the mean of all features"


@dataclass(frozen=True, eq=False)
class _Found:
    """What is alike, by features; None where no threshold tells it."""

    threshold: Threshold
    leaks: Alike | None
    test: Alike | None
    pool: Alike | None
    drawn: Tensor
    """int64 positions of the probe images that were compared with one another."""


def duplicates(subject: Subject) -> Finding:
    """Test images that probes have been fitted on, nearly or wholly, and images that are there twice.

    Scores leaked, repeated (shares of test images), pool_repeated (share of probe images) by features, leaked_by_hash
    by perceptual hashes, and threshold, the cosine above which about one in all compared pairs would lie if none were
    duplicates. Where random pairs have the same direction no threshold can be chosen, and hashes stand alone. Needs no
    labels; features without pixels have no hashes.
    """
    found, hashed = _by_features(subject), _by_hashes(subject)
    return Finding(
        audit="duplicates",
        scores=_scores(found, hashed),
        columns=_columns(subject, found, hashed),
        tables={"pairs": _pairs(subject, found)},
        settings=subject.settings
        | {
            "threshold_cosine": found.threshold.cosine,
            "random_pairs": found.threshold.random_pairs,
            "random_pairs_quantiles": [found.threshold.inner, found.threshold.outer],
            "random_pairs_share_above": found.threshold.share,
            "compared_pairs": found.threshold.compared,
            "compared_probe_images": len(subject.pool),
            "compared_within_probe_images": len(found.drawn),
            "leaked_images": None if found.leaks is None else int(found.leaks.left.sum()),
            "warnings": _warnings(subject, found, hashed),
        },
    )


def _by_features(subject: Subject) -> _Found:
    test, pool = directions(subject.test_features, subject.pool_features)
    order = randomness.permutation(randomness.key(subject.options.seed, "compared probe images"), len(pool))
    drawn = order[:MOST_WITHIN].sort().values
    compared = len(test) * len(pool) + sum(n * (n - 1) // 2 for n in (len(test), len(drawn)))
    threshold = threshold_of(torch.cat([test, pool]), compared=compared, seed=subject.options.seed)
    if threshold.cosine is None:
        return _Found(threshold, None, None, None, drawn)
    some = pool[drawn.to(pool.device)]
    leaks, repeats, within = (
        alike(a, b, threshold.cosine, kept=SHOWN) for a, b in ((test, pool), (test, None), (some, None))
    )
    return _Found(threshold, leaks, repeats, within, drawn)


def _by_hashes(subject: Subject) -> np.ndarray | None:
    """bool [n] whether each test image looks like a probe image; None for features alone and for streamed pixels."""
    sides = (subject.test.pixels, subject.pool.pixels)
    if lacks_pixels(subject) is not None or not all(isinstance(pixels, Tensor) for pixels in sides):
        return None
    if sides[0].shape[1:] != sides[1].shape[1:]:
        return None
    return look_alikes(*sides)


def _columns(subject: Subject, found: _Found, hashed: np.ndarray | None) -> dict[str, np.ndarray]:
    columns = {"id": subject.test.ids.cpu().numpy()}
    if found.leaks is not None and found.test is not None:
        columns |= {"leaked": found.leaks.left.numpy(), "probe_cosine": found.leaks.highest.double().numpy()}
        columns |= {"repeated": found.test.left.numpy(), "test_cosine": found.test.highest.double().numpy()}
    return columns if hashed is None else columns | {"leaked_by_hash": hashed}


def _pairs(subject: Subject, found: _Found) -> list[dict[str, Any]]:
    """The most alike pairs of each kind, with pictures of both where there are pixels."""
    pool = subject.pool.subset(found.drawn)
    kinds = {"leak": (subject.test, subject.pool), "test": (subject.test,) * 2, "probe": (pool,) * 2}
    results = dict(zip(kinds, (found.leaks, found.test, found.pool), strict=True))
    rows = []
    for kind, result in results.items():
        if result is not None and len(result.pairs):
            first, second = (_described(subject, kinds[kind][side], result.pairs[:, side]) for side in (0, 1))
            for one, other, cosine in zip(first, second, result.cosines.tolist(), strict=True):
                beside = {f"other_{name}": value for name, value in other.items()}
                rows.append({"kind": kind, "cosine": cosine, **one, **beside})
    return rows


def _described(subject: Subject, images: Images, positions: Tensor) -> list[Mapping[str, Any]]:
    """Id, name and picture of images at positions [k]."""
    some = images.subset(positions).loaded()
    names = some.paths or ("",) * len(some)
    rows: list[Mapping[str, Any]] = [{"id": int(some.ids[row]), "name": names[row]} for row in range(len(some))]
    if lacks_pixels(subject) is not None:
        return rows
    return [{**row, "picture": png(pixels.cpu().numpy())} for row, pixels in zip(rows, some.pixels, strict=True)]


def _scores(found: _Found, hashed: np.ndarray | None) -> list[Score]:
    scores = []
    if found.leaks is not None and found.test is not None and found.pool is not None:
        scores = [
            _share("leaked", found.leaks.left.numpy(), f"Share of test images with a probe image {_ALIKE}."),
            _share("repeated", found.test.left.numpy(), f"Share of test images with another one {_ALIKE}."),
            _share("pool_repeated", found.pool.left.numpy(), f"Share of probe images with another one {_ALIKE}."),
        ]
    if hashed is not None:
        text = "Share of test images that look like a probe image: perceptual hashes, confirmed by thumbnails."
        scores.append(_share("leaked_by_hash", hashed, text))
    if found.threshold.cosine is not None:
        text = "Cosine that about one in all compared pairs would exceed if no two images were duplicates."
        limits = {"unit": "cosine", "range": (-1.0, 1.0), "better": "neither"}
        scores.append(Score(name="threshold", value=found.threshold.cosine, definition=text, **limits))
    return scores


def _share(name: str, values: np.ndarray, text: str) -> Score:
    return Score(name=name, value=float(values.mean()), unit="share", range=(0.0, 1.0), better="lower", definition=text)


def _warnings(subject: Subject, found: _Found, hashed: np.ndarray | None) -> list[str]:
    said, threshold = [], found.threshold
    if threshold.cosine is None:
        others = "nothing is said" if hashed is None else "hashes stand alone"
        said.append(
            f"{100 * threshold.share:.2g} % of random pairs have the same direction: no threshold tells duplicates "
            f"apart by these features, {others}"
        )
    loaded = subject.loaded
    if loaded is not None and loaded.weights == "random":
        said.append("the weights are random: what is alike by them is alike in colour and brightness")
    if len(found.drawn) < len(subject.pool):
        said.append(f"of the probe images {len(found.drawn):,} were compared with one another, a draw")
    if hashed is None and lacks_pixels(subject) is None:
        said.append("no hashes: pixels are streamed, or of two sizes; holdfast inspect --against compares them")
    return said


def _cost(subject: Subject, speed: Speed) -> float:
    test, pool = len(subject.test), len(subject.pool)
    pairs = test * (test + pool) + min(pool, MOST_WITHIN) ** 2
    return 2 * pairs * getattr(subject.encoder, "dim", 512) / _PRODUCTS


DUPLICATES = Audit(duplicates, cost=_cost)
