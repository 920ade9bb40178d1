"""Runs on a GPU: what one will take, trained by the clock, and how good its features are."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gpu_steps.bench import Bench, Result
from holdfast import audit
from holdfast.audits import Known, Options, measure_speed, planned, prepare
from holdfast.config import RunConfig
from holdfast.data import epoch_batches, steps_per_epoch
from holdfast.engine import loop
from holdfast.engine.checkpoint import Position
from holdfast.engine.meter import Meter
from holdfast.engine.probe import measure_cost
from holdfast.engine.session import Session
from holdfast.engine.speed import memory_session
from holdfast.findings import Finding
from holdfast.methods import build
from holdfast.models import create_encoder

GFLOP = 3.34
"""Of a forward and a backward of ResNet-18 with the small stem on a view of 32 pixels: 3 × 2 × 0.556 G products."""


def grown_epochs(config: RunConfig) -> int:
    """Epochs whose views have the full size."""
    views = config.views
    return config.epochs if views.view_size is None else config.epochs - round((1 - views.view_grow) * config.epochs)


def run_seconds(config: RunConfig, bench: Bench, *, images: int) -> float:
    """What a run will take here: a few real steps, small views and full ones apart, times their number.

    Setting up and the first steps of the run take about as long as this look, which is added. Known after the first
    look for runs that differ in their seed alone.
    """
    key = f"{replace(config, seed=0)} {images}"
    if key not in bench.known:
        start = time.perf_counter()
        seconds = _step_seconds(config, images)
        bench.known[key] = seconds + time.perf_counter() - start
    return bench.known[key]


def _step_seconds(config: RunConfig, images: int) -> float:
    assert config.image_size is not None
    batches, grown = steps_per_epoch(images, config.batch_size), grown_epochs(config)
    full = replace(config, views=replace(config.views, view_size=None))
    seconds = 0.0
    for epochs, looked_at in ((config.epochs - grown, config), (grown, full)):
        if epochs:
            seconds += epochs * batches * measure_cost(looked_at, image_size=config.image_size).seconds
    return seconds


def audit_seconds(config: RunConfig, bench: Bench, axes: Sequence[str], **options: Any) -> float:
    """What an audit of such an encoder will take, as the audit command estimates it from timed passes."""
    key = f"{config.encoder} {axes} {options}"
    if key not in bench.known:
        assert config.image_size is not None
        encoder = create_encoder(config.encoder, image_size=config.image_size, stem=config.stem).to(bench.device)
        chosen = Options(device=str(bench.device), **options)
        told_apart = Known(validation_ids=bench.chosen_on)
        known = prepare(encoder, bench.train, bench.test, told_apart, name=None, pairs=None, options=chosen)
        speed = measure_speed(encoder, config.image_size, chosen)
        bench.known[key] = sum(planned(known, axes, speed).values())
    return bench.known[key]


def synchronise() -> None:
    """Waits for the GPU, where there is one: a clock read before would not know what it is still doing."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def clocked(config: RunConfig, bench: Bench, name: str) -> tuple[Session, Result]:
    """Trains a run from uint8 pixels in memory to weights, by the clock; compilation and first kernels stand apart."""
    session = memory_session(replace(config, data=bench.source), bench.train, bench.fresh(name))
    warmed = _warmed(session)
    synchronise()
    start = time.perf_counter()
    loop.run(session, Position())
    synchronise()
    seconds = time.perf_counter() - start
    return session, {
        "training_seconds": round(seconds, 2),
        "warm_up_seconds": round(warmed, 2),
        **size_of(config, bench),
    }


def _warmed(session: Session) -> float:
    """Seconds of one step at each size of views, after which weights, statistics and momentum are as they were."""
    start = time.perf_counter()
    saved = {name: value.clone() for name, value in session.method.state_dict().items()}
    images, config = session.pool.train.to(session.fabric.device), session.config
    session.stream.train()
    for epoch in {0, config.epochs - 1}:
        batches = epoch_batches(images, seed=config.seed, epoch=epoch, batch_size=config.batch_size)
        loop._train_batch(session, Position(), next(batches), Meter(Position()))
    session.method.load_state_dict(saved)
    inside = getattr(session.optimizer, "optimizer", session.optimizer)
    inside.state.clear()
    synchronise()
    return time.perf_counter() - start


def size_of(config: RunConfig, bench: Bench) -> Result:
    """How much a run computes: views, and products of ResNet-18 where that is the network."""
    assert config.image_size is not None
    each = build(config, image_size=config.image_size).passes_per_image * len(bench.train)
    grown = grown_epochs(config)
    small = (config.views.view_size or config.image_size) / 32
    pixels = (config.epochs - grown) * small**2 + grown * (config.image_size / 32) ** 2
    return {
        "epochs": config.epochs,
        "passes": each * config.epochs,
        "petaflop": None if bench.tiny else round(each * pixels * GFLOP / 1e6, 2),
    }


def quality_of(encoder: nn.Module | str | Path, bench: Bench) -> Result:
    """Linear and nearest-neighbour accuracy, in percent, of features of the one untouched image."""
    start = time.perf_counter()
    places = {"test": bench.test, "validation_ids": bench.chosen_on, "device": str(bench.device)}
    (finding,) = audit(encoder, bench.train, axes=["quality"], **places)
    names = ("linear_accuracy", "knn_accuracy", "effective_rank")
    return {**scores_of(finding, names), "probe_seconds": round(time.perf_counter() - start, 2)}


def scores_of(finding: Finding, names: tuple[str, ...] | None = None) -> Result:
    """Values and intervals of a finding's scores, by name."""
    chosen = [score for score in finding.scores if names is None or score.name in names]
    return {score.name: {"value": score.value, "interval": score.interval} for score in chosen}


def told(event: Any) -> None:
    """The listener of runs here: nobody looks at each epoch."""
