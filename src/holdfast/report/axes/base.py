"""What an axis is: all that the report knows of one audit. A new audit is a file here and a line in AXES."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes.numbers import Number
from holdfast.report.cells import Table
from holdfast.report.collect import Encoder, Measured
from holdfast.report.images import PerImage
from holdfast.report.paired import Sample
from holdfast.report.plots import Plot
from holdfast.statistics import Estimate, Measure

Key = tuple[str, str]
"""Audit and score."""

COMMON = (("Test images", "test_images"), ("Of", "test"), ("Seed", "seed"))
PROBE = (("Probe", "protocol"), ("Probe images", "probe_images"), ("Fitted on", "probe_on"))
PROBED = ("protocol", "probe_lr_drop", "probe_on", "probe_images", "probe_identity")
"""What decides a probe beside the features."""
PAIRED = (
    *(("Pairs of encoders", "pairs"), ("Scored images", "scored_images"), ("Views of each", "scored_views")),
    *(("Measured on", "measured_on"), ("Seed", "seed")),
)
"""COMMON, PROBE and PAIRED are settings that several axes quote beside their numbers: (words, setting)."""


@dataclass(frozen=True)
class Limit:
    """A limit on one score: beyond it the verdict is 'watch'."""

    most: float | None = None
    """Largest value that is fine, in the score's unit."""
    least: float | None = None
    """Smallest value that is fine, in the score's unit."""
    least_share_of: tuple[str, float] | None = None
    """Another number of the same axis, and the smallest share of it that is fine."""
    reason: str = ""
    spoiled_by: tuple[str, ...] = ()
    """Other scores of this axis, or 'near_collapse' of its settings: anything above 0 there means that this one is not
    to be believed, so never fine."""
    over_splits: bool = False
    """Whether it is for the mean over several splits alone: one split says which classes were drawn as rare."""
    surely: bool = False
    """Whether a number is beyond it only where its whole interval is."""
    share_of: str = ""
    """The setting that counts the images of which this number, printed without an interval, is a share: it is fine only
    where so many images can tell."""
    means: str = ""
    """What a number beyond it means in a word or two, for the page's first sentence; mostly nothing."""

    def bounds(self, known: Mapping[str, float]) -> tuple[float | None, float | None]:
        """(least, most) in the score's unit; known has the axis's other values by name."""
        least = self.least
        if self.least_share_of is not None and self.least_share_of[0] in known:
            name, share = self.least_share_of
            least = max(share * known[name], -float("inf") if least is None else least)
        return least, self.most


@dataclass(frozen=True, kw_only=True)
class HeadlineMeasure:
    """One way to sum an axis up in a number; an axis has several, the best first."""

    name: str
    """The limit's name, as --limits has it."""
    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    range: tuple[float | None, float | None]
    """Lowest and highest possible value: intervals are cut to it."""
    scale: tuple[float, float] | None
    """Ends of the card's scale; None: round numbers about what was measured."""
    meaning: str
    of: Callable[[Finding], Number | None]
    no_interval: str = ""
    """Why a number stands without an interval, where it does."""


@dataclass(frozen=True, kw_only=True)
class Second:
    """A second number on the card."""

    name: str
    """The limit's name, as --limits has it."""
    words: str
    """What stands before it; {} is what `of` says of it."""
    of: Callable[[Encoder], tuple[str, Estimate] | None]
    """What the number is of, in words, and the number in percent."""


@dataclass(frozen=True)
class Section:
    """Scores that belong together: one audit and one probe."""

    audit: str
    title: str
    prefix: str = ""
    """What the names of its scores begin with; nothing: those that belong to no other section."""
    must_match: Sequence[str] = ()
    """Settings that must be equal for these scores to be compared, beside those of the axis."""


@dataclass(frozen=True)
class Drawing:
    """What makes plots that belong together, and the caption under them."""

    make: Callable[[Sequence[Encoder]], Sequence[Plot]]
    caption: str


def no_tables(encoders: Sequence[Encoder]) -> list[Table]:
    """For axes whose only tables are those of their scores."""
    return []


def no_conclusions(finding: Finding) -> list[str]:
    """For axes whose numbers speak for themselves."""
    return []


def no_others(member: Measured, score: str) -> tuple[np.ndarray, Measure] | None:
    """For axes whose scores are means over images, which `sample` gives."""
    return None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An audit as the report shows it: on the page, in the terminal, in comparisons and on cards."""

    audit: str
    title: str
    question: str
    """What the page asks."""
    explained: str
    """How the audit measures, in a sentence or two."""
    command: str
    """What measures it; RUN stands for the encoder."""
    needs: Literal["images", "labels", "pairs", "members"]
    """What it cannot be measured without: images alone, their labels, pairs of encoders, or members and non-members."""

    measures: Sequence[HeadlineMeasure]
    """What stands on the card, the best first."""
    second: Second | None = None
    limits: Mapping[str, Limit]
    """By name of a headline measure or a score."""

    labels: Mapping[str, str]
    """Scores in words, by name; others are spelt as they are named."""
    counted: Mapping[str, str] = field(default_factory=dict)
    """By pattern of names of scores, what they are a share or a mean of, where others of a like name are of something
    else: stands beside the unit."""
    shortlist: Sequence[str]
    """Patterns of names of the scores that stand for the axis in tables, comparisons and cards, the most telling
    first."""
    shortlist_most: int | None = None
    """How many of them, at most; None: all that were measured."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """By a score that stands for the axis: another that it is never shown without, such as what guessing gives."""
    top: Sequence[str]
    """Scores that the page's first sentences are about, the most telling first."""
    sections: Sequence[Section]
    open_scores: int = 12
    """Scores of a section that stand open; the others are behind a fold."""
    precedence: int = 1
    """Place among all axes in tables and sentences, lowest first; equal ones stand in the order of the page."""

    facts: Sequence[tuple[str, str]]
    """(words, setting) without which a number may not be quoted."""
    must_match: Sequence[str]
    """Settings that must be equal for two encoders to be compared, beside those that all audits share."""
    remedy: str
    """What makes two encoders comparable."""
    sample: Callable[[Measured, Finding, str], Sample | None]
    """A score's values by image; None where no columns hold them."""
    alone: Callable[[Measured, str], tuple[np.ndarray, Measure] | None] = no_others
    """For scores that are no means: (ids of the images, the number with its 97.5 % interval)."""
    paired_over: str = "test images (paired, Student's t)"
    """What the interval of a difference over images is over."""

    drawings: Sequence[Drawing]
    tables: Callable[[Sequence[Encoder]], Sequence[Table]] = no_tables
    """Beside those of the scores."""
    per_image: PerImage | None
    """What the audit knows of each image; None: nothing that an image could be looked up for."""
    conclusions: Callable[[Finding], Sequence[str]] = no_conclusions
    """Sentences to stand beside the numbers."""
    beneath: Callable[[Finding], Sequence[str]] = no_conclusions
    """Those of them that stand under the terminal's table too."""
