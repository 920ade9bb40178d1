"""Measuring an encoder: features, probes, nearest neighbours, group metrics and label-free signals."""

from holdfast.evaluation.aggregate import AggregatedEncoder
from holdfast.evaluation.averaging import averaged_features
from holdfast.evaluation.features import extract_features, measuring
from holdfast.evaluation.groups import (
    class_accuracy,
    group_metrics,
    over_runs,
)
from holdfast.evaluation.invariance import (
    cosines,
    directional_derivative,
    variance_report,
    whitened_cosines,
    whitening,
)
from holdfast.evaluation.pairs import mean_cosine, membership, memorization, unit_memorization
from holdfast.evaluation.probes import (
    FEW_SHOT,
    FULL_SHOT,
    LinearProbe,
    ProbeSchedule,
    Regression,
    SgdProbes,
    augmented_features,
    cached_features,
    few_shot_probe,
    fit_probe,
    fit_ridge,
    knn_predict,
    neighbours,
    pad_crop_flip,
    probe_lr,
    regression_table,
    sgd_probe,
    stratified_folds,
)
from holdfast.evaluation.signals import (
    FEW_IMAGES,
    alignment,
    effective_rank,
    feature_std,
    label_free_signals,
    lacks_neighbours,
    live_signals,
    near_collapse,
    uniformity,
)
from holdfast.evaluation.untrained import untrained
from holdfast.models import checksum as encoder_checksum

__all__ = [
    "FEW_IMAGES",
    "FEW_SHOT",
    "FULL_SHOT",
    "AggregatedEncoder",
    "LinearProbe",
    "ProbeSchedule",
    "Regression",
    "SgdProbes",
    "alignment",
    "augmented_features",
    "averaged_features",
    "cached_features",
    "class_accuracy",
    "cosines",
    "directional_derivative",
    "effective_rank",
    "encoder_checksum",
    "extract_features",
    "feature_std",
    "few_shot_probe",
    "fit_probe",
    "fit_ridge",
    "group_metrics",
    "knn_predict",
    "label_free_signals",
    "lacks_neighbours",
    "live_signals",
    "mean_cosine",
    "measuring",
    "membership",
    "memorization",
    "near_collapse",
    "neighbours",
    "over_runs",
    "pad_crop_flip",
    "probe_lr",
    "regression_table",
    "sgd_probe",
    "stratified_folds",
    "uniformity",
    "unit_memorization",
    "untrained",
    "variance_report",
    "whitened_cosines",
    "whitening",
]
