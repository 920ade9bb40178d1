"""Encoders side by side: paired differences, what may be compared, the summary."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.comparison.differences import Difference as Difference
    from holdfast.report.comparison.differences import difference as difference
    from holdfast.report.comparison.differences import incomparable as incomparable
    from holdfast.report.comparison.differences import made_alike as made_alike
    from holdfast.report.comparison.differences import not_comparable as not_comparable
    from holdfast.report.comparison.pairwise import apart_sentences as apart_sentences
    from holdfast.report.comparison.pairwise import apart_summary as apart_summary
    from holdfast.report.comparison.pairwise import shortlisted as shortlisted
    from holdfast.report.comparison.summary import cautions as cautions
    from holdfast.report.comparison.summary import facts as facts
    from holdfast.report.comparison.summary import sentences as sentences
    from holdfast.report.comparison.summary import title as title
    from holdfast.report.comparison.trade_offs import CAPTION as CAPTION
    from holdfast.report.comparison.trade_offs import trade_off_plots as trade_off_plots
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
