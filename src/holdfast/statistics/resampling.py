"""Bootstrap draws, keyed by a seed and a purpose: the same on every machine, with and without torch."""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from holdfast.statistics.intervals import percentile_interval

DRAWS = 1000
_AT_ONCE = 50


class Stream:
    """Draws of a seed and a purpose, bit by bit those of `randomness.generator` (a Mersenne Twister's words)."""

    def __init__(self, seed: int, purpose: str):
        digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
        self._words = np.random.RandomState(int.from_bytes(digest, "little") & 0xFFFFFFFF)

    def places(self, n: int, *, draws: int, count: int | None = None) -> np.ndarray:
        """int64 [draws, count] uniform in 0..n-1; count is n where it is not given, as for a bootstrap."""
        size = (draws, n if count is None else count)
        words = self._words.randint(0, 2**32, size=size, dtype=np.uint32)
        return (words % np.uint32(n)).astype(np.int64)

    def shuffled(self, n: int) -> np.ndarray:
        """int64 [n]: a permutation of 0..n-1 (Fisher and Yates)."""
        order, words = np.arange(n), self._words.randint(0, 2**32, size=n, dtype=np.uint32)
        for i in range(n - 1):
            j = i + int(words[i]) % (n - i)
            order[i], order[j] = order[j], order[i]
        return order


def bootstrap_means(values: np.ndarray, *, seed: int, purpose: str, draws: int = DRAWS) -> np.ndarray:
    """Means [draws] of resampled values [n], drawn with replacement."""
    return np.asarray(values, dtype=float)[Stream(seed, purpose).places(len(values), draws=draws)].mean(1)


def mean_with_interval(values: np.ndarray, *, seed: int, purpose: str) -> tuple[float, float, float]:
    """Mean of values [n] and its 95 % bootstrap interval."""
    mean = float(np.mean(values))
    return mean, *percentile_interval(bootstrap_means(values, seed=seed, purpose=purpose), mean)


def drawn_weights(groups: np.ndarray, *, seed: int, purpose: str, draws: int) -> Iterator[np.ndarray]:
    """How often each sample [n] is drawn, float64 [d, n] in chunks of draws; groups [n] are drawn whole."""
    _, group = np.unique(groups, return_inverse=True)
    count, stream = int(group.max()) + 1, Stream(seed, purpose)
    for start in range(0, draws, _AT_ONCE):
        drawn = stream.places(count, draws=min(_AT_ONCE, draws - start))
        yield np.stack([np.bincount(row, minlength=count) for row in drawn])[:, group].astype(float)


def resampled_rows(
    statistic: Callable[[np.ndarray], float], n: int, *, seed: int, purpose: str, clusters: np.ndarray | None = None
) -> np.ndarray:
    """A statistic of rows (int64 [m]) of each of DRAWS resamplings of n rows, or of whole clusters [n] of rows."""
    if clusters is None:
        return np.array([statistic(rows) for rows in Stream(seed, purpose).places(n, draws=DRAWS)])
    members = [np.flatnonzero(clusters == c) for c in np.unique(clusters)]
    drawn = Stream(seed, purpose).places(len(members), draws=DRAWS)
    return np.array([statistic(np.concatenate([members[c] for c in chosen])) for chosen in drawn])
