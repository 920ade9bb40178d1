"""Every interval and test of the product, of numbers alone: no torch."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.statistics.detection import Roc as Roc
    from holdfast.statistics.detection import calibrated_accuracy as calibrated_accuracy
    from holdfast.statistics.detection import membership as membership
    from holdfast.statistics.detection import resampled_membership as resampled_membership
    from holdfast.statistics.groups import GROUPS as GROUPS
    from holdfast.statistics.groups import Resampled as Resampled
    from holdfast.statistics.groups import group_statistics as group_statistics
    from holdfast.statistics.groups import resample as resample
    from holdfast.statistics.intervals import NORMAL_975 as NORMAL_975
    from holdfast.statistics.intervals import Estimate as Estimate
    from holdfast.statistics.intervals import difference_interval as difference_interval
    from holdfast.statistics.intervals import mean_interval as mean_interval
    from holdfast.statistics.intervals import over_runs as over_runs
    from holdfast.statistics.intervals import percentile_interval as percentile_interval
    from holdfast.statistics.intervals import plain_percentiles as plain_percentiles
    from holdfast.statistics.intervals import t_quantile as t_quantile
    from holdfast.statistics.intervals import unpaired as unpaired
    from holdfast.statistics.intervals import wilson_interval as wilson_interval
    from holdfast.statistics.intervals import within_bounds as within_bounds
    from holdfast.statistics.ranks import detection_auc as detection_auc
    from holdfast.statistics.ranks import mean_pairwise_spearman as mean_pairwise_spearman
    from holdfast.statistics.ranks import midranks as midranks
    from holdfast.statistics.ranks import spearman as spearman
    from holdfast.statistics.ranks import spearman_interval as spearman_interval
    from holdfast.statistics.resampling import DRAWS as DRAWS
    from holdfast.statistics.resampling import Stream as Stream
    from holdfast.statistics.resampling import bootstrap_means as bootstrap_means
    from holdfast.statistics.resampling import drawn_ratio as drawn_ratio
    from holdfast.statistics.resampling import mean_with_interval as mean_with_interval
    from holdfast.statistics.resampling import resampled_means as resampled_means
    from holdfast.statistics.significance import effect_size as effect_size
    from holdfast.statistics.significance import empirical_p as empirical_p
    from holdfast.statistics.significance import false_discovery as false_discovery
    from holdfast.statistics.significance import larger_mean_p as larger_mean_p
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
