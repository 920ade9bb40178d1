"""Objectives: pure functions from embeddings to a scalar."""

from holdfast.objectives.coding_rate import coding_rate, emp_ssl
from holdfast.objectives.contrastive import multi_view_nt_xent, nt_xent
from holdfast.objectives.invariance import expected_invariance_penalty, invariance_penalty, pair_distances

__all__ = [
    "coding_rate",
    "emp_ssl",
    "expected_invariance_penalty",
    "invariance_penalty",
    "multi_view_nt_xent",
    "nt_xent",
    "pair_distances",
]
