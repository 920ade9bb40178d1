"""What the list of audits says of each: what measures it, what it needs, and what it costs beside shared features."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holdfast.audits.subject.studies import unusable_study
from holdfast.audits.subject.subject import Subject
from holdfast.evaluation.feature_table import FeatureTable
from holdfast.findings import Finding
from holdfast.models import OnnxEncoder
from holdfast.options import Options
from holdfast.runs import RunFolder

Lack = tuple[str, str] | None
"""What a subject would need to be measured, and the remedy; None: nothing."""


@dataclass(frozen=True)
class Speed:
    """Seconds for an image."""

    forward: float
    both: float
    """Forward and backward, to the pixels and through all weights' layers."""
    busy: float = 1.0
    """How many times longer than on a machine with nothing else to do."""


def lacks_nothing(subject: Subject) -> Lack:
    """What an audit that any subject allows lacks."""
    return None


def lacks_pixels(subject: Subject) -> Lack:
    """What an audit that changes pixels lacks."""
    if not isinstance(subject.encoder, FeatureTable):
        return None
    return "an encoder and its images (features alone were given)", "audit the encoder instead of its features"


def lacks_views(subject: Subject) -> Lack:
    """What an audit that compares an image with itself, changed, lacks."""
    encoder = subject.encoder
    if not isinstance(encoder, FeatureTable) or encoder.changes or encoder.views is not None:
        return None
    return (
        "an encoder and its images, or features of views (features of the images alone were given)",
        "add columns view_NAME with the features of the changed images, or views with those of random views",
    )


def lacks_gradients(subject: Subject) -> Lack:
    """What an audit that follows gradients to the pixels lacks."""
    if any(isinstance(module, OnnxEncoder) for module in subject.encoder.modules()):
        return (
            "an encoder that gradients flow through (an ONNX file has none, so no attack can follow one)",
            "audit the network that the file was exported from",
        )
    return lacks_pixels(subject)


def lacks_labels(subject: Subject) -> Lack:
    """What an audit that compares with labels lacks."""
    if subject.pool.labels is not None and subject.test.labels is not None:
        return None
    single = subject.facts.get("single_class")
    if single is not None:
        return f"two classes or more (all are {single!r})", "add other classes"
    return "labels of pool and test images", "add a label column"


def lacks_pairs(subject: Subject) -> Lack:
    """What an audit of encoder pairs lacks."""
    if subject.pairs is not None:
        return None
    instead = unusable_study(RunFolder(Path(subject.source)).study, subject.source)
    text = instead or "pairs of encoders trained with and without certain images"
    return text, "train them with: holdfast memorization RUN"


@dataclass(frozen=True)
class Audit:
    """An entry of AUDITS; called, it measures. Its docstring and module are those of its function."""

    measure: Callable[[Subject], Finding]
    lacks: Callable[[Subject], Lack] = lacks_nothing
    """What a subject lacks for it."""
    cost: Callable[[Subject, Speed], float] = lambda subject, speed: 0.0
    """Seconds of the passes that it alone makes, those that budgets limit apart."""
    spends: Callable[[Options, int, Speed], float] = lambda options, images, speed: 0.0
    """Seconds of what budgets limit, for so many test images, at most."""
    long: bool = False
    """Whether it takes more than a pass or two over the images, so that an estimate is worth its two seconds."""

    def __post_init__(self) -> None:
        vars(self).update(__doc__=self.measure.__doc__, __module__=self.measure.__module__)

    def __call__(self, subject: Subject) -> Finding:
        return self.measure(subject)
