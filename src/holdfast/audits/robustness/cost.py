"""What the robustness audit costs: the passes of its attacks, drifts and corruptions."""

from dataclasses import replace

from holdfast.attacks import ATTACKS, Passes
from holdfast.audits.robustness.cascade import all_pixels, cascade, ensemble
from holdfast.audits.robustness.heads import training_passes
from holdfast.audits.subject import Options, Speed
from holdfast.data.corruptions import CORRUPTIONS, STRENGTHS

CYCLING = 100
"""Steps of PGD in l-infinity that are counted, at most: of 1,000 few images take more before they go round in a circle,
see docs/attacks.md."""


def robustness_passes(options: Options, images: int, classes: int = 10) -> Passes:
    """Passes of an image that the robustness audit makes if nothing breaks, over all images and budgets."""
    attacked = min(images, options.attack_images)
    both, forward = training_passes(options)
    both += attacked  # each is looked at once for a gradient
    both += len(all_pixels(options)) * options.drift_steps * min(attacked, options.drift_images)
    for pixels in all_pixels(options):
        for name, means in cascade(options, pixels, classes).items():
            if options.attack_norm == "linf":
                means = replace(means, steps=min(means.steps, CYCLING))
            sampled = ATTACKS[name].meets == "sample" and name not in ensemble(options, pixels)
            met, passes = min(attacked, options.square_images) if sampled else attacked, ATTACKS[name].passes(means)
            both, forward = both + met * passes.both, forward + met * passes.forward
    corrupted = len(CORRUPTIONS) * len(STRENGTHS) * min(attacked, options.corruption_images)
    return Passes(both, forward + corrupted)


def robustness_seconds(options: Options, images: int, speed: Speed) -> float:
    """Seconds of those passes."""
    passes = robustness_passes(options, images)
    return passes.both * speed.both + passes.forward * speed.forward
