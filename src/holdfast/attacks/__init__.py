"""Attacks: small perturbations that do the most harm, by any measure of harm, within a budget and the pixel range."""

from holdfast.attacks.apgd import Apgd, ApgdTargeted
from holdfast.attacks.auto_attack import auto_attack
from holdfast.attacks.checkpoint import AttackCheckpoint
from holdfast.attacks.fab import Fab
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
from holdfast.attacks.listing import ATTACKS, VERSIONS, ListedAttack, Means, Passes
from holdfast.attacks.lp import Norm, ascent, project, random_start, within
from holdfast.attacks.pgd import Pgd, pgd
from holdfast.attacks.problem import Attack, Problem, State, Trial, asked
from holdfast.attacks.records import Records
from holdfast.attacks.shell import run
from holdfast.attacks.square import Square

__all__ = [
    "ATTACKS",
    "HARMS",
    "VERSIONS",
    "Apgd",
    "ApgdTargeted",
    "Attack",
    "AttackCheckpoint",
    "Fab",
    "Goal",
    "ListedAttack",
    "Means",
    "Norm",
    "Passes",
    "Pgd",
    "Problem",
    "Records",
    "Square",
    "State",
    "Trial",
    "aimed",
    "ascent",
    "asked",
    "auto_attack",
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
