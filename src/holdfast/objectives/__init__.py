"""Objectives: pure functions from embeddings to a scalar."""

from holdfast.objectives.contrastive import nt_xent

__all__ = ["nt_xent"]
