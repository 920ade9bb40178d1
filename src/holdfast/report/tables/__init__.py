"""Tables over all axes: scores, differences, what was run."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.tables.apart import difference_table as difference_table
    from holdfast.report.tables.apart import differences as differences
    from holdfast.report.tables.runs import cost_table as cost_table
    from holdfast.report.tables.runs import load_table as load_table
    from holdfast.report.tables.runs import provenance_table as provenance_table
    from holdfast.report.tables.runs import settings_table as settings_table
    from holdfast.report.tables.scores import score_table as score_table
    from holdfast.report.tables.scores import sections as sections
    from holdfast.report.tables.shortlist import shortlist_table as shortlist_table
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
