"""What is found in the training images before a run's first step."""

from holdfast.engine.beginning.pseudo_labels import give_clusters
from holdfast.engine.beginning.trained_teacher import loaded_teacher, record_teacher

__all__ = ["give_clusters", "loaded_teacher", "record_teacher"]
