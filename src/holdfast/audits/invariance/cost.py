"""What the invariance audit costs: images at each strength, derivatives, and the views it averages over."""

from holdfast.audits.invariance.transformations import GRADED
from holdfast.audits.subject import Options, Speed, Subject

DERIVATIVE = 3.0
"""Forward passes that a directional derivative takes: dual numbers through every layer, and the features themselves."""


def averaging_seconds(subject: Subject, speed: Speed) -> float:
    """Seconds of the views that features are averaged over."""
    return speed.forward * 2 * subject.options.average * (len(subject.pool) + len(subject.test))


def invariance_seconds(options: Options, images: int, speed: Speed) -> float:
    """Seconds of moving so many test images, or as many as the options take."""
    strengths = sum(len(graded.strengths) for graded in GRADED)
    return min(images, options.shift_images) * speed.forward * (1 + strengths + DERIVATIVE * len(GRADED))
