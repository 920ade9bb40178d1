"""Images and what is drawn from them: sources, long tails, the pool of a run, batches, views.

Names load on first use: the index of a folder needs no torch, and so little memory.
"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.batches import Batch as Batch
    from holdfast.data.batches import epoch_batches as epoch_batches
    from holdfast.data.batches import steps_per_epoch as steps_per_epoch
    from holdfast.data.duplicates import duplicate_groups as duplicate_groups
    from holdfast.data.duplicates import perceptual_hash as perceptual_hash
    from holdfast.data.images import Images as Images
    from holdfast.data.order import epoch_order as epoch_order
    from holdfast.data.order import mixing as mixing
    from holdfast.data.pool import Pool as Pool
    from holdfast.data.pool import draw_evenly as draw_evenly
    from holdfast.data.pool import load_pool as load_pool
    from holdfast.data.pool import prepare as prepare
    from holdfast.data.sources import SOURCES as SOURCES
    from holdfast.data.sources import load_images as load_images
    from holdfast.data.sources import view_maker as view_maker
    from holdfast.data.spirograph import render_spirograph as render_spirograph
    from holdfast.data.splits import LongTailSplit as LongTailSplit
    from holdfast.data.splits import class_groups as class_groups
    from holdfast.data.splits import external_set as external_set
    from holdfast.data.splits import long_tail_counts as long_tail_counts
    from holdfast.data.splits import long_tail_profile as long_tail_profile
    from holdfast.data.splits import long_tail_split as long_tail_split
    from holdfast.data.splits import memorization_partition as memorization_partition
    from holdfast.data.splits import nested_subsets as nested_subsets
    from holdfast.data.splits import pareto_counts as pareto_counts
    from holdfast.data.splits import parse_long_tail as parse_long_tail
    from holdfast.data.usual_size import SizeChoice as SizeChoice
    from holdfast.data.usual_size import size_for as size_for
    from holdfast.data.views import Nuisances as Nuisances
    from holdfast.data.views import Parameters as Parameters
    from holdfast.data.views import Views as Views
    from holdfast.data.views import make_views as make_views
    from holdfast.data.views import nuisances as nuisances
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
