"""Random views: drawn as parameters, applied as arithmetic."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.views.augment import Parameters as Parameters
    from holdfast.data.views.augment import apply as apply
    from holdfast.data.views.augment import order_keys as order_keys
    from holdfast.data.views.augment import sample as sample
    from holdfast.data.views.colour import adjust_brightness as adjust_brightness
    from holdfast.data.views.colour import adjust_contrast as adjust_contrast
    from holdfast.data.views.colour import adjust_hue as adjust_hue
    from holdfast.data.views.colour import adjust_saturation as adjust_saturation
    from holdfast.data.views.draw import Views as Views
    from holdfast.data.views.draw import joined as joined
    from holdfast.data.views.draw import make_views as make_views
    from holdfast.data.views.draw import of_images as of_images
    from holdfast.data.views.draw import picked as picked
    from holdfast.data.views.draw import side_of_views as side_of_views
    from holdfast.data.views.extra import OPERATIONS as OPERATIONS
    from holdfast.data.views.extra import extra_operations as extra_operations
    from holdfast.data.views.frames import Frame as Frame
    from holdfast.data.views.frames import two_frames as two_frames
    from holdfast.data.views.nuisance_views import Nuisances as Nuisances
    from holdfast.data.views.nuisance_views import nuisances as nuisances
    from holdfast.data.views.nuisance_views import spirograph_views as spirograph_views
    from holdfast.data.views.resample import blur_radius as blur_radius
    from holdfast.data.views.resample import gaussian_blur as gaussian_blur
    from holdfast.data.views.resample import resized as resized
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
