"""Accuracy broken down by class and by groups of a user's own: what the balance audit's tables hold."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.breakdowns.by_class import PerClass as PerClass
    from holdfast.report.breakdowns.by_class import class_table as class_table
    from holdfast.report.breakdowns.by_class import per_class as per_class
    from holdfast.report.breakdowns.by_subgroup import group_table as group_table
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
