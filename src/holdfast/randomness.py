"""Keyed draws: an integer hash of (seed, purpose, epoch, sample, view), the same on every device.

A draw is a pure function of its key, so nothing has to be saved to resume a run, and ranks, workers and batch sizes
cannot change it. The hash is the finaliser of SplitMix64 (Steele, Lea, Flood 2014), folded over the counters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")


_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit integer
_FIRST = -4658895280553007687  # 0xBF58476D1CE4E5B9
_SECOND = -7723592293110705685  # 0x94D049BB133111EB


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64 (torch's own is arithmetic)."""
    return (x >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = _shift(x, 30).bitwise_xor_(x).mul_(_FIRST)
    x = _shift(x, 27).bitwise_xor_(x).mul_(_SECOND)
    return _shift(x, 31).bitwise_xor_(x)


def fold(keys: Tensor, counter: Tensor | int) -> Tensor:
    """New int64 keys from keys and an integer counter; the two broadcast against each other."""
    counter = torch.as_tensor(counter, dtype=torch.int64, device=keys.device)
    return _mix(keys ^ _mix(counter + _GOLDEN))


def key(seed: int, purpose: str, *counters: int) -> Tensor:
    """A scalar int64 key on the CPU for a seed, a purpose ('views', 'order', ...) and any further counters."""
    digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
    start = torch.tensor(int.from_bytes(digest, "little", signed=True))
    for counter in counters:
        start = fold(start, counter)
    return start


def sample_keys(seed: int, purpose: str, *, epoch: int, ids: Tensor, views: int) -> Tensor:
    """Keys [views, n] on the device of ids [n], one for each view of each sample in an epoch."""
    per_sample = fold(key(seed, purpose, epoch).to(ids.device), ids)
    return fold(per_sample, torch.arange(views, device=ids.device)[:, None])


def uniform(keys: Tensor, draws: int) -> Tensor:
    """float32 [*keys.shape, draws], uniform in [0, 1): 24 random bits each, exact on every device."""
    bits = _shift(fold(keys[..., None], torch.arange(draws, device=keys.device)), 40)
    return bits.to(torch.float32).mul_(2.0**-24)


def permutation(key: Tensor, n: int) -> Tensor:
    """A permutation [n] of 0..n-1, int64 on the key's device, drawn by a scalar key."""
    return torch.argsort(fold(key, torch.arange(n, device=key.device)), stable=True)


def order_of(seed: int, purpose: str, n: int) -> np.ndarray:
    """`permutation(key(seed, purpose), n)` as int64 numpy, without torch: what is asked of a source before anything is
    computed."""
    start = np.frombuffer(hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), np.uint64)
    golden, first, second = (np.uint64(number % 2**64) for number in (_GOLDEN, _FIRST, _SECOND))

    def mix(x: np.ndarray) -> np.ndarray:
        x = (x ^ (x >> np.uint64(30))) * first
        x = (x ^ (x >> np.uint64(27))) * second
        return x ^ (x >> np.uint64(31))

    keys = mix(start ^ mix(np.arange(n, dtype=np.uint64) + golden))
    return np.argsort(keys.view(np.int64), stable=True)


def generator(seed: int, purpose: str, *counters: int) -> torch.Generator:
    """A CPU generator for draws whose number is not known beforehand (initial weights, a random start)."""
    return torch.Generator().manual_seed(int(key(seed, purpose, *counters)) & (2**63 - 1))


@contextmanager
def seeded_library(seed: int, purpose: str, *counters: int, device: torch.device | None = None) -> Iterator[None]:
    """Seeds torch's global generators inside the block and restores them after it: for libraries that draw globally."""
    devices = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(key(seed, purpose, *counters)) & (2**63 - 1))
        yield
