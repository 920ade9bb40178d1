"""Robustness: attacks and corruptions of test images."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.audits.robustness.audit import ROBUSTNESS as ROBUSTNESS
    from holdfast.audits.robustness.audit import robustness as robustness
    from holdfast.audits.robustness.cost import robustness_passes as robustness_passes
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
