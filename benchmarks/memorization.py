"""Scoring of encoder pairs against the encoders' bare forward passes: speed as a ratio, peak memory over K and images.

Run with two CPU threads and nothing beside it. Target: at least 0.85 of the bare speed; equal memory whatever K and n.
"""

import argparse
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from holdfast.config import ViewSettings
from holdfast.data import Images
from holdfast.evaluation.features import encode, measuring
from holdfast.evaluation.pairs.scores import Scoring, score_pair
from holdfast.models import Encoder, create_encoder


def images(count: int) -> Images:
    """Random images of 32 pixels."""
    return Images.of(torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8))


def pair(name: str) -> tuple[Encoder, Encoder]:
    """Two encoders with the small stem."""
    return create_encoder(name, image_size=32, seed=0), create_encoder(name, image_size=32, seed=1)


def bare(f: Encoder, g: Encoder, views: int, batch: int, precision: str) -> None:
    """As many views through both encoders, from one batch that lies ready."""
    ready = torch.rand(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), measuring(f), measuring(g), torch.autocast("cpu", torch.bfloat16, precision == "bf16"):
        for _ in range(views // batch):
            encode(f, ready)
            encode(g, ready)


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def speed(name: str, count: int, k: int, batch: int, rounds: int, precision: str) -> None:
    """Prints views per second of both, alternating, and the ratio of the medians."""
    f, g = pair(name)
    source, scoring = (
        images(count),
        Scoring(views=ViewSettings(), size=32, count=k, batch_size=batch, precision=precision),
    )
    views = count * k
    score_pair(f, g, images(batch // k), scoring)  # warm
    bare(f, g, batch, batch, precision)
    pairs = [
        (
            seconds(lambda: bare(f, g, views, batch, precision)) / (views // batch * batch),
            seconds(lambda: score_pair(f, g, source, scoring)) / views,
        )
        for _ in range(rounds)
    ]
    plain, scored = (sorted(column)[rounds // 2] for column in zip(*pairs, strict=True))
    ratios = sorted(a / b for a, b in pairs)
    print(f"{name}, {precision}, {count} images × {k} views, batch {batch}, {torch.get_num_threads()} threads")
    print(f"  bare forward {2 / plain:8.1f} views/s   scoring {2 / scored:8.1f} views/s")
    print(f"  ratio {ratios[rounds // 2]:.3f} (median of {rounds}, {ratios[0]:.3f} to {ratios[-1]:.3f})")


def peak(name: str, count: int, k: int, batch: int) -> None:
    """Scores once and prints the process's largest resident size beyond that of the images, in MiB."""
    f, g = pair(name)
    score_pair(f, g, images(count), Scoring(views=ViewSettings(), size=32, count=k, batch_size=batch))
    unit = 1 if platform.system() == "Darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20 - count * 3 * 32 * 32 / 2**20)


def memory(name: str, batch: int) -> None:
    """Prints the peak for several K and numbers of images, each in a process of its own."""
    for count, k in ((100, 10), (400, 10), (100, 40), (1600, 10)):
        words = [sys.executable, __file__, "--peak", name, str(count), str(k), str(batch)]
        found = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        print(f"  {count:5} images × {k:2} views: peak {float(found):7.0f} MiB")


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=205)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=("32", "bf16"), nargs="+", default=("32", "bf16"))
    parser.add_argument("--peak", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        name, count, k, batch = options.peak
        peak(name, int(count), int(k), int(batch))
        return
    for precision in options.precision:
        speed("timm/resnet18", options.images, 10, 512, options.rounds, precision)
    print("peak memory, timm/test_resnet, batch 500")
    memory("timm/test_resnet", 500)


if __name__ == "__main__":
    main()
