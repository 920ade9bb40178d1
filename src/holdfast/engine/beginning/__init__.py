"""What is found in the training images before a run's first step."""

from holdfast.engine.beginning.pseudo_labels import give_clusters

__all__ = ["give_clusters"]
