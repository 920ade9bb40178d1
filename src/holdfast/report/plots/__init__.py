"""Drawings: one file per axis over a few SVG primitives. Matplotlib is imported by the first one that is drawn."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.plots.balance import class_plots as class_plots
    from holdfast.report.plots.balance import group_plots as group_plots
    from holdfast.report.plots.curves import curve_plots as curve_plots
    from holdfast.report.plots.duplicates import twin_plots as twin_plots
    from holdfast.report.plots.equivariance import map_plots as map_plots
    from holdfast.report.plots.invariance import steadiness_plots as steadiness_plots
    from holdfast.report.plots.membership import attack_aucs as attack_aucs
    from holdfast.report.plots.memorization import ratio_plots as ratio_plots
    from holdfast.report.plots.memorization_layers import layer_plots as layer_plots
    from holdfast.report.plots.privacy import roc_plots as roc_plots
    from holdfast.report.plots.quality import reader_plots as reader_plots
    from holdfast.report.plots.robustness import attack_plots as attack_plots
    from holdfast.report.plots.shortcuts import margin_plots as margin_plots
    from holdfast.report.plots.svg import COLOURS as COLOURS
    from holdfast.report.plots.svg import INK as INK
    from holdfast.report.plots.svg import Plot as Plot
    from holdfast.report.plots.svg import draw as draw
    from holdfast.report.plots.tail import density_plots as density_plots
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
