"""Images and what is drawn from them: sources, long tails, the pool of a run, batches, views.

Names load on first use: the index of a folder needs no torch, and so little memory.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from holdfast.data.nuisance_views import Nuisances, nuisances, view_maker
    from holdfast.data.partition import external_set, memorization_partition
    from holdfast.data.pool import Pool, draw_evenly, load_pool, prepare
    from holdfast.data.sources import load_images
    from holdfast.data.spirograph import render_spirograph
    from holdfast.data.views import Views, make_views

_HOMES = {
    "Batch": "batches",
    "Images": "images",
    "LongTailSplit": "longtail",
    "Nuisances": "nuisance_views",
    "Parameters": "augment",
    "Pool": "pool",
    "Views": "views",
    "class_groups": "longtail",
    "draw_evenly": "pool",
    "duplicate_groups": "duplicates",
    "epoch_batches": "batches",
    "external_set": "partition",
    "load_images": "sources",
    "load_pool": "pool",
    "long_tail_counts": "longtail",
    "long_tail_profile": "longtail",
    "long_tail_split": "longtail",
    "make_views": "views",
    "memorization_partition": "partition",
    "nested_subsets": "longtail",
    "nuisances": "nuisance_views",
    "pareto_counts": "longtail",
    "parse_long_tail": "longtail",
    "perceptual_hash": "duplicates",
    "prepare": "pool",
    "render_spirograph": "spirograph",
    "steps_per_epoch": "batches",
    "view_maker": "nuisance_views",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holdfast.data' has no attribute {name!r}")
    return getattr(import_module(f"holdfast.data.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
