"""Train and resume: from a configuration or a run folder to a finished run folder."""

import json
from pathlib import Path

from torch import nn

from holdfast.config import RunConfig
from holdfast.data.factors import write_factors
from holdfast.data.files import Paths, write_rejects
from holdfast.data.pool import load_pool, prepare
from holdfast.engine import checkpoint, loop
from holdfast.engine.cautions import cautions
from holdfast.engine.checkpoint import Position
from holdfast.engine.session import Listener, Session, environment, launch, open_session, resolve
from holdfast.methods import fresh_encoder, from_document, name_of, to_document
from holdfast.models import Encoder, Initial, load_initial, save_encoder, save_prefeature
from holdfast.progress import OnProgress
from holdfast.runs import RunFolder, atomic_path, write_json

SCHEMA_VERSION = 1


def _ignore(event: object) -> None:
    """The listener of those who want no news."""


def _reading(listen: Listener) -> OnProgress:
    """Tells of the pass that finds what of a streamed source cannot be used."""
    return lambda done, images: listen({"kind": "reading", "done": done, "images": images})


def train(config: RunConfig, folder: Path | str, *, listen: Listener = _ignore) -> RunFolder:
    """Trains a method on a collection of images; labels are never needed.

    config: what to train, on what, how long. folder: a new or empty folder for everything the run leaves.
    listen: called with events (see engine/loop.py) as training goes on.
    Returns the run folder with the trained encoder. Raises ValueError, FileNotFoundError or FileExistsError before
    anything is written, and FloatingPointError where the loss is no longer finite.
    """
    target = Path(folder)
    name_of(config)
    fabric = launch(config)
    if fabric.global_rank == 0:
        RunFolder.check(target)
    pool = prepare(config, progress=_reading(listen))
    config = resolve(config, fabric, pool)
    for text in pool.images.notes if fabric.global_rank == 0 else ():
        listen({"kind": "note", "text": text})
    for text in cautions(config, pool) if fabric.global_rank == 0 else ():
        listen({"kind": "caution", "text": text})
    encoder, initial = first_encoder(config)
    session = open_session(config, fabric, RunFolder(target), pool, listen, encoder=encoder)
    if fabric.global_rank == 0:
        run = RunFolder.create(target)
        write_json(run.environment, environment(fabric))
        write_json(run.ids, pool.record())
        write_factors(pool.images, run.factors)
        if pool.images.rejected or isinstance(pool.images.paths, Paths):
            write_rejects(pool.images.rejected, run.rejected)
        if initial is not None:
            write_json(run.initial, {"schema": SCHEMA_VERSION, **initial.to_dict()})
            listen({"kind": "initial", **initial.to_dict()})
        write_json(run.config, to_document(config))
    fabric.barrier()
    loop.run(session, Position())
    return _finish(session)


def resume(folder: Path | str, *, listen: Listener = _ignore) -> RunFolder:
    """Continues an interrupted run from its last checkpoint, or from its start where it has none.

    On CPU with the same number of threads the weights end bit-identical to those of a run that was never interrupted.
    A finished run is returned as it is. Raises FileNotFoundError where folder is no run, ValueError where its images
    changed.
    """
    run = RunFolder.open(folder)
    if run.encoder.exists():
        listen({"kind": "finished", "path": str(run.path)})
        return run
    config = read_config(run)
    fabric = launch(config)
    memory = {"memory_gib": config.memory_gib, "workers": config.workers, "progress": _reading(listen)}
    pool = load_pool(json.loads(run.ids.read_text()), **memory)
    saved = checkpoint.checkpoints(run.checkpoints)
    encoder = None if saved else _same_start(run, config)
    session = open_session(config, fabric, run, pool, listen, encoder=encoder)
    position = checkpoint.load_checkpoint(saved[-1], session.method, session.optimizer) if saved else Position()
    if fabric.global_rank == 0:
        _cut_metrics(run.metrics, position.step)
    loop.run(session, position)
    return _finish(session)


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
        before = json.loads(run.initial.read_text())["checksum"]
        if initial.checksum != before:
            raise ValueError(
                f"expected the weights that the run began with (checksum {before}) in {config.init}, got others "
                f"({initial.checksum}); restore them, or train again"
            )
    return encoder


def read_config(run: RunFolder) -> RunConfig:
    """The resolved configuration that a run folder holds."""
    return from_document(json.loads(run.config.read_text()))


def _cut_metrics(path: Path, step: int) -> None:
    """Drops what was measured after the checkpoint, a half-written last line included: it will be measured again."""
    kept = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        if row["step"] <= step:
            kept.append(line + "\n")
    with atomic_path(path) as temporary:
        temporary.write_text("".join(kept))


def _finish(session: Session) -> RunFolder:
    run, method, config = session.folder, session.method, session.config
    assert isinstance(method.encoder, Encoder)
    if session.fabric.global_rank == 0:
        if isinstance(method.prefeature, nn.Sequential):
            save_prefeature(method.prefeature, run.prefeature)
        # Last: a run with an encoder is a finished one.
        facts = {"data": config.data, "train_images": len(session.pool.train_ids), "epochs": config.epochs}
        save_encoder(method.encoder, run.encoder, **facts)
    session.fabric.barrier()
    return run
