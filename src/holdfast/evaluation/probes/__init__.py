"""Probes of frozen features: linear, few-shot, nearest neighbours, under attack, regression."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.evaluation.probes.adversarial import HEAD_SCHEDULES as HEAD_SCHEDULES
    from holdfast.evaluation.probes.adversarial import HeadSchedule as HeadSchedule
    from holdfast.evaluation.probes.adversarial import classifier as classifier
    from holdfast.evaluation.probes.adversarial import features_of as features_of
    from holdfast.evaluation.probes.adversarial import train_head as train_head
    from holdfast.evaluation.probes.few_shot import few_shot_probe as few_shot_probe
    from holdfast.evaluation.probes.fine_tuning import fine_tuned as fine_tuned
    from holdfast.evaluation.probes.knn import NEIGHBOURS as NEIGHBOURS
    from holdfast.evaluation.probes.knn import TEMPERATURE as TEMPERATURE
    from holdfast.evaluation.probes.knn import knn_predict as knn_predict
    from holdfast.evaluation.probes.knn import neighbours as neighbours
    from holdfast.evaluation.probes.lbfgs import CROSS_VALIDATE_BELOW as CROSS_VALIDATE_BELOW
    from holdfast.evaluation.probes.lbfgs import FOLDS as FOLDS
    from holdfast.evaluation.probes.lbfgs import REGULARISATION as REGULARISATION
    from holdfast.evaluation.probes.lbfgs import LinearProbe as LinearProbe
    from holdfast.evaluation.probes.lbfgs import fit_probe as fit_probe
    from holdfast.evaluation.probes.lbfgs import stratified_folds as stratified_folds
    from holdfast.evaluation.probes.regression import Regression as Regression
    from holdfast.evaluation.probes.regression import fit_ridge as fit_ridge
    from holdfast.evaluation.probes.regression import regression_table as regression_table
    from holdfast.evaluation.probes.sgd import FEW_SHOT as FEW_SHOT
    from holdfast.evaluation.probes.sgd import FULL_SHOT as FULL_SHOT
    from holdfast.evaluation.probes.sgd import ProbeSchedule as ProbeSchedule
    from holdfast.evaluation.probes.sgd import SgdProbes as SgdProbes
    from holdfast.evaluation.probes.sgd import augmented_features as augmented_features
    from holdfast.evaluation.probes.sgd import cached_features as cached_features
    from holdfast.evaluation.probes.sgd import pad_crop_flip as pad_crop_flip
    from holdfast.evaluation.probes.sgd import probe_lr as probe_lr
    from holdfast.evaluation.probes.sgd import sgd_probe as sgd_probe
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
