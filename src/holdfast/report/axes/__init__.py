"""The axes: what the report knows of each audit, one file each. A new audit is a file here and a line in AXES."""

from holdfast.report.axes.balance import BALANCE
from holdfast.report.axes.base import (
    Axis,
    Drawing,
    HeadlineMeasure,
    Key,
    Limit,
    Section,
    no_conclusions,
)
from holdfast.report.axes.duplicates import DUPLICATES
from holdfast.report.axes.equivariance import EQUIVARIANCE
from holdfast.report.axes.headlines import Headline, headline, measure_of
from holdfast.report.axes.invariance import INVARIANCE
from holdfast.report.axes.membership import MEMBERSHIP
from holdfast.report.axes.memorization import MEMORIZATION
from holdfast.report.axes.numbers import notes_of
from holdfast.report.axes.privacy import PRIVACY
from holdfast.report.axes.quality import QUALITY
from holdfast.report.axes.robustness import ROBUSTNESS
from holdfast.report.axes.shortcuts import SHORTCUTS
from holdfast.report.axes.tail import TAIL
from holdfast.report.conclusions import trustworthy
from holdfast.report.samples import no_sample

__all__ = [
    "AXES",
    "Axis",
    "Drawing",
    "Headline",
    "HeadlineMeasure",
    "Key",
    "Limit",
    "Section",
    "headline",
    "measure_of",
    "no_conclusions",
    "no_sample",
    "notes_of",
    "trustworthy",
]

AXES: dict[str, Axis] = {
    "quality": QUALITY,
    "balance": BALANCE,
    "tail": TAIL,
    "robustness": ROBUSTNESS,
    "invariance": INVARIANCE,
    "equivariance": EQUIVARIANCE,
    "shortcuts": SHORTCUTS,
    "duplicates": DUPLICATES,
    "membership": MEMBERSHIP,
    "memorization": MEMORIZATION,
    "privacy": PRIVACY,
}
"""By the audit's command-line name, in the order of the page."""
