"""Where images come from: SOURCES, one file and one class for each kind, their labels and columns."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.sources.kinds import SOURCES as SOURCES
    from holdfast.data.sources.load import factor_targets as factor_targets
    from holdfast.data.sources.load import load_images as load_images
    from holdfast.data.sources.load import relabelled as relabelled
    from holdfast.data.sources.load import source_of as source_of
    from holdfast.data.sources.load import view_maker as view_maker
    from holdfast.data.sources.source import Items as Items
    from holdfast.data.sources.source import Source as Source
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
