"""The speed run: CIFAR-10 without labels, from uint8 pixels in memory to weights, by the clock; each trick off once."""

from dataclasses import replace
from functools import partial
from typing import Any

from gpu_steps.bench import Bench, Part, Result, Step
from gpu_steps.training import audit_seconds, clocked, quality_of, run_seconds
from holdfast import RECIPES, SimCLRConfig, ViewSettings
from holdfast.config import RunConfig

MAIN, OTHER = "simclr/cifar10_speedrun", "emp-ssl/cifar10_speedrun"
SEEDS = 5
TINY_SEEDS = 1


def without(config: RunConfig) -> dict[str, RunConfig]:
    """The recipe with each of its tricks switched off once, at equal passes."""
    views = config.views
    return {
        "SGD": replace(config, optimizer="sgd", lr=0.5, weight_decay=1e-4),
        "two views": replace(config, method=SimCLRConfig(), epochs=2 * config.epochs),
        "views of the full size": replace(config, views=replace(views, view_size=None)),
        "views that never grow": replace(config, views=replace(views, view_grow=0.0)),
        "SimCLR's own crops": replace(config, views=replace(ViewSettings(), view_size=views.view_size)),
        "random first filters": replace(config, whiten=False),
    }


def plain(config: RunConfig) -> RunConfig:
    """SimCLR with no trick, at equal passes: what the tricks are compared with."""
    base = RECIPES["simclr/cifar10_lt"]()
    kept: dict[str, Any] = {
        name: getattr(config, name) for name in ("data", "holdout", "encoder", "stem", "image_size")
    }
    return replace(base, long_tail=None, epochs=2 * config.epochs, batch_size=config.batch_size, **kept)


def sized(config: RunConfig, bench: Bench) -> RunConfig:
    """The run as the bench has it: nothing but training, and tiny where everything is."""
    config = replace(config, signals_every=0, checkpoint_steps=10**9, **bench.network())
    if not bench.tiny:
        return config
    views = replace(config.views, view_size=8 if config.views.view_size else None)
    return replace(config, views=views, epochs=1, batch_size=32, precision="32", compile=False)


def _look(config: RunConfig, bench: Bench) -> float:
    config = sized(config, bench)
    return run_seconds(config, bench, images=len(bench.train)) + audit_seconds(config, bench, ["quality"])


def _measure(config: RunConfig, name: str, bench: Bench) -> Result:
    session, result = clocked(sized(config, bench), bench, name.replace(" ", "-").replace("'", ""))
    return {**result, **quality_of(session.method.encoder, bench)}


def _part(name: str, config: RunConfig, *, rank: int, guess: float, seed: int = 0) -> Part:
    config = replace(config, seed=seed)
    measure = partial(_measure, config, name)
    return Part(name=name, rank=rank, guess=guess, seeds=(seed,), look=partial(_look, config), measure=measure)


def parts(bench: Bench) -> list[Part]:
    """Seed 0, its rivals, more seeds, then every trick off."""
    main, other, count = RECIPES[MAIN](), RECIPES[OTHER](), TINY_SEEDS if bench.tiny else SEEDS
    seeds = [_part(f"seed {seed}", main, rank=0 if seed == 0 else 2, guess=60, seed=seed) for seed in range(count)]
    rivals = [
        _part("compiled", replace(main, compile=True), rank=1, guess=100),
        _part("EMP-SSL with the same tricks", other, rank=1, guess=60),
        _part("SimCLR without tricks", plain(main), rank=3, guess=300),
    ]
    return [*seeds, *rivals, *(_part(f"without: {n}", c, rank=4, guess=70) for n, c in without(main).items())]


SPEEDRUN = Step(
    name="speedrun",
    what="CIFAR-10 without labels: seconds from uint8 pixels in memory to weights, then a linear probe",
    parts=parts,
)
