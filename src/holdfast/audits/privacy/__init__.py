"""Privacy: what an attacker tells from features: what was trained on, and attributes of the images."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.privacy.audit import PRIVACY as PRIVACY
    from holdfast.audits.privacy.audit import privacy as privacy
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
