"""Bootstrap draws, keyed by a seed and a purpose: the same on every machine, with and without torch."""

import hashlib
from collections.abc import Iterator

import numpy as np

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


def resampled(n: int, *, seed: int, purpose: str) -> np.ndarray:
    """int64 [n]: one draw of n rows with replacement."""
    return Stream(seed, purpose).places(n, draws=1)[0]


def drawn_weights(groups: np.ndarray, *, seed: int, purpose: str, draws: int) -> Iterator[np.ndarray]:
    """How often each sample [n] is drawn, float64 [d, n] in chunks of draws; groups [n] are drawn whole."""
    _, group = np.unique(groups, return_inverse=True)
    count, stream = int(group.max()) + 1, Stream(seed, purpose)
    for start in range(0, draws, _AT_ONCE):
        drawn = stream.places(count, draws=min(_AT_ONCE, draws - start))
        yield np.stack([np.bincount(row, minlength=count) for row in drawn])[:, group].astype(float)
