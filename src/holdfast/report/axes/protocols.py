"""How each axis was measured, in a few facts: what a number may not be quoted without."""

from collections.abc import Sequence

from holdfast.report.collect import Encoder
from holdfast.report.wording import setting

_COMMON = (("Test images", "test_images"), ("Of", "test"), ("Seed", "seed"))
_PROBE = (("Probe", "protocol"), ("Probe images", "probe_images"), ("Fitted on", "probe_on"))
_PAIRED = (("Pairs of encoders", "pairs"), ("Scored images", "scored_images"), ("Views of each", "scored_views"))
_FACTS: dict[str, Sequence[tuple[str, str]]] = {
    "quality": (*_COMMON, *_PROBE, ("Nearest neighbours", "knn")),
    "balance": (*_COMMON, *_PROBE, ("Group rule", "group_rule"), ("Groups", "groups")),
    "tail": (
        *_COMMON,
        ("Rare against", "reference"),
        ("Of these", "reference_images"),
        ("Neighbours", "neighbours"),
        ("Images with views", "viewed_images"),
        ("Clusters", "clusters"),
    ),
    "robustness": (
        ("Attacked images", "attacked_images"),
        ("Norm", "attack_norm"),
        ("Budgets", "attack_eps"),
        ("Steps of PGD", "attack_steps"),
        ("Restarts", "attack_restarts"),
        ("Images for Square", "square_images"),
        ("Queries of Square", "square_queries"),
        ("Head under attack", "attack_head"),
        ("Budget of time", "budget"),
        ("Seed", "seed"),
    ),
    "invariance": (
        ("Moved images", "shift_images"),
        ("Whitened on images", "whitening_images"),
        ("Rank of the whitening", "whitening_rank"),
        ("Budget of time", "budget"),
        ("Seed", "seed"),
    ),
    "memorization": (*_PAIRED, ("Measured on", "measured_on"), ("Seed", "seed")),
    "privacy": (*_PAIRED, ("Measured on", "measured_on"), ("Seed", "seed")),
}
_EXPLAINED = {
    "quality": "A linear classifier and a vote of nearest neighbours on frozen features; and, without labels, how the "
    "features spread.",
    "balance": "The same classifier’s accuracy by class, and by groups of classes with many, a medium number and few "
    "training images. Every class counts once.",
    "tail": "Without labels: an image is rare where few training images are near it. Are two views of a rare image as "
    "close, and among the same neighbours, as those of a common one?",
    "robustness": "The attacker sees everything and may change every pixel by up to the budget. An image counts as "
    "broken as soon as any attack at this or a smaller budget broke it.",
    "invariance": "Test images are moved by nine transformations, weakly to strongly, and their features compared with "
    "those of the image as it is, after whitening so that every direction counts alike.",
    "memorization": "Pairs of encoders are trained with (f) and without (g) the same candidate images. What f brings "
    "closer together than g, beyond what both do to images that neither saw, was memorised.",
    "privacy": "An attacker sees features and guesses which images were trained on. Members are candidates, others "
    "external images that neither encoder saw.",
}


def explained(audit: str) -> str:
    """How the audit measures, in a sentence or two; nothing for an audit that is not known."""
    return _EXPLAINED.get(audit, "")


def protocol(encoders: Sequence[Encoder], audit: str) -> list[tuple[str, str]]:
    """The settings that an audit was run with, several where encoders differ."""
    findings = [member.findings[audit] for encoder in encoders for member in encoder.with_finding(audit)]
    facts = []
    for name, key in _FACTS.get(audit, _COMMON):
        values = [f.settings[key] for f in findings if f.settings.get(key) is not None]
        said = dict.fromkeys(f"{v:,}" if type(v) is int and key != "seed" else setting(v) for v in values)
        if said:
            facts.append((name, " · ".join(said)))
    return facts
