"""Images on the page: galleries, the map and what is said of each image."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.images.embedded import as_script as as_script
    from holdfast.report.images.embedded import document as document
    from holdfast.report.images.fields import Field as Field
    from holdfast.report.images.fields import joined_by_id as joined_by_id
    from holdfast.report.images.gallery import MOST as MOST
    from holdfast.report.images.gallery import STRIP as STRIP
    from holdfast.report.images.gallery import Gallery as Gallery
    from holdfast.report.images.listing import galleries as galleries
    from holdfast.report.images.pictures import gather as gather
    from holdfast.report.images.readers import PerImage as PerImage
    from holdfast.report.images.sets import TITLES as TITLES
    from holdfast.report.images.sets import Pictures as Pictures
    from holdfast.report.images.sets import View as View
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
