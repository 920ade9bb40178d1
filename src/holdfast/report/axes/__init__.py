"""What the report knows of each axis: headline, limits, shortlist, protocol."""

from typing import TYPE_CHECKING

from holdfast.lazy import lazy_names

if TYPE_CHECKING:
    from holdfast.report.axes.base import AXES as AXES
    from holdfast.report.axes.base import Axis as Axis
    from holdfast.report.axes.base import Kind as Kind
    from holdfast.report.axes.headlines import Headline as Headline
    from holdfast.report.axes.headlines import headline as headline
    from holdfast.report.axes.headlines import kind_of as kind_of
    from holdfast.report.axes.headlines import worst_group as worst_group
    from holdfast.report.axes.limits import LIMITS as LIMITS
    from holdfast.report.axes.limits import Key as Key
    from holdfast.report.axes.limits import Limit as Limit
    from holdfast.report.axes.limits import load_limits as load_limits
    from holdfast.report.axes.limits import verdict as verdict
    from holdfast.report.axes.memorization import conclusions as conclusions
    from holdfast.report.axes.memorization import trustworthy as trustworthy
    from holdfast.report.axes.numbers import slug as slug
    from holdfast.report.axes.protocols import explained as explained
    from holdfast.report.axes.protocols import protocol as protocol
    from holdfast.report.axes.shortlists import audits_of as audits_of
    from holdfast.report.axes.shortlists import shortlist as shortlist
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
