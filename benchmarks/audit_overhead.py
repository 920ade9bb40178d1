"""What an audit takes beside the encoder's bare passes: processor time outside them, for quality, balance and tail.

    python benchmarks/audit_overhead.py [--encoder timm/vit_small_patch16_224] [--images 200] [--size 224]

Both are processor seconds of one process in one run, so that other programs do not matter: those within the encoder's
forward passes (of random weights too, which balance and tail compare with), and those of the whole audit. Target: at
most a tenth of the whole outside the passes. Measured: 8.1 % of 42.8 s with 120 images (torch 2.15, one thread).
Fixed costs weigh most with few images: the probe's, in the main.
"""

import argparse
import platform
import time

import torch
from torch import nn

from holdfast.audits import audit
from holdfast.data import load_images
from holdfast.data.pool import draw_evenly
from holdfast.models import Encoder, create_encoder

AXES = ("quality", "balance", "tail")


class Timed(nn.Module):
    """A network whose passes are timed, those of its copies too."""

    spent: float = 0.0

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        start = time.process_time()
        found = self.network(images)
        Timed.spent += time.process_time() - start
        return found


def measured(name: str, count: int, size: int) -> tuple[float, float]:
    """(processor seconds within passes, of the whole audit) of so many digits at a size."""
    images = load_images("digits", size=size)
    some = images.subset(draw_evenly(images, count, seed=0, purpose="benchmark"))
    encoder = create_encoder(name, image_size=size, stem="standard")
    timed = Encoder(Timed(encoder.network), encoder.spec, encoder.dim).eval()
    start = time.process_time()
    audit(timed, some, axes=list(AXES), device="cpu", batch_size=32)
    return Timed.spent, time.process_time() - start


def main() -> None:
    """Prints both and the share outside."""
    parser = argparse.ArgumentParser(description="Processor time of an audit outside the encoder's passes.")
    parser.add_argument("--encoder", default="timm/vit_small_patch16_224")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    inside, whole = measured(options.encoder, options.images, options.size)
    print(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{options.encoder} at {options.size} px, {options.images} images, {', '.join(AXES)}")
    print(f"whole audit {whole:.1f} processor seconds, {inside:.1f} within passes: {1 - inside / whole:.1%} outside")


if __name__ == "__main__":
    main()
