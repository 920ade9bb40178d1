"""Drawings: one file per axis over a few SVG primitives."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.plots.invariance import steadiness_plots as steadiness_plots
    from holdfast.report.plots.memorization import ratio_plots as ratio_plots
    from holdfast.report.plots.memorization_layers import layer_plots as layer_plots
    from holdfast.report.plots.privacy import roc_plots as roc_plots
    from holdfast.report.plots.robustness import attack_plots as attack_plots
    from holdfast.report.plots.svg import Plot as Plot
    from holdfast.report.plots.svg import class_bars as class_bars
    from holdfast.report.plots.svg import curves as curves
    from holdfast.report.plots.svg import group_bars as group_bars
    from holdfast.report.plots.tail import density_plots as density_plots
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
