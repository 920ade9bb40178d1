"""Every axis at `--budget fast`: the share of an audit's seconds outside the encoder's forward and backward passes.

    python benchmarks/audit_fast.py [--images 100] [--size 64] [--encoder timm/resnet18]

All axes that the images allow, in one process; a clock around the network tells its passes from all else, backward ones
included. At most 15 % outside is asked.
"""

import argparse

import torch
from audit_overhead import audited, encoder_of, timing_backward
from measuring import Ratio, finish

from holdfast.data import load_images


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    images = load_images(f"curves:{options.images}", size=options.size)
    encoder = encoder_of(options.encoder, options.size, stem="standard")
    torch.autograd.grad = timing_backward(torch.autograd.grad)
    torch.Tensor.backward = timing_backward(torch.Tensor.backward)  # type: ignore[method-assign]
    whole, within, _ = audited(encoder, images, budget="fast")
    outside = 100 * (1 - within / whole.wall)
    size = f"{options.images:,} images of {options.size} px, {options.encoder} (standard stem)"
    ends = {"value": outside, "low": outside, "high": outside, "target": 15.0, "better": "lower"}
    seen = {"whole": whole.wall, "within passes": within}
    what = f"audit `--budget fast`, all axes, {size}: seconds outside the encoder's passes"
    ratio = Ratio(what=what, unit="%", taken="one audit", seen=seen, **ends)
    finish("audit_fast", [ratio], settings=f"{size}, {torch.get_num_threads()} threads, {whole.wall:.0f} s in all")


if __name__ == "__main__":
    main()
