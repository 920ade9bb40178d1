"""What should be said before a run starts, each with its remedy; none of it stops the run."""

from dataclasses import replace

from holdfast.config import RunConfig
from holdfast.data.duplicates import copies
from holdfast.data.pool import Pool
from holdfast.evaluation import FEW_IMAGES, lacks_neighbours
from holdfast.methods import METHODS, fitting_lr, name_of

TINY = 8
"""Pixels a side below which views hold hardly a shape; scikit-learn's digits have so many."""


def cautions(config: RunConfig, pool: Pool) -> list[str]:
    """Settings without effect, schedules longer than the run, robust methods without an attack, too few images or too
    high a learning rate for the batch, held-out images that are trained on too: a line each."""
    found = (
        *_idle(config),
        *_short(config),
        _unattacked(config),
        _batch(config, len(pool.train_ids)),
        _lr(config),
        _chunk(config),
        _tiny(config, pool),
        _shares(config),
        _few(config, pool),
        _neighbours(config, pool),
        _copies(pool),
    )
    return [line for line in found if line is not None]


def _idle(config: RunConfig) -> list[str]:
    """A line for each part whose settings were changed but which is not switched on."""
    lines = []
    for part in config.parts:
        changed = [name for name, value in vars(part).items() if value != getattr(type(part)(), name)]
        if part.idle:
            flag, *given = (f"--{name.replace('_', '-')}" for name in (part.word, *changed))
            lines.append(f"{', '.join(given)} without {flag}: nothing uses it; add {flag}, or leave it out")
    return lines


def _short(config: RunConfig) -> list[str | None]:
    """A line for the method and each part that has no time to do what it is for."""
    parts = [part for part in config.parts if part.chosen is not None]
    return [one.caution(config) for one in (config.method, *parts)]


def _unattacked(config: RunConfig) -> str | None:
    name = name_of(config)
    if METHODS[name].purpose != "attacks" or any(part.word == "adversary" and part.chosen for part in config.parts):
        return None
    return f"{name} without --adversary: its attacked views are copies of its clean ones; add --adversary pgd:5"


def _batch(config: RunConfig, images: int) -> str | None:
    if images >= 2 * config.batch_size:
        return None
    smaller = 2
    while 16 * smaller <= images:
        smaller *= 2
    lr = fitting_lr(replace(config, batch_size=smaller))
    too = "" if lr is None else f" --lr {lr:g}"
    what = "one batch" if images <= config.batch_size else "two batches"
    return (
        f"{images:,} training images are at most {what} of {config.batch_size}: an epoch is hardly a step, and each "
        f"image meets much the same others every time{_only_step(config, images)}; use --batch-size {smaller}{too}, or "
        "more images"
    )


def _only_step(config: RunConfig, images: int) -> str:
    """That a run is a single step, which has the rate that others end with."""
    single = config.epochs == 1 and images < 2 * config.batch_size and config.schedule == "steps"
    return f"; the whole run is one step at --lr-end {config.lr_end:g}, which changes next to nothing" if single else ""


def _tiny(config: RunConfig, pool: Pool) -> str | None:
    size = pool.images.pixels.shape[-1] if config.image_size is None else config.image_size
    if size >= TINY:
        return None
    return f"views of {size} pixels a side hold hardly a shape; leave --image-size out, or use --image-size 32"


def _lr(config: RunConfig) -> str | None:
    fitting = fitting_lr(config)
    if fitting is None:
        return None
    return (
        f"--lr {config.lr:g} is high for a batch of {config.batch_size}: the default's, scaled with the batch "
        f"(arXiv:1706.02677), is {fitting:g}; try --lr {fitting:g}"
    )


def _chunk(config: RunConfig) -> str | None:
    if config.chunk is None:
        return None
    return (
        f"--chunk {config.chunk}: batch norms, where the network has them, normalise {config.chunk} views at a time; "
        "the loss is that of the whole batch"
    )


def _shares(config: RunConfig) -> str | None:
    if not config.shard_weights or config.devices > 1:
        return None
    return "--shard-weights with one process: it keeps all weights; add --devices N, or start several"


def _few(config: RunConfig, pool: Pool) -> str | None:
    count = len(pool.held_out)
    if config.signals_every == 0 or count >= FEW_IMAGES:
        return None
    enough = len(pool.images) >= 3 * FEW_IMAGES  # at most half of a class is held out
    remedy = f"hold out more, as with --holdout {FEW_IMAGES}" if enough else "train on more images"
    return (
        f"live signals are of {count} images, too few to conclude from (the effective rank cannot exceed their "
        f"number): {remedy}"
    )


def _neighbours(config: RunConfig, pool: Pool) -> str | None:
    """That signals have no kNN accuracy although there are labels, and why."""
    labels = pool.held_out.labels
    if config.signals_every == 0 or labels is None or not len(labels):
        return None
    reason = lacks_neighbours(labels)
    return reason and f"signals without kNN accuracy: of the held-out images {reason}; hold out more with --holdout"


def _copies(pool: Pool) -> str | None:
    if not len(pool.held_out_ids):
        return None
    found = copies(pool.held_out, pool.train)
    if found is None or not found.any():
        return None
    return (
        f"{int(found.sum()):,} of {len(found):,} held-out images are copies of training images: signals and audits on "
        f"them are better than on new images; remove the copies (holdfast inspect {pool.images.source} names them)"
    )
