"""Signals without labels: alignment and uniformity (arXiv:2005.10242), effective rank (arXiv:2210.02885), spread."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.evaluation.features import extract_features
from holdfast.evaluation.invariance import variance_report
from holdfast.evaluation.probes import knn_predict

_ROWS = 2048


def alignment(views: Tensor) -> Tensor:
    """Mean distance over all pairs of L2-normalised views [n, k, dim], per sample [n] in [0, 2]; 0 is invariant.

    Wang and Isola square the distance; here it is plain, as memorization scores use it. Distances are of direct
    differences, so equal views give exactly 0 (2 - 2 cos would not in float32).
    """
    count = views.shape[1]
    if count < 2:
        raise ValueError(f"expected at least two views per sample, got {count}; views are [samples, views, dim]")
    unit = F.normalize(views, dim=-1, eps=1e-12)
    total = sum((unit[:, a, None] - unit[:, a + 1 :]).norm(dim=-1).sum(1) for a in range(count - 1))
    return torch.as_tensor(total) * (2 / (count * (count - 1)))


def uniformity(features: Tensor) -> float:
    """log mean exp(-2 |x - y|^2) over pairs of different rows of L2-normalised features [n, dim], at most 0, in nats.

    0 is collapse; about -4 is a uniform distribution in many dimensions; the bound for two opposite points is -8.
    """
    unit, n = F.normalize(features, dim=1), len(features)
    if n < 2:
        raise ValueError(f"expected at least two samples, got {n}; uniformity is over pairs")
    sums = []
    for start in range(0, n, _ROWS):
        exponents = 4 * (unit[start : start + _ROWS] @ unit.T).clamp(-1, 1) - 4  # -2 |x - y|^2 of unit vectors
        exponents.diagonal(start).fill_(-torch.inf)
        sums.append(exponents.logsumexp(1).double())
    return float(torch.cat(sums).logsumexp(0)) - math.log(n * (n - 1))


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
    return float(F.normalize(features, dim=1).std(0, unbiased=False).mean()) * math.sqrt(features.shape[1])


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
    knn_accuracy: percent, leave one out over the n images, 20 neighbours; needs labels [n]. The encoder's modes are
    restored.
    """
    count, n = views.shape[:2]
    features = extract_features(encoder, views.flatten(0, 1)).unflatten(0, (count, n))
    plain = features[0] if images is None else extract_features(encoder, images)
    with torch.autocast(plain.device.type, enabled=False):  # the caller's is for the encoder
        return _signals(features, plain, labels)


def _signals(features: Tensor, plain: Tensor, labels: Tensor | None) -> dict[str, float]:
    views = features.transpose(0, 1)
    signals = {"alignment": float(alignment(views).mean()), **label_free_signals(plain)}
    signals["variance_ratio"] = variance_report(views)["ratio"]
    if labels is not None:
        labels = labels.to(plain.device)
        predicted = knn_predict(plain, labels, classes=int(labels.max()) + 1)
        signals["knn_accuracy"] = 100 * float((predicted == labels).float().mean())
    return signals
