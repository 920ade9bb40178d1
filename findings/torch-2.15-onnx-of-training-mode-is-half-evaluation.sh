#!/usr/bin/env bash
# torch 2.15.0: torch.onnx.export of a network that was left in training mode warns that it is in training mode, and then
# writes a file that is half in training and half in evaluation: batch norm uses its running statistics (folded into the convolution), while dropout and
# drop path (torchvision's StochasticDepth) go on drawing, so that onnxruntime gives other features in every run.
# torch.export's program of the same network is in training throughout: its batch norm uses the batch.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cat > "$folder/show.py" <<'PY'
import copy, sys, warnings
import onnx, onnxruntime, torch
from torch import nn
from torchvision.ops import StochasticDepth

folder = sys.argv[1]
print("torch", torch.__version__, "onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
torch.manual_seed(0)
images = torch.rand(32, 3, 16, 16)


def by_onnx(network, name):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.onnx.export(network, (images,), f"{folder}/{name}.onnx", dynamo=True, verbose=False)
    told = any("in training mode" in str(one.message) for one in said)
    session = onnxruntime.InferenceSession(f"{folder}/{name}.onnx")
    first, second = (torch.from_numpy(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]) for _ in "ab")
    kinds = [node.op_type for node in onnx.load(f"{folder}/{name}.onnx").graph.node]
    print(f"{name}: nodes {kinds}, warned of training mode: {told}")
    return first, second, told


norm = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
norm[1].running_mean += 0.5
norm[1].running_var *= 3
modes = {mode: copy.deepcopy(norm).train(mode == "training")(images).detach() for mode in ("training", "evaluation")}
first, second, told = by_onnx(norm.train(), "batch norm")
apart = {mode: float((first - out).abs().max()) for mode, out in modes.items()}
program = torch.export.export(copy.deepcopy(norm).train(), (images,)).module()
as_program = {mode: float((program(images).detach() - out).abs().max()) for mode, out in modes.items()}
print("  largest difference, ONNX:", apart, "torch.export:", as_program)
right = told and torch.equal(first, second) and apart["evaluation"] < 1e-4 < 0.1 < apart["training"]
right &= as_program["training"] < 1e-4 < 0.1 < as_program["evaluation"]
for name, layer in {"dropout": nn.Dropout(0.5), "drop path": StochasticDepth(0.5, "row")}.items():
    first, second, told = by_onnx(nn.Sequential(nn.Conv2d(3, 4, 3), layer).train(), name)
    print(f"  two runs of the file differ by up to {(first - second).abs().max():.2f}")
    right &= told and not torch.equal(first, second)
sys.exit(not right)
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
