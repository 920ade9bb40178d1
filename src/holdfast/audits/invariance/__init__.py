"""Invariance: how features move as test images are transformed."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.invariance.audit import INVARIANCE as INVARIANCE
    from holdfast.audits.invariance.audit import invariance as invariance
    from holdfast.audits.invariance.transformations import GRADED as GRADED
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
