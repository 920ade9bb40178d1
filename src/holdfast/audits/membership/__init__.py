"""Membership: can an attacker with this one encoder tell what it was trained on?"""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.membership.audit import MEMBERSHIP as MEMBERSHIP
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
