"""The blind baseline: what tells members from others without any encoder (arXiv:2406.16201)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.evaluation.inference.folds import folds_of_groups
from holdfast.statistics import Stream, detection_auc

FOLDS, SHUFFLES = 5, 40
_AT_ONCE, _BINS, _BANDS, _GRID = 256, 8, 8, 8
_PENALTY, _STEPS, _FAR = 1.0, 20, 6.0
_TINY, _CONVERGED = 1e-6, 1e-3


def picture_statistics(pixels: Tensor) -> np.ndarray:
    """What pixels [n, 3, h, w] uint8 are like, float64 [n, 50], without any network.

    Means, deviations and histograms (8 bins) of the channels; log energy of their Laplacians; log power in 8 rings of
    frequency of brightness and of colour; log of how much larger steps are at every eighth row and column, as JPEG
    leaves them.
    """
    return np.concatenate([_statistics(part.float().cpu() / 255) for part in pixels.split(_AT_ONCE)])


def _statistics(images: Tensor) -> np.ndarray:
    flat = images.flatten(2)
    columns = [flat.mean(2), flat.std(2, correction=0), _histograms(flat), _laplacian(images)]
    brightness = (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    columns += [_rings(brightness), _rings(images[:, 2] - brightness), _blocks(brightness)]
    return torch.cat(columns, 1).double().numpy()


def _histograms(flat: Tensor) -> Tensor:
    bins = (flat * _BINS).long().clamp(max=_BINS - 1)
    return F.one_hot(bins, _BINS).float().mean(2).flatten(1)


def _laplacian(images: Tensor) -> Tensor:
    kernel = images.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    padded = F.pad(images.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    return (F.conv2d(padded, kernel).square().mean((1, 2, 3)) + _TINY).log().view(len(images), 3)


def _rings(plane: Tensor) -> Tensor:
    """Log power [n, 8] in rings of equal width up to half a cycle a pixel, of planes [n, h, w]."""
    power = torch.fft.fft2(plane, norm="ortho").abs().square()
    y, x = (torch.fft.fftfreq(side) for side in plane.shape[1:])
    ring = (2 * _BANDS * torch.hypot(y[:, None], x)).long().clamp(max=_BANDS - 1).flatten()
    sums = power.new_zeros(len(plane), _BANDS).index_add_(1, ring, power.flatten(1))
    return (sums / torch.bincount(ring, minlength=_BANDS).clamp(min=1) + _TINY).log()


def _blocks(plane: Tensor) -> Tensor:
    """Log ratio [n, 1] of the mean step over the edges of 8×8 blocks to that elsewhere; 0 for images without edges."""
    steps = [plane.diff(dim=1).abs().mean(2), plane.diff(dim=2).abs().mean(1)]
    found = plane.new_zeros(len(plane), 1)
    for step in steps:
        edge = torch.arange(step.shape[1]) % _GRID == _GRID - 1
        if edge.any():
            found[:, 0] += ((step[:, edge].mean(1) + _TINY) / (step[:, ~edge].mean(1) + _TINY)).log()
    return found


def blind_scores(statistics: np.ndarray, member: np.ndarray, groups: np.ndarray, *, seed: int) -> np.ndarray:
    """Log odds float64 [n] that each image is a member, by a logistic regression fitted on the other four folds.

    statistics [n, k]; member [n] bool; groups [n] int64 of near-duplicates, which share a fold. Columns are
    standardised on the images that are fitted on.
    """
    folds = folds_of_groups(groups, member, FOLDS, seed=seed, purpose="blind baseline")
    scores = np.empty(len(member))
    for fold in range(FOLDS):
        fitted = folds != fold
        shift, scale = statistics[fitted].mean(0), statistics[fitted].std(0)
        x = np.clip((statistics - shift) / np.where(scale > _TINY, scale, np.inf), -_FAR, _FAR)
        x = np.column_stack([x, np.ones(len(x))])
        scores[~fitted] = x[~fitted] @ _logistic(x[fitted], member[fitted])
    return scores


def blind_spread(statistics: np.ndarray, member: np.ndarray, groups: np.ndarray, *, seed: int) -> float:
    """Variance of the AUC of `blind_scores` where there is nothing to find, over SHUFFLES of who is a member.

    Scores of five folds lean on one another, so that their AUC varies more than that of scores that nobody fitted: an
    interval from images alone lay above one half in one null of ten. Groups [n] change sides whole.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    found = []
    for shuffle in range(SHUFFLES):
        order = Stream(seed, f"shuffled members {shuffle}").shuffled(len(first))
        shuffled = member[first][order][group]
        found.append(detection_auc(blind_scores(statistics, shuffled, groups, seed=seed), shuffled)[0])
    return float(np.var(found, ddof=1))


def _logistic(x: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Weights [k] of a logistic regression on rows [n, k], the last a constant one, by Newton's method with half the
    squared norm of all but the constant's weight as penalty."""
    penalty = np.full(x.shape[1], _PENALTY)
    penalty[-1] = _TINY
    weights = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (member - share) - penalty * weights
        curve = (x * (share * (1 - share) + _TINY)[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights += step * min(1.0, 5.0 / max(_TINY, float(np.abs(x @ step).max())))
        if np.abs(step).max() < _CONVERGED:
            break
    return weights
