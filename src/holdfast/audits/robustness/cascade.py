"""Which attacks meet the images at a budget, in their order, and what each may spend."""

from collections.abc import Mapping

from holdfast.attacks import ATTACKS, VERSIONS, Means
from holdfast.attacks.listing import REPEATS, STARTS
from holdfast.audits.subject import Options
from holdfast.budgets import auto_attack_eps, parse_eps

ENSEMBLES = {"none": (), "targeted": ("apgd-t",), **VERSIONS}
"""By --auto-attack."""
ALWAYS = ("pgd", "restarts", "square")
"""At every budget, where the options give them means."""


def ensemble(options: Options, pixels: float) -> tuple[str, ...]:
    """The attacks of AutoAttack that run at a budget."""
    where = auto_attack_eps(options.auto_attack_eps, options.attack_eps, options.attack_norm)
    return ENSEMBLES[options.auto_attack] if pixels in where else ()


def step_length(options: Options, pixels: float) -> float:
    """Length of a step of PGD at a budget, in pixels."""
    if options.attack_step is not None:
        return options.attack_step
    return 0.01 if options.attack_norm == "linf" else 2.5 * pixels / max(1, options.attack_steps)


def cascade(options: Options, pixels: float, classes: int) -> Mapping[str, Means]:
    """By attack that runs at a budget, in the order of ATTACKS: its means.

    Raises ValueError for a name that is none.
    """
    part = ensemble(options, pixels)
    means = Means(
        step_length=step_length(options, pixels),
        steps=options.attack_steps,
        restarts=options.attack_restarts,
        queries=5000 if "square" in part else options.square_queries,
        iterations=options.apgd_steps,
        targets=options.attack_targets,
        starts=STARTS.get(options.auto_attack, 1),
        repeats=REPEATS.get(options.auto_attack, 1),
        classes=classes,
    )
    for name in options.attacks:
        if name not in ATTACKS:
            raise ValueError(f"expected attacks of {', '.join(ATTACKS)}, got {name!r}; choose among them")
    chosen = {*ALWAYS, *part, *options.attacks}
    return {name: means for name, entry in ATTACKS.items() if name in chosen and any(entry.passes(means))}


def all_pixels(options: Options) -> list[float]:
    """The budgets in pixels, ascending."""
    return [pixels for _, pixels in parse_eps(options.attack_eps, options.attack_norm)]
