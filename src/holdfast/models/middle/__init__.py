"""Middle layers of an encoder: maps of features that still have places."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.models.middle.maps import feature_map as feature_map
    from holdfast.models.middle.maps import map_shape as map_shape
    from holdfast.models.middle.maps import require_sizes as require_sizes
    from holdfast.models.middle.maps import take_any_size as take_any_size
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
