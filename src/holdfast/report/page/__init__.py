"""The page: its parts in order, filled into templates."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.page.render import report as report
    from holdfast.report.page.templates import fill as fill
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
