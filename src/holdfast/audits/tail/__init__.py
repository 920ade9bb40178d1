"""Tail: how the rare are served, measured without labels."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.tail.audit import TAIL as TAIL
    from holdfast.audits.tail.audit import tail as tail
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
