"""Throughput: every method against the bare model on a resident batch, eager, compiled and as a CUDA graph."""

import statistics
import time
from dataclasses import fields, replace
from functools import partial
from typing import Any

import torch

from gpu_steps.bench import Bench, Part, Result, Step
from gpu_steps.training import synchronise
from holdfast import METHODS, PRESETS
from holdfast.config import VIEWS, RunConfig
from holdfast.engine.probe import measure_cost
from holdfast.engine.speed import Contestant, bare_speed, trained_speed
from holdfast.methods import default_config

ROUNDS = 3
OUTSIDE = 0.10
"""Target: share of the time outside the model, at most. A peer's own figure is 0.70."""
NARROW = {"view_count": 2, "head_dim": 8, "prefeature_dim": 16, "predictor_dim": 8, "harmonize_classes": 4}
"""Settings of methods and parts in a tiny run, where they have them."""
COMPILED = ("simclr", "emp-ssl")
"""Methods that are also measured compiled and as CUDA graphs."""


def configuration(name: str, bench: Bench) -> RunConfig:
    """A method at 32 pixels, batch 512, as it trains by default."""
    batch = 8 if bench.tiny else 512
    precision = "32" if bench.tiny else "bf16"
    config = replace(default_config(name), **bench.network(), batch_size=batch, precision=precision, lr=1e-3)
    if not bench.tiny:
        return config
    return replace(config, method=_narrow(config.method), parts=tuple(map(_narrow, config.parts)))


def _narrow(settings: Any) -> Any:
    """A method's or a part's settings, small where they have such."""
    return replace(settings, **{f.name: NARROW[f.name] for f in fields(settings) if f.name in NARROW})


def vision_transformer(bench: Bench) -> RunConfig:
    """SimCLR with ViT-S/16 at 224 pixels."""
    size, encoder, batch = (32, "timm/test_vit", 4) if bench.tiny else (224, "timm/vit_small_patch16_224", 256)
    config = replace(configuration("simclr", bench), encoder=encoder, image_size=size, stem="standard")
    return replace(config, batch_size=batch, views=VIEWS["imagenet"], optimizer="adamw")


def _steps(bench: Bench) -> int:
    return 1 if bench.tiny else 10


def _speeds(contestants: dict[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Views per second: the contestants take turns, after one that warms up."""
    for measure in contestants.values():
        measure()
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            speeds[name].append(measure())
    return speeds


def _measure(config: RunConfig, name: str, bench: Bench) -> Result:
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    steps, folder = _steps(bench), bench.fresh(f"throughput-{name.replace(' ', '-')}")
    contestants = {"own": trained_speed(config, folder, steps=steps), "bare": bare_speed(config, steps=steps)}
    speeds = _speeds(contestants, 1 if bench.tiny else ROUNDS)
    shares = [1 - own / bare for own, bare in zip(speeds["own"], speeds["bare"], strict=True)]
    synchronise()
    peak = torch.cuda.max_memory_allocated() if bench.device.type == "cuda" else None
    return {
        "views_per_second": statistics.median(speeds["own"]),
        "bare_views_per_second": statistics.median(speeds["bare"]),
        "share_outside_the_model": statistics.median(shares),
        "target_share": OUTSIDE,
        "rounds": speeds,
        "batch_size": config.batch_size,
        "precision": config.precision,
        "peak_memory_bytes": peak,
    }


def _graphs(config: RunConfig, name: str, bench: Bench) -> Result:
    """The bare model eager, compiled, and compiled with CUDA graphs, of which a CPU has none."""
    modes: dict[str, dict[str, str]] = {"eager": {}, "compiled": {"compile_mode": "default"}}
    if bench.tiny:  # the same call without generating code, which takes half a minute of a CPU
        modes["compiled"] = {"compile_backend": "eager"}
    else:
        modes["cuda graphs"] = {"compile_mode": "reduce-overhead"}
    steps = _steps(bench)
    contestants = {mode: bare_speed(config, steps=steps, **how) for mode, how in modes.items()}
    speeds = _speeds(contestants, 1 if bench.tiny else ROUNDS)
    return {"bare_views_per_second": {mode: statistics.median(values) for mode, values in speeds.items()}}


def _look(config: RunConfig, rounds: int, bench: Bench) -> float:
    """Rounds of the method and of its model alone, which takes as long at most, warm-ups counted, and setting up."""
    assert config.image_size is not None
    start = time.perf_counter()
    cost = measure_cost(config, image_size=config.image_size).seconds
    setting_up = time.perf_counter() - start  # networks, optimisers and first steps, as the measurement has them
    return setting_up + 2 * (1 + (1 if bench.tiny else rounds)) * _steps(bench) * cost


def _part(name: str, config: RunConfig, *, rank: int, guess: float) -> Part:
    look, measure = partial(_look, config, ROUNDS), partial(_measure, config, name)
    return Part(name=name, rank=rank, guess=guess, look=look, measure=measure)


def parts(bench: Bench) -> list[Part]:
    """SimCLR first; then every other method and preset that needs no teacher, a ViT, and the ways to run the model."""
    names = [*METHODS, *(name for name in PRESETS if name not in METHODS)]
    names = [name for name in names if not hasattr(METHODS[name].Config() if name in METHODS else None, "teacher")]
    found = [
        _part(name, configuration(name, bench), rank=0 if name == "simclr" else 3, guess=15 if name == "simclr" else 40)
        for name in names
    ]
    found.append(_part("simclr, ViT-S/16 at 224 px", vision_transformer(bench), rank=2, guess=20))
    for name in COMPILED:
        config = configuration(name, bench)
        look, measure = partial(_look, config, 3 * ROUNDS), partial(_graphs, config, name)
        found.append(Part(name=f"{name}, compiled", rank=2, guess=120, look=look, measure=measure))
    return found


THROUGHPUT = Step(
    name="throughput",
    what="Views per second of a whole training run against those of its model alone on a resident batch",
    parts=parts,
)
