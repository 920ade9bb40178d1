"""Images and what is drawn from them: sources, long tails, the pool of a run, batches, views."""

from holdfast.data.augment import Parameters
from holdfast.data.batches import Batch, epoch_batches, steps_per_epoch
from holdfast.data.duplicates import duplicate_groups, perceptual_hash
from holdfast.data.images import Images
from holdfast.data.longtail import (
    LongTailSplit,
    class_groups,
    long_tail_counts,
    long_tail_profile,
    long_tail_split,
    nested_subsets,
    pareto_counts,
    parse_long_tail,
)
from holdfast.data.nuisances import Nuisances, nuisances, view_maker
from holdfast.data.partition import external_set, memorization_partition
from holdfast.data.pool import Pool, draw_evenly, load_pool, prepare
from holdfast.data.sources import load_images
from holdfast.data.spirograph import render_spirograph
from holdfast.data.views import Views, make_views

__all__ = [
    "Batch",
    "Images",
    "LongTailSplit",
    "Nuisances",
    "Parameters",
    "Pool",
    "Views",
    "class_groups",
    "draw_evenly",
    "duplicate_groups",
    "epoch_batches",
    "external_set",
    "load_images",
    "load_pool",
    "long_tail_counts",
    "long_tail_profile",
    "long_tail_split",
    "make_views",
    "memorization_partition",
    "nested_subsets",
    "nuisances",
    "pareto_counts",
    "parse_long_tail",
    "perceptual_hash",
    "prepare",
    "render_spirograph",
    "steps_per_epoch",
    "view_maker",
]
