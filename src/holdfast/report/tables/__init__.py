"""Tables of scores, classes and subgroups."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.tables.by_class import PerClass as PerClass
    from holdfast.report.tables.by_class import class_table as class_table
    from holdfast.report.tables.by_class import per_class as per_class
    from holdfast.report.tables.by_subgroup import group_table as group_table
    from holdfast.report.tables.scores import Cell as Cell
    from holdfast.report.tables.scores import Section as Section
    from holdfast.report.tables.scores import Table as Table
    from holdfast.report.tables.scores import as_text as as_text
    from holdfast.report.tables.scores import cost_table as cost_table
    from holdfast.report.tables.scores import difference_table as difference_table
    from holdfast.report.tables.scores import differences as differences
    from holdfast.report.tables.scores import encoder_note as encoder_note
    from holdfast.report.tables.scores import estimate_cell as estimate_cell
    from holdfast.report.tables.scores import provenance_table as provenance_table
    from holdfast.report.tables.scores import score_table as score_table
    from holdfast.report.tables.scores import sections as sections
    from holdfast.report.tables.scores import settings_table as settings_table
    from holdfast.report.tables.shortlist import shortlist_table as shortlist_table
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
