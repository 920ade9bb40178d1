"""Pages of their own: an inspection, a gallery of memorised images."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.pages.inspection import facts as facts
    from holdfast.report.pages.inspection import inspection_page as inspection_page
    from holdfast.report.pages.memorized import gallery as gallery
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
