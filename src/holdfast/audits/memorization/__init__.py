"""Memorization: what pairs of encoders trained with and without an image say of it."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.memorization.audit import MEMORIZATION as MEMORIZATION
    from holdfast.audits.memorization.audit import memorization as memorization
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
