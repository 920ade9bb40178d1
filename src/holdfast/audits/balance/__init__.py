"""Balance: accuracy by class, by frequency groups and by subgroups of images."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.balance.audit import BALANCE as BALANCE
    from holdfast.audits.balance.audit import balance as balance
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
