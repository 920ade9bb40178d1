"""Attacks: small perturbations that do the most harm, by any measure of harm, within a budget and the pixel range."""

from holdfast.attacks.harms import (
    HARMS,
    Goal,
    aimed,
    cosine_distance,
    cross_entropy,
    feature_distance,
    l2_distance,
    margin,
    targeted,
    untargeted,
)
from holdfast.attacks.lp import Norm, ascent, project, random_start, within
from holdfast.attacks.pgd import Pgd, pgd
from holdfast.attacks.progress import Progress
from holdfast.attacks.shell import Attack, Problem, Records, Search, Trial, run
from holdfast.attacks.square import Square

__all__ = [
    "ATTACKS",
    "HARMS",
    "Attack",
    "Goal",
    "Norm",
    "Pgd",
    "Problem",
    "Progress",
    "Records",
    "Search",
    "Square",
    "Trial",
    "aimed",
    "ascent",
    "cosine_distance",
    "cross_entropy",
    "feature_distance",
    "l2_distance",
    "margin",
    "pgd",
    "project",
    "random_start",
    "run",
    "targeted",
    "untargeted",
    "within",
]

ATTACKS: dict[str, type[Pgd] | type[Square]] = {"pgd": Pgd, "square": Square}
"""Attacks by name: settings whose `search` the shell's `run` takes."""
