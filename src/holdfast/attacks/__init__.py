"""Attacks: small perturbations that do the most harm, by any measure of harm, within a budget and the pixel range."""

from holdfast.attacks.checkpoint import AttackCheckpoint
from holdfast.attacks.harms import (
    HARMS,
    Goal,
    aimed,
    cosine_distance,
    cross_entropy,
    dlr,
    feature_distance,
    l2_distance,
    log_odds,
    margin,
    scaled_log_odds,
    targeted,
    untargeted,
)
from holdfast.attacks.listing import ListedAttack, Means, Passes
from holdfast.attacks.lp import Norm, ascent, project, random_start, within
from holdfast.attacks.pgd import Pgd, pgd
from holdfast.attacks.shell import Attack, Problem, Records, Search, Trial, run
from holdfast.attacks.square import Square

__all__ = [
    "ATTACKS",
    "HARMS",
    "Attack",
    "AttackCheckpoint",
    "Goal",
    "ListedAttack",
    "Means",
    "Norm",
    "Passes",
    "Pgd",
    "Problem",
    "Records",
    "Search",
    "Square",
    "Trial",
    "aimed",
    "ascent",
    "cosine_distance",
    "cross_entropy",
    "dlr",
    "feature_distance",
    "l2_distance",
    "log_odds",
    "margin",
    "pgd",
    "project",
    "random_start",
    "run",
    "scaled_log_odds",
    "targeted",
    "untargeted",
    "within",
]

ATTACKS: dict[str, ListedAttack] = {
    "pgd": ListedAttack(
        paper="arXiv:1706.06083",
        harm="scaled_log_odds",
        meets="right",
        make=lambda means: Pgd(step=means.step, steps=means.steps),
        passes=lambda means: Passes(means.steps, 1),
    ),
    "restarts": ListedAttack(
        paper="arXiv:1706.06083",
        harm="dlr",
        meets="left",
        make=lambda means: Pgd(
            step=means.step,
            steps=means.steps,
            random_start=True,
            restarts=means.restarts,
            harms=("dlr", "scaled_log_odds"),
        ),
        passes=lambda means: Passes(means.steps * means.restarts, means.restarts),
    ),
    "square": ListedAttack(
        paper="arXiv:1912.00049",
        harm="margin",
        meets="sample",
        make=lambda means: Square(queries=means.queries),
        passes=lambda means: Passes(0, means.queries),
    ),
}
"""Attacks by name, in the order in which the robustness audit runs them; a new one is listed here and nowhere else."""
