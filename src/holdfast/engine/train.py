"""Train and resume: from a configuration or a run folder to a finished run folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from torch import nn

from holdfast.config import RunConfig
from holdfast.data.factors import write_factors
from holdfast.data.files import READ_IN_PART, Paths, write_rejects
from holdfast.data.pool import load_pool, prepare
from holdfast.data.shuffling import shuffle_notes
from holdfast.distributed import make_whole
from holdfast.engine import checkpoint, loop
from holdfast.engine.beginning import give_clusters, loaded_teacher, record_teacher
from holdfast.engine.cautions import cautions
from holdfast.engine.checkpoint import Position
from holdfast.engine.resuming import (
    agreed,
    changes_row,
    cut_metrics,
    elsewhere,
    read_config,
    starting_point,
)
from holdfast.engine.session import Listener, Session, check_same_images, environment, launch, open_session, resolve
from holdfast.engine.shares import Fabric, in_parts
from holdfast.methods import fresh_encoder, name_of, to_document
from holdfast.models import Encoder, Initial, check_own, load_initial, save_encoder, save_prefeature
from holdfast.progress import OnProgress
from holdfast.runs import RunFolder, write_json
from holdfast.system import check_writable, clean_stale, one_writer, read_json

SCHEMA_VERSION = 1
_OF_A_PEER = re.compile(r"gloo|nccl|[Cc]onnection|peer|[Tt]imed out|socket")


def _ignore(event: object) -> None:
    """The listener of those who want no news."""


def _reading(listen: Listener) -> OnProgress:
    """Tells of the pass that finds what of a streamed source cannot be used."""
    return lambda done, images: listen({"kind": "reading", "done": done, "images": images})


def train(config: RunConfig, folder: Path | str, *, listen: Listener = _ignore, alone: bool = False) -> RunFolder:
    """Trains a method on a collection of images; labels are never needed.

    config: what to train, on what, how long. folder: a new or empty folder for everything the run leaves.
    listen: called with events (see engine/loop.py) as training goes on. alone: by this process, whatever others a
    launcher has started.
    Returns the run folder with the trained encoder. Raises ValueError, FileNotFoundError or FileExistsError before
    anything is written, and FloatingPointError where the loss is no longer finite.
    """
    target = Path(folder)
    name_of(config)
    fabric = launch(config, alone=alone)
    first = fabric.global_rank == 0
    listen = listen if first else _ignore
    if first:
        RunFolder.check(target)
        check_writable(target)
    pool = prepare(config, progress=_reading(listen))
    check_same_images(pool)
    config = resolve(config, fabric, pool)
    encoder, initial = first_encoder(config)
    session = open_session(config, fabric, RunFolder(target), pool, listen, encoder=encoder)
    loaded_teacher(session.method)
    of_parts = [text for part in config.parts if part.chosen for text in part.notes(pool.train)]
    for text in (*pool.images.notes, *shuffle_notes(config, pool.train), *of_parts) if first else ():
        listen({"kind": "caution" if READ_IN_PART in text else "note", "text": text})
    for text in cautions(config, pool) if first else ():
        listen({"kind": "caution", "text": text})
    give_clusters(session)
    with _written_by_one(fabric, target, new=True):
        if first:
            _begin(RunFolder(target), session, initial)
        fabric.barrier()
        with _lost_rank(session):
            loop.run(session, Position())
            return _finish(session)


@contextmanager
def _written_by_one(fabric: Fabric, folder: Path, *, new: bool) -> Iterator[None]:
    """Inside the block the first process holds the folder, made where it is a new run's; the others write nothing."""
    if fabric.global_rank:
        yield
        return
    run = RunFolder.create(folder) if new else RunFolder(folder)
    with one_writer(folder):
        if new:
            RunFolder.check(folder)  # another process may have been faster
            run.clear_start()
        clean_stale(folder, run.checkpoints, run.findings)
        yield


@contextmanager
def _lost_rank(session: Session) -> Iterator[None]:
    """Tells of a process that is gone in one line instead of what the others' library says of it."""
    try:
        yield
    except RuntimeError as error:
        if session.fabric.world_size == 1 or not _OF_A_PEER.search(str(error)):
            raise
        raise ConnectionError(
            f"expected all {session.fabric.world_size} processes to the end, got one that ended or does not answer; "
            f"see why it did, then continue with: holdfast resume {session.folder.path}"
        ) from error


