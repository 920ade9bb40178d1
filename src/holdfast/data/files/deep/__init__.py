"""Pixels of more than 8 bits: their values as stored, in every format, and one scale for a whole collection."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.files.deep.scales import Ranges as Ranges
    from holdfast.data.files.deep.scales import Reach as Reach
    from holdfast.data.files.deep.scales import UnscaledError as UnscaledError
    from holdfast.data.files.deep.scales import array_pixels as array_pixels
    from holdfast.data.files.deep.scales import given_ranges as given_ranges
    from holdfast.data.files.deep.scales import ranges_of as ranges_of
    from holdfast.data.files.deep.scales import reach_in as reach_in
    from holdfast.data.files.deep.scales import said as said
    from holdfast.data.files.deep.scales import scaled as scaled
    from holdfast.data.files.deep.scientific import opened as opened
    from holdfast.data.files.deep.stored import carrier as carrier
    from holdfast.data.files.deep.stored import deep_values as deep_values
    from holdfast.data.files.deep.tiff import mend_palette as mend_palette
    from holdfast.data.files.deep.tiff import page_values as page_values
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
