#!/usr/bin/env bash
# torch 2.15.0 on a processor with AVX512-bf16: the weight gradient of a strided convolution in bf16 is not written where the
# kernel meets only padding. On 1×1 maps, kernel 3, stride 2, padding 1 (the last stage of a ResNet on 16-pixel images) eight of
# nine taps should get 0; they get what the memory held before. Stride 1, maps of 2×2, and float32 give 0 as they should.
# Training under autocast ends in NaN, or takes steps that come from no image.
# Without such a processor the script says so and ends with 77.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys

import torch

able = torch.cpu.get_capabilities()
print("torch", torch.__version__, "processor", able["cpu_name"], "avx512_bf16", able["avx512_bf16"])
if not able["avx512_bf16"]:
    print("no AVX512-bf16 here: not tried")
    sys.exit(77)


def outer_taps(dtype, side, stride):
    """Of the weights that no pixel reaches: how many have a gradient that is not 0, and of how many."""
    torch.manual_seed(0)
    images = torch.randn(8, 32, side, side)
    exact = torch.nn.Conv2d(32, 48, 3, stride=stride, padding=1, bias=False)
    exact(images).square().sum().backward()
    unreached = exact.weight.grad == 0
    weight = exact.weight.detach().to(dtype).requires_grad_()
    out = torch.nn.functional.conv2d(images.to(dtype), weight, stride=stride, padding=1)
    held = [torch.full_like(weight, 7.0, dtype=kind) for kind in (dtype, torch.float32) * 20]  # what freed memory holds
    del held
    out.square().sum().backward()
    return int((weight.grad[unreached] != 0).sum()), int(unreached.sum())


seen = {
    "bf16, 1x1, stride 2": outer_taps(torch.bfloat16, 1, 2),
    "bf16, 1x1, stride 1": outer_taps(torch.bfloat16, 1, 1),
    "bf16, 2x2, stride 2": outer_taps(torch.bfloat16, 2, 2),
    "float32, 1x1, stride 2": outer_taps(torch.float32, 1, 2),
}
for name, (wrong, of) in seen.items():
    print(f"{name}: {wrong} of {of} gradients that must be 0 are not")
wrong, of = seen.pop("bf16, 1x1, stride 2")
assert of == 32 * 48 * 8 and wrong > 0, "the gradient is written now"
assert all(wrong == 0 for wrong, _ in seen.values()), "other shapes are wrong too"
PY