def _begin(run: RunFolder, session: Session, initial: Initial | None) -> None:
    """Writes what a run starts with; config.json last: with it the folder is a run."""
    pool = session.pool
    write_json(run.environment, environment(session.fabric))
    write_json(run.ids, pool.record())
    write_factors(pool.images, run.factors)
    if pool.images.rejected or isinstance(pool.images.paths, Paths):
        write_rejects(pool.images.rejected, run.rejected)
    if initial is not None:
        write_json(run.initial, {"schema": SCHEMA_VERSION, **initial.to_dict()})
        session.listen({"kind": "initial", **initial.to_dict()})
    record_teacher(session, schema=SCHEMA_VERSION)
    write_json(run.config, to_document(session.config))


def resume(
    folder: Path | str,
    *,
    listen: Listener = _ignore,
    accept_changes: bool = False,
    devices: int | None = None,
    shard_weights: bool | None = None,
    alone: bool = False,
) -> RunFolder:
    """Continues an interrupted run from its newest whole checkpoint, or from its start where it has none.

    On CPU with the same number of threads the weights end bit-identical to those of a run that was never interrupted. A
    finished run is returned as it is. accept_changes: go on although config.json was changed since the checkpoint;
    metrics.jsonl records what changed. devices, shard_weights: where other than before. alone: as of train. Raises
    FileNotFoundError where folder is no run, ValueError where its images or settings changed, or where a file is
    damaged.
    """
    run = RunFolder.open(folder)
    config = elsewhere(read_config(run), devices, shard_weights)
    if _is_finished(run, listen):
        return run
    fabric = launch(config, alone=alone)
    first = fabric.global_rank == 0
    listen = listen if first else _ignore
    with _written_by_one(fabric, run.path, new=False):
        config = replace(config, devices=fabric.world_size)
        session, position = _continued(run, config, fabric, listen, accept_changes)
        fabric.barrier()
        with _lost_rank(session):
            loop.run(session, position)
            return _finish(session)


def _continued(
    run: RunFolder, config: RunConfig, fabric: Fabric, listen: Listener, accept: bool
) -> tuple[Session, Position]:
    """The run as its newest whole checkpoint left it."""
    first, position = fabric.global_rank == 0, Position()
    memory = {"memory_gib": config.memory_gib, "workers": config.workers, "streamed": bool(config.shuffle_buffer)}
    saved = starting_point(run, listen, first=first)
    before = {} if saved is None else checkpoint.read_state(saved).get("config", {})
    agreed(before, run, config, listen, accept=accept)
    pool = load_pool(run.read_ids(), progress=_reading(listen), **memory)
    encoder = None if saved else _same_start(run, config)
    session = open_session(config, fabric, run, pool, listen, encoder=encoder)
    if saved is None:
        give_clusters(session)
    else:
        position = checkpoint.load_checkpoint(saved, session.method, session.optimizer)
    if first:
        cut_metrics(run.metrics, position.step, listen)
        if (row := changes_row(before, config, position.step)) is not None:
            loop.write_metrics(session, row)
    return session, position


def _is_finished(run: RunFolder, listen: Listener) -> bool:
    """Whether a run has its encoder, whole. A damaged one is said, and written again from the last checkpoint."""
    if not run.encoder.exists():
        return False
    try:
        check_own(run.encoder)
    except (ValueError, OSError) as error:
        listen({"kind": "caution", "text": f"{error}: written again from the last checkpoint"})
        return False
    listen({"kind": "finished", "path": str(run.path)})
    return True


def first_encoder(config: RunConfig) -> tuple[Encoder | None, Initial | None]:
    """The encoder that a resolved configuration's `init` starts from, and what of it came from there; None without."""
    if config.init is None:
        return None, None
    assert config.image_size is not None
    encoder = fresh_encoder(config, image_size=config.image_size)
    return encoder, load_initial(encoder, config.init)


def _same_start(run: RunFolder, config: RunConfig) -> Encoder | None:
    """What a run that was interrupted before its first checkpoint began with. Raises ValueError where it changed."""
    encoder, initial = first_encoder(config)
    if initial is not None:
        before = read_json(run.initial, "what a run began with").get("checksum")
        if initial.checksum != before:
            raise ValueError(
                f"expected the weights that the run began with (checksum {before}) in {config.init}, got others "
                f"({initial.checksum}); restore them, or train again"
            )
    return encoder


def _finish(session: Session) -> RunFolder:
    run, method, config = session.folder, session.method, session.config
    assert isinstance(method.encoder, Encoder)
    for kept in (method.encoder, method.prefeature) if in_parts(session.fabric) else ():
        make_whole(kept or nn.Identity())
    if session.fabric.global_rank == 0:
        if isinstance(method.prefeature, nn.Sequential):
            save_prefeature(method.prefeature, run.prefeature)
        # Last: a run with an encoder is a finished one.
        facts = {"data": config.data, "train_images": len(session.pool.train_ids), "epochs": config.epochs}
        save_encoder(method.encoder, run.encoder, **facts)
    session.fabric.barrier()
    return run
