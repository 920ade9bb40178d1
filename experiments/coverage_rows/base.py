"""A row of the table of intervals and tests: what it is for, and simulations of how often it holds or errs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from scipy.stats import binom

LEAST, MOST = 0.92, 0.05
"""An interval of 95 % holds in 92 of 100 cases at least, and a test errs in 5 of 100 at most: what the rows claim."""
UNLUCKY = 0.001
"""How often a simulation of so many draws may contradict a claim that is just true."""

BEFORE_DRAWS = 300
"""What a formula that fails needs at most, to show it."""

Case = Callable[[int], float]
"""Share of so many draws in which an interval holds the truth, or a test errs."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An interval or a test that the product prints."""

    name: str
    what: str
    where: str
    regime: str
    absent: str = "–"
    """Where it is not printed."""
    scores: Sequence[str] = ()
    """Patterns of AUDIT.SCORE that have it."""
    cases: Mapping[str, Case]
    before: Mapping[str, Case] = field(default_factory=dict)
    """The formula that it replaced, where that failed."""
    said_before: str = "–"
    """What there was, where no formula is left to simulate."""
    errors: bool = False
    """A test of things that are equal: the share is of errors."""
    draws: int = 1000

    def accepted(self, share: float, draws: int) -> bool:
        """Whether a measured share agrees with the claim, but for the luck of so many draws."""
        if self.errors:
            return bool(share * draws <= binom.ppf(1 - UNLUCKY, draws, MOST) + 1e-9)
        return bool(share * draws >= binom.ppf(UNLUCKY, draws, LEAST) - 1e-9)

    def worst(self, shares: Mapping[str, float]) -> float:
        """The least favourable of the measured shares."""
        return max(shares.values()) if self.errors else min(shares.values())


def stream(*names: object) -> np.random.Generator:
    """Draws of a case: by its names alone."""
    return np.random.default_rng(crc32("/".join(map(str, names)).encode()))


def share(draws: int, held: Callable[[np.random.Generator, int], bool], *names: object) -> float:
    """Share of draws in which something is true; it gets the draws' stream and the draw's number."""
    random = stream(*names)
    return sum(bool(held(random, number)) for number in range(draws)) / draws


def inside(interval: tuple[float, float] | None, truth: float) -> bool:
    """Whether an interval holds the truth; none that is missing does."""
    return interval is not None and interval[0] - 1e-9 <= truth <= interval[1] + 1e-9
