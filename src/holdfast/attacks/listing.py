"""What an audit has to know of an attack in order to run it: the entries of ATTACKS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from holdfast.attacks.apgd import Apgd, ApgdTargeted
from holdfast.attacks.fab import Fab
from holdfast.attacks.pgd import Pgd
from holdfast.attacks.problem import Attack
from holdfast.attacks.square import Square

Meets = Literal["right", "left", "sample"]
"""Which images an attack is tried on: every one that is right, so that budgets can be held against each other; those
that no attack has broken yet; or those of them in a smaller draw, and all where it breaks any of these."""


class Passes(NamedTuple):
    """Passes of one image through the model."""

    both: int
    """Forward and backward."""
    forward: int
    """Forward alone."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What attacks may spend on an image. The defaults are AutoAttack's, standard version."""

    step_length: float = 0.01
    """Length of a step of PGD, in pixels."""
    steps: int = 20
    """Forward and backward passes of a start of PGD."""
    restarts: int = 2
    """Further starts of PGD, drawn in the ball."""
    queries: int = 5000
    """Forward passes of an attack without gradients."""
    iterations: int = 100
    """Steps of APGD and FAB."""
    targets: int = 9
    """Wrong classes that targeted attacks aim at."""
    starts: int = 1
    """Starts of APGD and FAB where they aim at no class."""
    repeats: int = 1
    """Passes whose gradients APGD averages, for a model that draws at random."""
    classes: int = 10
    """Classes of the model: FAB without targets takes a backward pass for each."""


@dataclass(frozen=True, kw_only=True)
class ListedAttack:
    """An attack as audits and `auto_attack` run it."""

    paper: str
    """'arXiv:' and the id."""
    title: str
    """In tables and sentences."""
    harm: str
    """What it raises, a name in HARMS."""
    meets: Meets
    by_gradient: bool
    """Whether a model that hides its gradient fools it."""
    make: Callable[[Means], Attack]
    """The attack within these means."""
    passes: Callable[[Means], Passes]
    """What it costs an image that withstands it, at most; (0, 0): these means leave the attack out."""


def _aimed(means: Means) -> int:
    """Rows of a targeted attack that have a class to aim at."""
    return min(means.targets, means.classes - 1)


def _apgd(title: str, harm: str) -> ListedAttack:
    return ListedAttack(
        paper="arXiv:2003.01690",
        title=title,
        harm=harm,
        meets="left",
        by_gradient=True,
        make=lambda means: Apgd(harm=harm, steps=means.iterations, restarts=means.starts, repeats=means.repeats),
        passes=lambda means: Passes(means.starts * means.repeats * means.iterations, means.starts * means.repeats),
    )


ATTACKS: dict[str, ListedAttack] = {
    "pgd": ListedAttack(
        paper="arXiv:1706.06083",
        title="PGD",
        harm="scaled_log_odds",
        meets="right",
        by_gradient=True,
        make=lambda means: Pgd(step_length=means.step_length, steps=means.steps),
        passes=lambda means: Passes(means.steps, 1),
    ),
    "restarts": ListedAttack(
        paper="arXiv:1706.06083",
        title="PGD from random starts",
        harm="dlr",
        meets="left",
        by_gradient=True,
        make=lambda means: Pgd(
            step_length=means.step_length,
            steps=means.steps,
            random_start=True,
            restarts=means.restarts,
            harms=("dlr", "scaled_log_odds"),
        ),
        passes=lambda means: Passes(means.steps * means.restarts, means.restarts),
    ),
    "apgd-ce": _apgd("APGD on cross-entropy", "log_odds"),
    "apgd-dlr": _apgd("APGD on DLR", "dlr"),
    "apgd-t": ListedAttack(
        paper="arXiv:2003.01690",
        title="targeted APGD",
        harm="dlr",
        meets="left",
        by_gradient=True,
        make=lambda means: ApgdTargeted(targets=means.targets, steps=means.iterations),
        # One forward pass of each row finds its target, one its last point.
        passes=lambda means: Passes(_aimed(means) * means.iterations, means.targets + _aimed(means)),
    ),
    "fab-t": ListedAttack(
        paper="arXiv:1907.02044",
        title="targeted FAB",
        harm="margin",
        meets="left",
        by_gradient=True,
        make=lambda means: Fab(targets=means.targets, steps=means.iterations),
        passes=lambda means: Passes(_aimed(means) * means.iterations, means.targets + _aimed(means) * means.iterations),
    ),
    "fab": ListedAttack(
        paper="arXiv:1907.02044",
        title="FAB",
        harm="margin",
        meets="left",
        by_gradient=True,
        make=lambda means: Fab(targets=0, steps=means.iterations, restarts=means.starts),
        passes=lambda means: Passes(means.starts * means.iterations * means.classes, means.starts * means.iterations),
    ),
    "square": ListedAttack(
        paper="arXiv:1912.00049",
        title="Square",
        harm="margin",
        meets="sample",
        by_gradient=False,
        make=lambda means: Square(queries=means.queries, rescale=means.queries < 5000),
        passes=lambda means: Passes(0, means.queries),
    ),
}
"""Attacks by name, in the order in which the robustness audit runs them; a new one is listed here and nowhere else."""
VERSIONS: dict[str, tuple[str, ...]] = {
    "standard": ("apgd-ce", "apgd-t", "fab-t", "square"),
    "plus": ("apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"),
    "rand": ("apgd-ce", "apgd-dlr"),
}
"""AutoAttack's ensembles, in the order of the reference."""
STARTS = {"standard": 1, "plus": 5, "rand": 1}
"""Starts of APGD and FAB where they aim at no class, by version."""
REPEATS = {"standard": 1, "plus": 1, "rand": 20}
"""Passes whose gradients APGD averages, by version."""
