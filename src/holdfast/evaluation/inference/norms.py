"""Norm likelihood: are features of members longer or shorter? After LpLA (arXiv:2506.05743), whose paper gives neither
p nor density; both are ours."""

import math

import numpy as np
import torch
from torch import Tensor

NORMS: dict[str, float] = {"1": 1.0, "2": 2.0, "inf": math.inf}
"""The p of each norm, fixed before anything was measured."""
_UNIT = 1e-3
"""Standard deviation of the logarithm of Euclidean norms below which features have been normalised."""
_LEAST_DEVIATION = 1e-9


def log_norms(features: Tensor) -> dict[str, np.ndarray]:
    """log (sum_d |h_d|^p)^(1/p) float64 [n] of features [n, dim], for each p of NORMS; -inf for a feature of zeros.

    Raises ValueError for features of one length: they were normalised, and their norms say nothing.
    """
    rows = features.double()
    found = {name: torch.linalg.vector_norm(rows, p, dim=1).log().cpu().numpy() for name, p in NORMS.items()}
    known = found["2"][np.isfinite(found["2"])]
    if len(known) > 1 and known.std() < _UNIT:
        raise ValueError(
            f"expected features of several lengths, got {len(known):,} of one length: they were normalised, so that "
            "their norms say nothing; pass the encoder without its normalisation"
        )
    return found


def likelihood_ratio(values: np.ndarray, member: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """log of N(v; members) over N(v; others) float64 [n], higher is more like a member; natural log, no bounds.

    values [n]; member and calibration [n] bool: both Gaussians are fitted (maximum likelihood) on those of the
    calibration images that are members, and that are not. Raises ValueError for fewer than two of either.
    """
    means, deviations = zip(*(_gaussian(values[calibration & (member == kind)]) for kind in (True, False)), strict=True)
    own, other = (-0.5 * ((values - m) / s) ** 2 - math.log(s) for m, s in zip(means, deviations, strict=True))
    return own - other


def _gaussian(values: np.ndarray) -> tuple[float, float]:
    if len(values) < 2:
        raise ValueError(f"expected two calibration images or more of each set, got {len(values)}; give more images")
    return float(values.mean()), max(float(values.std()), _LEAST_DEVIATION)
