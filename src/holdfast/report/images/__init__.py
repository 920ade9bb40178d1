"""Images on the page: galleries, the map and what is said of each image."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.images.embedded import as_script as as_script
    from holdfast.report.images.embedded import document as document
    from holdfast.report.images.gallery import Gallery as Gallery
    from holdfast.report.images.gallery import galleries as galleries
    from holdfast.report.images.pictures import TITLES as TITLES
    from holdfast.report.images.pictures import Pictures as Pictures
    from holdfast.report.images.pictures import gather as gather
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
