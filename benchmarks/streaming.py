"""Streamed training from JPEG files: end to end against decoding alone and the model alone, in one run.

    python benchmarks/streaming.py --files 2000 --workers 2

Generates JPEG files of mixed sizes (300 to 640 pixels), then times one epoch each of: decoding alone (the workers,
nothing else), the model alone (the same steps on pixels that are in memory), and training end to end. The best that
can be is the larger of the two where they run on different hardware (a GPU), and their sum where decoding and the model
share the same cores.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from PIL import Image

from holdfast import RunConfig, SimCLRConfig
from holdfast.data import Images, epoch_batches, load_images
from holdfast.data.files import Streamed
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


def measure(images: Images, config: RunConfig, fabric: Fabric, options: argparse.Namespace) -> None:
    """The three in turn, several times; the first round warms up and is not counted."""
    batches = len(images) // config.batch_size
    # The same number of steps on a few images in memory, again and again.
    few = images.subset(torch.arange(len(images)) % options.resident).loaded()
    few = replace(few, ids=torch.arange(len(few)))
    alone, together = train_for(few, config, fabric, batches), train_for(images, config, fabric, batches)
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(
        f"{platform.machine()}, {fabric.device}, {cores}, {options.workers} workers, {config.encoder}, "
        f"{options.size} px"
    )
    for repeat in range(options.repeats + 1):
        decode = decode_only(images, batches, config.batch_size)
        model, both = next(alone), next(together)
        if repeat:
            seen = batches * config.batch_size
            ratio = both / max(decode, model)
            print(
                f"decode {seen / decode:7.1f} images/s   model {seen / model:7.1f}   end to end {seen / both:7.1f}   "
                f"end to end / larger {ratio:.3f}   / sum {both / (decode + model):.3f}"
            )


if __name__ == "__main__":
    main()
