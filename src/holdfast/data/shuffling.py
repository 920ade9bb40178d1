"""Whether a run's images are shuffled by shard and buffer, with which buffer, and what that does to their order."""

import numpy as np

from holdfast.config import RunConfig
from holdfast.data.files import Blocked, Streamed
from holdfast.data.images import Images
from holdfast.data.order import epoch_order, mixing

_LARGE = 64  # images in a row group from which it is dear to read it for one


def resolved_buffer(config: RunConfig, images: Images) -> int:
    """Images that are mixed at a time, over all processes; 0: the order is one draw over all.

    As asked for; else 0, but for streamed images behind a URL as many as a quarter of memory_gib has room for, encoded.
    Raises ValueError where a buffer is asked for and images do not lie in blocks.
    """
    blocked, asked = _blocked(images), config.shuffle_buffer
    if blocked is None and asked:
        raise _no_blocks(config)
    if blocked is None or asked is not None or not blocked.remote:
        return asked or 0
    return max(config.batch_size, _room(config, blocked))


def check_buffer(config: RunConfig, *, in_blocks: bool) -> None:
    """Raises ValueError, before anything is read, where a buffer is asked for and images will not lie in blocks.

    in_blocks: whether those of the source may (Source.in_blocks).
    """
    if config.shuffle_buffer and not (in_blocks and config.image_size):
        raise _no_blocks(config)


def _no_blocks(config: RunConfig) -> ValueError:
    return ValueError(
        f"expected --shuffle-buffer only for parquet shards and tar files, with an --image-size, got it for "
        f"{config.data}; leave it out"
    )


def shuffle_notes(config: RunConfig, images: Images) -> list[str]:
    """What is to be said of the order of some training images, of a resolved configuration: a line at most."""
    blocked, blocks, buffer = _blocked(images), images.blocks, config.shuffle_buffer or 0
    if blocked is None or blocks is None:
        return []
    count = len(np.unique(blocks))
    each = max(1, round(len(images) / count))
    size = f"{count:,} block{'s' * (count != 1)} of about {each:,} image{'s' * (each != 1)}"
    if not buffer:
        room, large = _room(config, blocked), blocked.whole and len(images) >= _LARGE * count
        return [_dear(size, room)] if large and room < len(images) else []
    if buffer >= len(images):
        return [f"read by blocks, {size}; the buffer holds all, so the order is a uniform shuffle (--shuffle-buffer)"]
    order = epoch_order(
        len(images), seed=config.seed, epoch=0, batch_size=config.batch_size, blocks=blocks, buffer=buffer
    )
    return [
        f"shuffled by shard and buffer: {size} in random order, {buffer:,} image{'s' * (buffer != 1)} mixed at a time "
        "(--shuffle-buffer): "
        f"{mixing(order, blocks, config.batch_size)}"
    ]


def _blocked(images: Images) -> Blocked | None:
    return images.pixels.blocked if isinstance(images.pixels, Streamed) else None


def _room(config: RunConfig, blocked: Blocked) -> int:
    """Images whose encoded bytes fit into a quarter of memory_gib."""
    return int(config.memory_gib * 2**28 / max(1.0, blocked.mean_bytes))


def _dear(size: str, room: int) -> str:
    return (
        f"{size} (row groups), each read whole for any image of it, and memory has room for {room:,} images: write "
        f"smaller row groups, or mix so many at a time with --shuffle-buffer {room}"
    )
