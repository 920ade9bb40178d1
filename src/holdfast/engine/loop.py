"""The training loop: the only place that runs backward and steps an optimiser on a method's weights.

Events for the listener are dictionaries with a 'kind': 'start', 'step', 'epoch', 'signals', 'checkpoint', 'done'.
"""

import json
import shlex
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from holdfast.data.batches import Batch, epoch_batches, whole_batch
from holdfast.data.images import Images
from holdfast.distributed import join_rows, largest
from holdfast.engine.checkpoint import Position, save_checkpoint, trained
from holdfast.engine.interrupt import Asked, Interrupted, listening
from holdfast.engine.meter import READ_EVERY, Meter
from holdfast.engine.optim import epoch_rate, learning_rate, warmup_steps
from holdfast.engine.session import Session
from holdfast.engine.shares import in_parts
from holdfast.engine.skips import Skips, skipped_by_epoch
from holdfast.engine.tensorboard import tensorboard
from holdfast.evaluation import FEW_IMAGES, lacks_neighbours, live_signals, near_collapse
from holdfast.methods import name_of, to_document
from holdfast.randomness import seeded_library
from holdfast.system import told

CHECKPOINT_SECONDS = 120.0
"""Time between checkpoints where the configuration names no number of steps."""


def run(session: Session, position: Position) -> None:
    """Trains from a position to the end of the run, writing metrics and checkpoints as it goes."""
    meter, session = Meter(position), _with_tensorboard(session, position.step)
    images, buffer = session.pool.train.to(session.fabric.device), session.config.shuffle_buffer
    if buffer:
        images = images.in_blocks(-(-buffer // session.fabric.world_size))
    skips = Skips.of(session.folder.path, session.fabric.global_rank, strict=session.config.strict)
    session.stream.train()
    session.listen({"kind": "start", "step": position.step, **facts(session)})
    with listening() as asked:
        while position.epoch < session.config.epochs:
            if position.batch == 0:
                session.method.start_epoch(position.epoch)
            for batch in _batches(session, position, images, skips):
                _train_batch(session, position, batch, meter)
                if position.batch < session.steps_per_epoch:
                    _stop_where_asked(session, position, meter, asked)
                    if _is_due(session, position, meter):
                        _checkpoint(session, position, meter)
            _end_epoch(session, position, meter)
            if position.epoch < session.config.epochs:
                _stop_where_asked(session, position, meter, asked)
        _checkpoint(session, position, meter)
    skipped = skipped_by_epoch(session.folder.path).total()
    session.listen({"kind": "done", "step": position.step, "seconds": position.seconds, "skipped": skipped})


def _stop_where_asked(session: Session, position: Position, meter: Meter, asked: Asked) -> None:
    """Writes a checkpoint and raises Interrupted once a signal has come, on all ranks after the same step."""
    number = asked.number
    if session.fabric.world_size > 1:
        if position.batch % READ_EVERY and position.batch:
            return
        number = largest(number)
    if not number:
        return
    _checkpoint(session, position, meter)
    run = session.folder.path
    raise Interrupted(
        number,
        f"{run} ended by {signal.Signals(number).name} after step {position.step:,}, with a checkpoint",
        f"holdfast resume {shlex.quote(str(run))}",
    )


def _with_tensorboard(session: Session, step: int) -> Session:
    board = tensorboard(session.folder.path, step, session.listen) if session.fabric.global_rank == 0 else None
    if board is None:
        return session

    def listen(event: Mapping[str, Any]) -> None:
        session.listen(event)
        board(event)

    return replace(session, listen=listen)


def facts(session: Session) -> dict[str, Any]:
    """What a person wants to know when training starts."""
    config, pool = session.config, session.pool
    return {
        "method": name_of(config),
        "data": config.data,
        "images": len(pool.train_ids),
        "counts": None if pool.split is None else list(pool.split.counts),
        "rejected": len(pool.images.rejected),
        "held_out": len(pool.held_out),
        "held_out_kind": pool.held_out_kind,
        "image_size": config.image_size,
        "encoder": config.encoder,
        "stem": config.stem,
        "parameters": sum(parameter.numel() for parameter in session.method.network.parameters()),
        "precision": config.precision,
        "device": f"{session.fabric.device} × {session.fabric.world_size}, {torch.get_num_threads()} threads",
        "epochs": config.epochs,
        "steps_per_epoch": session.steps_per_epoch,
        "total_steps": session.total_steps,
        "parts": {part.word: part.chosen for part in config.parts if part.chosen is not None},
        "passes_per_image": session.method.passes_per_image,
        "passes": session.method.passes_per_image * len(pool.train_ids) * config.epochs,
    }


def _batches(session: Session, position: Position, images: Images, skips: Skips) -> Iterator[Batch]:
    batches = epoch_batches(
        images,
        seed=session.config.seed,
        epoch=position.epoch,
        batch_size=session.config.batch_size,
        rank=session.fabric.global_rank,
        world=session.fabric.world_size,
        first_step=position.batch,
        without=skips.of_epoch(position.epoch),
        buffer=session.config.shuffle_buffer or 0,
    )
    for batch in batches:
        skips.note(batch, position.batch)
        if batch.skipped:
            session.listen({"kind": "skipped", "epoch": position.epoch + 1, "images": batch.skipped})
        yield batch


def _train_batch(session: Session, position: Position, batch: Batch, meter: Meter) -> None:
    losses = session.method.losses(batch)
    for _ in range(session.method.steps_per_batch):
        position.step += 1
        rate = _rate(session, position.step)
        for group in session.optimizer.param_groups:
            group["lr"] = rate
        # Dropout and the like draw globally: keyed by step and rank, so that a resumed run draws the same.
        keys = (position.step, session.fabric.global_rank)
        with seeded_library(session.config.seed, "networks' own draws", *keys, device=session.fabric.device):
            loss = session.stream(losses)
        session.fabric.backward(loss)
        session.optimizer.step()
        session.optimizer.zero_grad()
        session.method.after_step(min(1.0, position.step / session.total_steps))
        if meter.add_loss(loss):
            session.listen({"kind": "step", "step": position.step, "epoch": position.epoch, "loss": meter.mean_loss})
    if next(losses, None) is not None:
        raise RuntimeError(
            f"expected {session.method.steps_per_batch} losses for a batch, got more; set steps_per_batch"
        )
    position.batch += 1
    seen = session.method.views_per_image * session.method.steps_per_batch
    meter.tick(len(batch.ids) * session.fabric.world_size * seen)


def _rate(session: Session, step: int) -> float:
    config = session.config
    if config.schedule == "epochs":
        epoch = (step - 1) // (session.steps_per_epoch * session.method.steps_per_batch)
        return epoch_rate(epoch, epochs=config.epochs, peak=config.lr, ramp=round(config.warmup_epochs))
    # CF-AMC-SSL's authors step the schedule in each replay although its length counts batches, so with 3 replays the
    # rate falls, rises and falls again (softsys4ai/CF-AMC-SSL@ff36114, main_empssl_free_adv.py).
    replays = 1 if session.config.schedule == "authors" else session.method.steps_per_batch
    return learning_rate(
        step,
        total_steps=session.config.epochs * session.steps_per_epoch * replays,
        warmup_steps=warmup_steps(session.config, session.steps_per_epoch) * replays,
        peak=session.config.lr,
        end=session.config.lr_end,
    )


def _end_epoch(session: Session, position: Position, meter: Meter) -> None:
    meter.read()
    position.epoch += 1
    row = {
        "kind": "epoch",
        "epoch": position.epoch,
        "step": position.step,
        "loss": meter.mean_loss,
        "lr": _rate(session, position.step),
        "views_per_second": meter.views_per_second(),
        "seconds": position.seconds,
        **session.method.readings(),
    }
    if skipped := skipped_by_epoch(session.folder.path)[position.epoch]:
        row["skipped"] = skipped
    position.batch, position.loss_sum, position.loss_count = 0, 0.0, 0
    write_metrics(session, row)
    every, last = session.config.signals_every, position.epoch == session.config.epochs
    if every and (last or position.epoch % every == 0):
        _signals(session, position)
    if not last and _is_due(session, position, meter):
        _checkpoint(session, position, meter)
    meter.pause()


@torch.no_grad()
def _signals(session: Session, position: Position) -> None:
    """Whether it learns, on images the run does not train on; weights, statistics and later draws are untouched."""
    held_out = session.pool.held_out
    if len(held_out) < 2 or (session.fabric.global_rank > 0 and not in_parts(session.fabric)):
        return
    held_out = held_out.to(session.fabric.device)
    batch = whole_batch(held_out)
    if batch.skipped:
        first = batch.skipped[0][1]
        text = (
            f"signals without {len(batch.skipped):,} held-out images that cannot be read ({first.path}: {first.reason})"
        )
        session.listen({"kind": "caution", "text": text})
        held_out = held_out.select(batch.ids)
    if len(held_out) < 2:
        return
    views = session.method.make_views(batch, views=2, purpose="signals").images.clamp(0, 1)  # InvCLR's hue may leave it
    values = live_signals(session.method.encoder, views, images=batch.images, labels=held_out.labels)
    reason = None if held_out.labels is None else lacks_neighbours(held_out.labels)
    row = {"kind": "signals", "epoch": position.epoch, "step": position.step, **values}
    write_metrics(session, row if reason is None else row | {"knn_left_out": reason})
    if len(held_out) >= FEW_IMAGES and near_collapse(values):
        session.listen({"kind": "caution", "text": _collapsed(values, last=position.epoch == session.config.epochs)})


def _collapsed(values: dict[str, float], *, last: bool) -> str:
    """What is said of signals near collapse: at the end of a run, and before, when it may not have begun to learn."""
    measured = f"feature std {values['feature_std']:.3f}, effective rank {values['effective_rank']:.1f}"
    said = f"near collapse: all images have nearly the same features ({measured})"
    if not last:
        return f"{said}, as with random weights; if that stays so, lower --lr or take a larger --batch-size"
    return f"{said}: this encoder tells images hardly apart; train longer, lower --lr or take a larger --batch-size"


def write_metrics(session: Session, row: dict[str, Any]) -> None:
    """Adds a row to metrics.jsonl and tells the listener; the first process alone."""
    if session.fabric.global_rank == 0:
        try:
            with session.folder.metrics.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise told(error, session.folder.metrics) from error
        session.listen(row)


def _is_due(session: Session, position: Position, meter: Meter) -> bool:
    steps = session.config.checkpoint_steps
    if steps is not None:
        return position.step % (steps * session.method.steps_per_batch) == 0
    if session.fabric.world_size == 1:
        return meter.since_saved >= CHECKPOINT_SECONDS
    # All ranks bring their state to a checkpoint, so the first rank's clock decides; asked seldom, as all wait for it.
    if position.batch % READ_EVERY:
        return False
    return bool(session.fabric.broadcast(meter.since_saved >= CHECKPOINT_SECONDS))


def _checkpoint(session: Session, position: Position, meter: Meter) -> None:
    meter.read()
    ranks = {name: join_rows(rows) for name, rows in session.method.rank_state().items()}
    first = session.fabric.global_rank == 0
    state = trained(session.method, session.optimizer) if first or in_parts(session.fabric) else None
    if state is not None and first:
        keep = session.config.keep_checkpoints
        path = save_checkpoint(
            session.folder.checkpoints,
            state,
            position,
            ranks=ranks,
            config=to_document(session.config),
            keep=keep,
        )
        session.listen({"kind": "checkpoint", "step": position.step, "path": str(path)})
    meter.saved()
