"""Common corruptions of images, by kind and severity."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.data.corruptions.kinds import CORRUPTIONS as CORRUPTIONS
    from holdfast.data.corruptions.kinds import STRENGTHS as STRENGTHS
    from holdfast.data.corruptions.kinds import corrupt as corrupt
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
