"""Streamed training from JPEG files: end to end against decoding alone and the model alone, in one run.

    python benchmarks/streaming.py --files 2000 --workers 2

Generates JPEG files of mixed sizes (300 to 640 pixels), then times one epoch each of: decoding alone (the workers,
nothing else), the model alone (the same steps on pixels that are in memory), and training end to end. The best that
can be is the larger of the two where they run on different hardware (a GPU), and their sum where decoding and the model
share the same cores. What a GPU whose step takes as long as decoding would meet is measured with a step that waits so
long: at most 1.10 of the larger alone is asked.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from measuring import Ratio, Spent, finish, spent
from PIL import Image

from holdfast import RunConfig, SimCLRConfig
from holdfast.data import Images, epoch_batches, load_images
from holdfast.data.files import Streamed
from holdfast.engine.shares import Fabric
from holdfast.methods import build


def make_files(root: Path, files: int) -> None:
    """JPEGs of 300 to 640 pixels a side with the detail of photographs: noise of several scales."""
    for number in range(files):
        rng = np.random.default_rng(number)
        width, height = (int(side) for side in rng.integers(300, 641, 2))
        layers = [
            np.asarray(
                Image.fromarray(rng.integers(0, 256, (scale, scale, 3), dtype=np.uint8)).resize((width, height)),
                dtype=np.float32,
            )
            for scale in (3, 12, 48, 160)
        ]
        pixels = np.average(layers, axis=0, weights=(4, 3, 2, 1)).astype(np.uint8)
        Image.fromarray(pixels).save(root / f"{number:06}.jpg", quality=90)


def decode_only(images: Images, batches: int, batch_size: int) -> float:
    """Seconds that the workers take for an epoch when nobody else computes."""
    start = time.perf_counter()
    assert isinstance(images.pixels, Streamed)
    positions = torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).split(batch_size)[:batches]
    for _ in images.pixels.batches(positions):
        pass
    return time.perf_counter() - start


def train_for(images: Images, config: RunConfig, fabric: Fabric, batches: int) -> Iterator[float]:
    """Steps of training; yields the seconds of every epoch."""
    assert config.image_size is not None
    method = build(config, image_size=config.image_size).to(fabric.device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(method.parameters(), 0.01, momentum=0.9)
    for epoch in range(100):
        start = time.perf_counter()
        order = epoch_batches(images, seed=0, epoch=epoch, batch_size=config.batch_size)
        for batch in islice(order, batches):
            with fabric.autocast():
                losses = list(method.losses(batch))
            fabric.backward(losses[0])
            optimizer.step()
            optimizer.zero_grad()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()
        yield time.perf_counter() - start


def main() -> None:
    """Prints images per second of each and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--resident", type=int, default=256, help="images in memory for the model alone")
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--waits-alone", action="store_true", help="leave the model on these cores out")
    options = parser.parse_args()
    fabric = Fabric(devices=1, precision=options.precision)
    config = RunConfig(
        method=SimCLRConfig(), encoder=options.encoder, batch_size=options.batch_size, image_size=options.size
    )
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = f"{temporary}/cache"
        root = Path(temporary) / "pictures"
        root.mkdir()
        make_files(root, options.files)
        images = load_images(root, size=options.size, memory_gib=1e-9, workers=options.workers)
        measure(images.to(fabric.device), config, fabric, options)


def waiting(images: Images, batches: int, batch_size: int, seconds: float) -> None:
    """Streamed batches, each followed by a wait as long as another device's step would be."""
    order = epoch_batches(images, seed=0, epoch=0, batch_size=batch_size)
    for _ in islice(order, batches):
        time.sleep(seconds)


def measure(images: Images, config: RunConfig, fabric: Fabric, options: argparse.Namespace) -> None:
    """All in turn, several times; the first round warms up and is not counted."""
    batches, size = len(images) // config.batch_size, config.batch_size
    # The same number of steps on a few images in memory, again and again.
    few = images.subset(torch.arange(len(images)) % options.resident).loaded()
    few = replace(few, ids=torch.arange(len(few)))
    alone, together = train_for(few, config, fabric, batches), train_for(images, config, fabric, batches)
    rounds: dict[str, list[Spent]] = {}
    for repeat in range(options.repeats + 1):
        decode = decode_only(images, batches, size)
        each = decode / batches
        waited = spent(lambda each=each: waiting(images, batches, size, each)).wall
        took = {"decoding alone": decode, "end to end, a step that waits": waited}
        if not options.waits_alone:
            took |= {"the model alone": next(alone), "end to end": next(together)}
        for name, seconds in took.items() if repeat else ():
            rounds.setdefault(name, []).append(Spent(seconds, 0.0))
    report(rounds, config, options, batches * size)


def report(rounds: dict[str, list[Spent]], config: RunConfig, options: argparse.Namespace, seen: int) -> None:
    """The ratios to the larger alone, and to the sum where decoding and the model share cores."""
    files = f"{seen:,} JPEG files at {options.size} px, {options.workers} workers"
    what = f"{files}, end to end with a step that waits as long as decoding takes, over the larger alone"
    ratios = [_over(rounds, what, "end to end, a step that waits", ["decoding alone"], max, 1.10)]
    if not options.waits_alone:
        both = ["decoding alone", "the model alone"]
        title = f"{files}, {config.encoder} on the same cores, over"
        ratios.append(_over(rounds, f"{title} the larger alone", "end to end", both, max, None))
        ratios.append(_over(rounds, f"{title} the sum of both alone", "end to end", both, sum, None))
    threads = f"{torch.get_num_threads()} threads, {options.repeats} rounds in turn"
    finish("streaming", ratios, settings=f"{files}, batch {config.batch_size}, {config.encoder}, {threads}")


def _over(
    rounds: dict[str, list[Spent]],
    what: str,
    ours: str,
    others: list[str],
    joined: Callable[[list[float]], float],
    target: float | None,
) -> Ratio:
    each = [one.wall / joined([rounds[name][place].wall for name in others]) for place, one in enumerate(rounds[ours])]
    seen = {name: statistics.median(one.wall for one in rounds[name]) for name in (ours, *others)}
    ends = {"value": statistics.median(each), "low": min(each), "high": max(each), "target": target}
    return Ratio(what=what, **ends, better="lower", seen=seen)


if __name__ == "__main__":
    main()
