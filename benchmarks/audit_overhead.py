"""An audit of quality, balance and tail against one bare pass over its images: times as long, and where the time goes.

    python benchmarks/audit_overhead.py [--images 10000] [--size 32] [--encoder timm/resnet18] [--axes quality ...]

The bare pass is the encoder's forward over all images in batches, float32, in the same process, once before and once
after the audit. Within the audit the passes of the encoder, of its random-weight reference and of views are told apart
from all else by a clock around the network. Images are drawn curves, of which the audit holds out a fifth.
"""

import argparse
import time
from typing import Any, Literal

import torch
from measuring import Ratio, Spent, finish, spent, times_as_long
from torch import nn

from holdfast.audits import audit
from holdfast.data import Images, load_images
from holdfast.evaluation import extract_features
from holdfast.models import Encoder, create_encoder

AXES = ("quality", "balance", "tail")
BATCH = 512


class Timed(nn.Module):
    """A network whose passes are counted and timed, those of its copies too, forward and backward."""

    spent, images, waits = 0.0, 0, False

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        start = time.perf_counter()
        found = self.network(images)
        Timed.spent += time.perf_counter() - start
        Timed.images += len(images)
        Timed.waits = found.requires_grad
        return found


def timing_backward(call: Any) -> Any:
    """A backward pass that counts where it follows a pass of the network."""

    def timed(*given: Any, **named: Any) -> Any:
        of_network, Timed.waits, start = Timed.waits, False, time.perf_counter()
        found = call(*given, **named)
        Timed.spent += (time.perf_counter() - start) if of_network else 0.0
        return found

    return timed


def encoder_of(name: str, size: int, stem: Literal["auto", "standard"] = "auto") -> Encoder:
    """An encoder with random weights whose passes are timed."""
    made = create_encoder(name, image_size=size, stem=stem)
    return Encoder(Timed(made.network), made.spec, made.dim).eval()


def audited(encoder: Encoder, images: Images, **options: Any) -> tuple[Spent, float, int]:
    """(what the audit took, its seconds within passes, the images of these passes)."""
    Timed.spent, Timed.images = 0.0, 0
    whole = spent(lambda: audit(encoder, images, device="cpu", batch_size=BATCH, **options))
    return whole, Timed.spent, Timed.images


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--axes", nargs="+", default=AXES)
    options = parser.parse_args()
    images = load_images(f"curves:{options.images}", size=options.size)
    encoder = encoder_of(options.encoder, options.size)

    def bare() -> Spent:
        return spent(lambda: extract_features(encoder, images, batch_size=BATCH, device="cpu"))

    extract_features(encoder, images.subset(torch.arange(BATCH)), batch_size=BATCH, device="cpu")
    first = bare()
    whole, within, passed = audited(encoder, images, axes=list(options.axes))
    second = bare()
    rounds = {"audit": [whole, whole], "one bare pass": [first, second]}
    size = f"{options.images:,} images of {options.size} px, {options.encoder}"
    what = f"audit of {', '.join(options.axes)}, {size}, over one bare float32 pass"
    outside = 1 - within / whole.wall
    passes = passed / options.images
    ends = {"value": passes, "low": passes, "high": passes, "better": "lower", "taken": "counted"}
    shares = {
        "value": 100 * outside,
        "low": 100 * outside,
        "high": 100 * outside,
        "better": "lower",
        "taken": "one audit",
    }
    ratios = [
        times_as_long(what, rounds, "audit", "one bare pass", target=1.4),
        Ratio(what="images that pass through a network in that audit, over the images", **ends),
        Ratio(what="seconds of that audit outside these passes", unit="%", **shares),
    ]
    finish("audit_overhead", ratios, settings=f"{size}, float32, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
