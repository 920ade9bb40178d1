"""What a collection of images is like, before anything is trained: `inspect` gives one document of JSON values.

Names load on first use: looking at a folder needs no torch, and so little memory.
"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.inspection.document import advised_config as advised_config
    from holdfast.inspection.document import inspect as inspect
    from holdfast.inspection.document import with_cost as with_cost
    from holdfast.inspection.document import with_first_look as with_first_look
    from holdfast.inspection.first_look import RECIPE as RECIPE
    from holdfast.inspection.steps import next_steps as next_steps
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
