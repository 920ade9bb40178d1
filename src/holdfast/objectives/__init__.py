"""Objectives: pure functions from embeddings to a scalar."""

from holdfast.objectives.cancellation import cancelling_nt_xent
from holdfast.objectives.coding_rate import coding_rate, emp_ssl
from holdfast.objectives.contrastive import (
    grouped_nt_xent,
    joint_nt_xent,
    multi_view_nt_xent,
    nt_xent,
    nt_xent_by_image,
)
from holdfast.objectives.decoupled import dcl, dclw
from holdfast.objectives.forgetting import reversed_gradient
from holdfast.objectives.harmonization import harmonization, simplex_frame, sinkhorn
from holdfast.objectives.invariance import expected_invariance_penalty, invariance_penalty, pair_distances
from holdfast.objectives.places import likeness, place_info_nce
from holdfast.objectives.prediction import byol, cosine, dino, moco
from holdfast.objectives.redundancy import barlow_twins, vicreg
from holdfast.objectives.renyi import renyi
from holdfast.objectives.shift import lore, squared_shift
from holdfast.objectives.trades import divergence, trades
from holdfast.objectives.transformation_coding import transformation_coding

__all__ = [
    "barlow_twins",
    "byol",
    "cancelling_nt_xent",
    "coding_rate",
    "cosine",
    "dcl",
    "dclw",
    "dino",
    "divergence",
    "emp_ssl",
    "expected_invariance_penalty",
    "grouped_nt_xent",
    "harmonization",
    "invariance_penalty",
    "joint_nt_xent",
    "likeness",
    "lore",
    "moco",
    "multi_view_nt_xent",
    "nt_xent",
    "nt_xent_by_image",
    "pair_distances",
    "place_info_nce",
    "renyi",
    "reversed_gradient",
    "simplex_frame",
    "sinkhorn",
    "squared_shift",
    "trades",
    "transformation_coding",
    "vicreg",
]
