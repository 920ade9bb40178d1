"""Which images an encoder pair shares, and which only one of the two sees, to score memorization (arXiv:2401.12233)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holdfast import randomness

PARTS = ("shared", "candidate", "independent", "external")
"""S_S in f and g, S_C in f only, S_I in g only, S_E in neither."""

Labels = Sequence[int] | np.ndarray | Tensor
"""[n] class numbers."""


@dataclass(frozen=True)
class _Stratum:
    """Groups of one class and one size, in keyed order."""

    groups: list[np.ndarray]
    size: int


def memorization_partition(
    labels: Labels | int,
    *,
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int,
    groups: Labels | None = None,
) -> dict[str, np.ndarray]:
    """Index arrays 'shared', 'candidate' and 'independent', int64 and ascending, that part 0..n-1.

    labels: [n] classes to stratify by, or the number of images. shares: of shared, candidate and independent; the last
    two must be equal, and so are their sizes, so that both encoders take as many steps. groups: [n] numbers of
    near-duplicate groups, which stay in one part each; a group counts to its first image's class. Every draw is keyed
    by seed. What belongs to no part by its share, or has no counterpart of its size, is shared.

    Raises ValueError for shares that do not sum to 1 or differ, and where no candidate would be left.
    """
    _check_shares(shares)
    count, strata = _strata(labels, groups, seed, "memorization partition")
    candidate, independent = [], []
    for chosen in _taken(strata, shares[1], times=2):
        candidate += chosen[0::2]
        independent += chosen[1::2]
    if not candidate:
        raise ValueError(
            f"expected enough images for at least one candidate and one independent, got {count} with shares {shares}; "
            "give more images or larger shares"
        )
    parts = {"candidate": _joined(candidate), "independent": _joined(independent)}
    rest = np.setdiff1d(np.arange(count), np.concatenate(list(parts.values())))
    return {"shared": rest, **parts}


def external_set(labels: Labels | int, *, share: float, seed: int, groups: Labels | None = None) -> np.ndarray:
    """Indices, int64 and ascending, of the images held out of a pool before it is parted; stratified and grouped alike.

    share: of the n images, in (0, 1). Raises ValueError for another share.
    """
    if not 0 < share < 1:
        raise ValueError(f"expected a share of external images in (0, 1), got {share}; 0.1 is usual")
    _, strata = _strata(labels, groups, seed, "external set")
    return _joined([group for chosen in _taken(strata, share, times=1) for group in chosen])


def partition_checksum(parts: Mapping[str, Sequence[int] | np.ndarray]) -> str:
    """16 hexadecimal digits of a SHA-256 over the ids of each part."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(name.encode() + np.asarray(parts[name], dtype=np.int64).tobytes())
    return digest.hexdigest()[:16]


def _check_shares(shares: tuple[float, float, float]) -> None:
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"expected three shares that sum to 1, got {shares}; (0.8, 0.1, 0.1) is the paper's")
    if shares[1] != shares[2]:
        raise ValueError(
            f"expected equal shares of candidates and independents, got {shares[1]} and {shares[2]}; "
            "unequal sets would give the two encoders different numbers of steps"
        )


def _strata(labels: Labels | int, groups: Labels | None, seed: int, purpose: str) -> tuple[int, list[_Stratum]]:
    """The number of images, and their groups by class and size; largest groups first, as they are hardest to place."""
    classes = np.zeros(labels, dtype=np.int64) if isinstance(labels, int) else np.asarray(labels)
    count = len(classes)
    numbers = np.arange(count) if groups is None else np.asarray(groups)
    if len(numbers) != count:
        raise ValueError(f"expected a group for each of {count} images, got {len(numbers)}; give one number per image")
    keys = randomness.fold(randomness.key(seed, purpose), torch.arange(count)).numpy()
    found: dict[tuple[int, int], list[np.ndarray]] = {}
    for members in _members(numbers):
        found.setdefault((-len(members), int(classes[members[0]])), []).append(members)
    ordered = sorted(found.items())
    return count, [_Stratum(sorted(members, key=lambda m: keys[m[0]]), -size) for (size, _), members in ordered]


def _members(numbers: np.ndarray) -> list[np.ndarray]:
    """The indices of each group, ascending."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else []


def _taken(strata: list[_Stratum], share: float, *, times: int) -> Iterator[list[np.ndarray]]:
    """From each stratum the first groups that make up its share, `times` over.

    What rounding leaves over is carried to the next stratum, so that the total is right to half a group.
    """
    owed = 0.0
    for stratum in strata:
        owed += share * len(stratum.groups) * stratum.size
        # Just above .5 rounds up: 0.1 * 5 groups of 2 is half a group in exact arithmetic, and never less in floats.
        number = min(int(owed / stratum.size + 0.5 + 1e-9), len(stratum.groups) // times)
        owed -= number * stratum.size
        yield stratum.groups[: times * number]


def _joined(groups: list[np.ndarray]) -> np.ndarray:
    return np.sort(np.concatenate(groups)) if groups else np.empty(0, dtype=np.int64)
