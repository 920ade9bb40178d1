#!/usr/bin/env bash
# transformers 5.23.0, image processors given a palette picture (PNG and GIF files often are), as PIL opens it: CLIP's and BiT's
# (DINOv2's) turn it into RGB; ViT's and ConvNeXt's raise; DINOv3's and EfficientNet's take the numbers of the palette's entries
# for grey levels and repeat them three times, without a word: a picture that is nearly black. A 16-bit grey PNG comes out
# of DINOv3's with values of several hundred, where pixels end below 3. convert("RGB") first mends the palette, not the 16 bits.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install transformers==5.23.0 torch==2.15.0 torchvision==0.29.2 pillow==13.0.0 numpy==2.4.6
cat > "$folder/show.py" <<'PY'
import os, sys

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np, PIL, transformers
from PIL import Image
from transformers import BitImageProcessor, CLIPImageProcessor, ConvNextImageProcessor, DINOv3ViTImageProcessor
from transformers import EfficientNetImageProcessor, ViTImageProcessor

print("transformers", transformers.__version__, "Pillow", PIL.__version__)
blocks = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
colour = Image.fromarray(blocks.repeat(56, 0).repeat(56, 1))
palette = colour.quantize(16)
assert np.array_equal(np.asarray(palette.convert("RGB")), np.asarray(colour)), "16 colours fit into the palette"
deep = Image.fromarray(np.asarray(colour.convert("L")).astype(np.uint16) * 257)
seen = {}
for kind in (BitImageProcessor, CLIPImageProcessor, ConvNextImageProcessor, ViTImageProcessor, DINOv3ViTImageProcessor, EfficientNetImageProcessor):
    process = kind()
    right = process(images=colour, return_tensors="pt")["pixel_values"]
    try:
        got = process(images=palette, return_tensors="pt")["pixel_values"]
        same = got.shape == right.shape and bool((got - right).abs().max() < 1e-3)
        seen[kind.__name__] = "right" if same else "wrong"
        told = f"{seen[kind.__name__]}, shape {list(got.shape)}, from {got.min():.2f} to {got.max():.2f} where {right.min():.2f} to {right.max():.2f} is meant"
    except (RuntimeError, ValueError) as error:
        seen[kind.__name__], told = "raises", f"raises {type(error).__name__}"
    print(f"{kind.__name__}: {told}")
process = DINOv3ViTImageProcessor()
largest = float(process(images=deep, return_tensors="pt")["pixel_values"].max())
print(f"DINOv3ViTImageProcessor, 16-bit grey: up to {largest:.0f}")
mended = process(images=palette.convert("RGB"), return_tensors="pt")["pixel_values"]
right = process(images=colour, return_tensors="pt")["pixel_values"]
expected = ["right", "right", "raises", "raises", "wrong", "wrong"]
sys.exit(list(seen.values()) != expected or largest < 100 or bool((mended - right).abs().max() > 1e-3))
PY
"$folder/venv/bin/python" "$folder/show.py"
