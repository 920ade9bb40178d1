"""What the robustness audit costs: the passes of its attacks, drifts and corruptions."""

from holdfast.attacks import ATTACKS, Means, Passes
from holdfast.audits.robustness.heads import head_schedule
from holdfast.audits.subject import Options, Speed
from holdfast.budgets import parse_eps
from holdfast.data.corruptions import CORRUPTIONS, STRENGTHS


def robustness_passes(options: Options, images: int) -> Passes:
    """Passes of an image that the robustness audit makes at most, over all images and budgets."""
    budgets = len(parse_eps(options.attack_eps, options.attack_norm))
    attacked = min(images, options.attack_images)
    means = Means(
        step=0.0, steps=options.attack_steps, restarts=options.attack_restarts, queries=options.square_queries
    )
    both = options.attack_steps * min(attacked, options.drift_images)
    gradients = attacked  # each is looked at once for a gradient
    schedule = head_schedule(options)
    trained = 0 if schedule is None else schedule.attacked_images
    gradients += trained * (0 if schedule is None else schedule.steps)
    forward = 0
    for entry in ATTACKS.values():
        met = min(attacked, options.square_images) if entry.meets == "sample" else attacked
        passes = entry.passes(means)
        both, forward = both + met * passes.both, forward + met * passes.forward
    corrupted = len(CORRUPTIONS) * len(STRENGTHS) * min(attacked, options.corruption_images)
    return Passes(budgets * both + gradients, budgets * forward + corrupted + 2 * trained)


def robustness_seconds(options: Options, images: int, speed: Speed) -> float:
    """Seconds of those passes."""
    passes = robustness_passes(options, images)
    return passes.both * speed.both + passes.forward * speed.forward
