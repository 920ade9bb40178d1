"""The commands as functions, for programs and notebooks."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.api.functions import Inspection as Inspection
    from holdfast.api.functions import card as card
    from holdfast.api.functions import compare as compare
    from holdfast.api.functions import embed as embed
    from holdfast.api.functions import export as export
    from holdfast.api.functions import inspect as inspect
    from holdfast.api.functions import resume as resume
    from holdfast.api.functions import train as train
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
