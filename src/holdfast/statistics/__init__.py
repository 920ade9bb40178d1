"""Every interval and test of the product, of numbers alone: no torch."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.statistics.detection import Roc as Roc
    from holdfast.statistics.detection import calibrated_accuracy as calibrated_accuracy
    from holdfast.statistics.detection import membership as membership
    from holdfast.statistics.detection import resampled_membership as resampled_membership
    from holdfast.statistics.groups import GROUPS as GROUPS
    from holdfast.statistics.groups import Measure as Measure
    from holdfast.statistics.groups import apart_interval as apart_interval
    from holdfast.statistics.groups import group_estimates as group_estimates
    from holdfast.statistics.groups import group_statistics as group_statistics
    from holdfast.statistics.groups import spread_between as spread_between
    from holdfast.statistics.groups import worst_by_chance as worst_by_chance
    from holdfast.statistics.groups import worst_interval as worst_interval
    from holdfast.statistics.intervals import Estimate as Estimate
    from holdfast.statistics.intervals import difference_interval as difference_interval
    from holdfast.statistics.intervals import explained_values as explained_values
    from holdfast.statistics.intervals import mean_interval as mean_interval
    from holdfast.statistics.intervals import none_of as none_of
    from holdfast.statistics.intervals import over_runs as over_runs
    from holdfast.statistics.intervals import percentile_interval as percentile_interval
    from holdfast.statistics.intervals import stratified_interval as stratified_interval
    from holdfast.statistics.intervals import t_quantile as t_quantile
    from holdfast.statistics.intervals import unpaired as unpaired
    from holdfast.statistics.intervals import within_bounds as within_bounds
    from holdfast.statistics.ranks import agreement_gap as agreement_gap
    from holdfast.statistics.ranks import auc_interval as auc_interval
    from holdfast.statistics.ranks import correlation_interval as correlation_interval
    from holdfast.statistics.ranks import detection_auc as detection_auc
    from holdfast.statistics.ranks import mean_pairwise_spearman as mean_pairwise_spearman
    from holdfast.statistics.ranks import midranks as midranks
    from holdfast.statistics.ranks import separated_end as separated_end
    from holdfast.statistics.ranks import spearman as spearman
    from holdfast.statistics.ranks import spearman_difference as spearman_difference
    from holdfast.statistics.ranks import spearman_interval as spearman_interval
    from holdfast.statistics.resampling import DRAWS as DRAWS
    from holdfast.statistics.resampling import Stream as Stream
    from holdfast.statistics.resampling import resampled as resampled
    from holdfast.statistics.separated import Separation as Separation
    from holdfast.statistics.separated import separation as separation
    from holdfast.statistics.shares import bounded_difference as bounded_difference
    from holdfast.statistics.shares import bounded_interval as bounded_interval
    from holdfast.statistics.shares import ends_difference as ends_difference
    from holdfast.statistics.shares import exact_interval as exact_interval
    from holdfast.statistics.shares import mean_share_interval as mean_share_interval
    from holdfast.statistics.shares import share_difference as share_difference
    from holdfast.statistics.shares import smoothed_variance as smoothed_variance
    from holdfast.statistics.shares import wilson_interval as wilson_interval
    from holdfast.statistics.significance import effect_size as effect_size
    from holdfast.statistics.significance import empirical_p as empirical_p
    from holdfast.statistics.significance import false_discovery as false_discovery
    from holdfast.statistics.significance import larger_mean_p as larger_mean_p
    from holdfast.statistics.significance import least_null as least_null
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
