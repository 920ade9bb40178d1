"""Signals without labels: alignment and uniformity (arXiv:2005.10242), effective rank (arXiv:2210.02885), spread."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.evaluation.features import extract_features
from holdfast.evaluation.invariance import variance_report
from holdfast.evaluation.probes import NEIGHBOURS, knn_predict

_ROWS = 2048
FOLDS = 5
"""Parts of held-out images, each of which asks the others for its classes; a class needs as many images."""


COLLAPSED_STD, COLLAPSED_RANK = 0.05, 1.5
"""feature_std and effective rank below which features are near collapse: two images' features have a cosine of some
0.9975, or all lie along one direction. Random weights of a ResNet are there too: about 0.01 and 1.1."""
FEW_IMAGES = 32
"""Images below which signals are too few to conclude from: the effective rank cannot exceed their number."""
_TINY = 1e-6
"""Length below which a feature is enlarged before it is normalised, which else leaves it shorter than 1."""


def near_collapse(signals: Mapping[str, float]) -> bool:
    """Whether signals with feature_std and effective_rank say that nearly all images have one feature."""
    return signals["feature_std"] < COLLAPSED_STD or signals["effective_rank"] < COLLAPSED_RANK


def _unit(features: Tensor) -> Tensor:
    """L2-normalised features [..., dim], however small; those of zeros stay zeros."""
    largest = features.abs().amax(-1, keepdim=True)
    return F.normalize(torch.where((largest > 0) & (largest < _TINY), features / largest, features), dim=-1)


def alignment(views: Tensor) -> Tensor:
    """Mean distance over all pairs of L2-normalised views [n, k, dim], per sample [n] in [0, 2]; 0 is invariant.

    Wang and Isola square the distance; here it is plain, as memorization scores use it. Distances are of direct
    differences, so equal views give exactly 0 (2 - 2 cos would not in float32).
    """
    count = views.shape[1]
    if count < 2:
        raise ValueError(f"expected at least two views per sample, got {count}; views are [samples, views, dim]")
    unit = _unit(views)
    total = sum((unit[:, a, None] - unit[:, a + 1 :]).norm(dim=-1).sum(1) for a in range(count - 1))
    return torch.as_tensor(total) * (2 / (count * (count - 1)))


def uniformity(features: Tensor) -> float:
    """log mean exp(-2 |x - y|^2) over pairs of different rows of L2-normalised features [n, dim], at most 0, in nats.

    0 is collapse; about -4 is a uniform distribution in many dimensions; the bound for two opposite points is -8.
    """
    unit, n = _unit(features), len(features)
    if n < 2:
        raise ValueError(f"expected at least two samples, got {n}; uniformity is over pairs")
    sums, squares = [], features.any(1).to(unit)  # of length 1, or of length 0 where a network is dead
    for start in range(0, n, _ROWS):
        rows = slice(start, start + _ROWS)
        exponents = 4 * (unit[rows] @ unit.T).clamp(-1, 1) - 2 * (squares[rows, None] + squares)  # -2 |x - y|^2
        exponents.diagonal(start).fill_(-torch.inf)
        sums.append(exponents.logsumexp(1).double())
    return min(0.0, float(torch.cat(sums).logsumexp(0)) - math.log(n * (n - 1)))


def effective_rank(features: Tensor) -> float:
    """RankMe: exp of the entropy of the singular values over their sum; from 1 (one direction) to min(n, dim).

    Of features [n, dim] as given, not centred (2210.02885, equation 1-2); the paper's 1e-7 inside the logarithm is left
    out, since 0 log 0 is 0. All-zero features give 0. Singular values come from the smaller Gram matrix in float64.
    """
    x = features.double() / features.abs().max().clamp(min=1e-30)
    gram = x @ x.T if len(x) < x.shape[1] else x.T @ x
    values = torch.linalg.eigvalsh(gram.cpu()).clamp(min=0).sqrt()
    total = values.sum()
    if total == 0:
        return 0.0
    return float(torch.special.entr(values / total).sum().exp())


def feature_std(features: Tensor) -> float:
    """sqrt(dim) times the mean over dimensions of the standard deviation of L2-normalised features [n, dim], in [0, 1].

    0 is collapse to one point, 1 the uniform distribution on the sphere. The deviation is the population's.
    """
    return float(_unit(features).std(0, unbiased=False).mean()) * math.sqrt(features.shape[1])


def label_free_signals(features: Tensor) -> dict[str, float]:
    """uniformity, effective_rank and feature_std of features [n, dim]."""
    return {
        "uniformity": uniformity(features),
        "effective_rank": effective_rank(features),
        "feature_std": feature_std(features),
    }


def live_signals(
    encoder: nn.Module, views: Tensor, *, labels: Tensor | None = None, images: Tensor | None = None
) -> dict[str, float]:
    """What to watch while training: alignment, uniformity, effective_rank, feature_std, variance_ratio (within images
    over total) and, with labels, knn_accuracy.

    views [2, n, 3, h, w] in [0, 1]: two random views of n held-out images (n up to some thousand). All but alignment
    and variance_ratio are measured on images [n, 3, h, w] as they are, or on the first views where none are given.
    knn_accuracy: percent, see knn_in_folds; needs labels [n], and is absent where these are too few. The encoder's
    modes are restored.
    """
    count, n = views.shape[:2]
    with torch.autocast(views.device.type, enabled=False):  # bf16 features read an effective rank up to 30 % too high
        features = extract_features(encoder, views.flatten(0, 1)).unflatten(0, (count, n))
        plain = features[0] if images is None else extract_features(encoder, images)
        return _signals(features, plain, labels)


def _signals(features: Tensor, plain: Tensor, labels: Tensor | None) -> dict[str, float]:
    views = features.transpose(0, 1)
    signals = {"alignment": float(alignment(views).mean()), **label_free_signals(plain)}
    signals["variance_ratio"] = variance_report(views)["ratio"]
    accuracy = None if labels is None else knn_in_folds(plain, labels)
    return signals if accuracy is None else signals | {"knn_accuracy": accuracy}


def lacks_neighbours(labels: Tensor) -> str | None:
    """Why there is no kNN accuracy of samples with these classes [n], in words; None where there is one."""
    sizes = labels.bincount()
    kept, large = int((sizes[labels] >= FOLDS).sum()), int((sizes >= FOLDS).sum())
    if 2 * kept >= len(labels) and large >= 2:
        return None
    return (
        f"{kept:,} of {len(labels):,} images are of a class with {FOLDS} or more among them, in {large:,} "
        f"class{'es' * (large != 1)}: it takes half of them, in two classes"
    )


def knn_in_folds(features: Tensor, labels: Tensor) -> float | None:
    """Percent of samples [n, dim] whose class [n] their nearest neighbours in other folds vote for; None where too few.

    Leaving one out takes a vote from the right class alone: of 20 neighbours among classes of 10, features that tell
    all classes apart read 0 %, and noise less than chance. Here a class lies evenly in five folds, each of which asks
    the other four, so that even classes have equal votes; neighbours are at most as many as a class has there. Classes
    of fewer than five samples are left out; None where less than half of the samples are left, or one class.
    """
    labels = labels.to(features.device)
    if lacks_neighbours(labels) is not None:
        return None
    sizes = labels.bincount()
    kept = (sizes[labels] >= FOLDS).nonzero()[:, 0]
    features, labels = features[kept], labels[kept]
    folds = _folds(labels)
    smallest = int(sizes[sizes >= FOLDS].min())
    k = min(NEIGHBOURS, smallest - -(-smallest // FOLDS))
    right = torch.zeros(len(labels), dtype=torch.bool, device=features.device)
    for fold in range(FOLDS):
        here, others = folds == fold, folds != fold
        predicted = knn_predict(features[others], labels[others], features[here], classes=len(sizes), k=k)
        right[here] = predicted == labels[here]
    return 100 * float(right.float().mean())


def _folds(labels: Tensor) -> Tensor:
    """The fold [n] of each sample: the members of a class take turns."""
    folds = torch.empty_like(labels)
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0]
        folds[members] = torch.arange(len(members), device=labels.device) % FOLDS
    return folds
