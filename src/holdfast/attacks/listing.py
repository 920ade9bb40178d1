"""What an audit has to know of an attack in order to run it: the entries of ATTACKS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from holdfast.attacks.shell import Attack

Meets = Literal["right", "left", "sample"]
"""Which images an attack is tried on: every one that is right, so that budgets can be held against each other; those
that no attack has broken yet; or those of them in a smaller draw, for an attack that costs much."""


class Passes(NamedTuple):
    """Passes of one image through the model."""

    both: int
    """Forward and backward."""
    forward: int
    """Forward alone."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What attacks may spend on an image."""

    step: float
    """Length of a step in pixels, for those that take steps."""
    steps: int
    """Forward and backward passes of a start."""
    restarts: int
    """Further starts, drawn in the ball."""
    queries: int
    """Forward passes of an attack without gradients."""


@dataclass(frozen=True, kw_only=True)
class ListedAttack:
    """An attack as audits run it."""

    paper: str
    """'arXiv:' and the id."""
    harm: str
    """What it raises, a name in HARMS."""
    meets: Meets
    make: Callable[[Means], Attack]
    """The attack within these means."""
    passes: Callable[[Means], Passes]
    """What it costs an image that withstands it, at most; (0, 0): these means leave the attack out."""
