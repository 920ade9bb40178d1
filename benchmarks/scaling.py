"""Compute, memory and communication of a step of SimCLR on several GPUs, from a stated model; nothing of it was checked
against several machines.

    python benchmarks/scaling.py            the numbers of docs/scaling.md, as results/scaling.json has them

The model, for B images a step on G GPUs, d embedding dimensions, P parameters, C channels of all batch norms:
compute is FLOPs of 2B/G views forward and backward (FlopCounterMode) and of the loss, which every process
computes whole: 3 · 2 (2B)² d. Memory is what autograd keeps for 2B/G views, and matrices of 2B × 2B that the
loss keeps. Communication is what a process gives to collectives: 4P bytes of gradients; of embeddings 8Bd/G
bytes gathered and 8Bd summed in the backward; of batch norms 4 (2C + 1 for each norm) forward and 8C backward.
A ring moves (G - 1)/G of a gathered whole, and twice that of a summed one.
"""

import json
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

NETWORKS = {"ResNet-50": ("resnet50", 224), "ViT-B/16": ("vit_base_patch16_224", 224)}
BATCHES, GPUS, DIM = (4096, 16384, 65536), (8, 64, 256, 1024), 128
LOSS_MATRICES = 3
"""Matrices of 2B × 2B, float32, that NT-Xent is taken to have at once in forward and backward: assumed."""
RESULTS = Path(__file__).parents[1] / "results" / "scaling.json"


def per_view(network: nn.Module, size: int, device: str) -> dict[str, float]:
    """FLOPs of a forward and backward pass of a view, and bytes that autograd keeps for it."""
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage()._cdata for tensor in [*network.parameters(), *network.buffers()]}

    def note(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage()._cdata not in own:
            kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    views = torch.zeros(2, 3, size, size, device=device)
    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            out = network(views)
        out.sum().backward()
    return {"flops": counter.get_total_flops() / 2, "bytes": sum(kept.values()) / 2}


def model_of(network: nn.Module, view: dict[str, float], *, batch: int, gpus: int, dim: int = DIM) -> dict[str, float]:
    """The stated model's numbers of a process: FLOPs and bytes."""
    norms = [module.num_features for module in network.modules() if isinstance(module, _BatchNorm)]
    several = gpus > 1
    return {
        "views": 2 * batch / gpus,
        "flops": view["flops"] * 2 * batch / gpus,
        "loss_flops": 3 * 2 * (2 * batch) ** 2 * dim,
        "activations": view["bytes"] * 2 * batch / gpus,
        "loss_bytes": LOSS_MATRICES * 4 * (2 * batch) ** 2,
        "gradients": several * 4.0 * sum(parameter.numel() for parameter in network.parameters()),
        "gathered": several * 8.0 * batch * dim / gpus,
        "summed": several * 8.0 * batch * dim,
        "norms": several * 4.0 * sum(4 * channels + 1 for channels in norms),
    }


def table() -> list[dict[str, Any]]:
    """The model's numbers by network, batch and number of GPUs."""
    rows = []
    for name, (source, size) in NETWORKS.items():
        with torch.device("meta"):
            network = timm.create_model(source, num_classes=0).train()
            width = int(network.num_features)  # pyright: ignore[reportArgumentType]
            head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, DIM))
            whole = nn.Sequential(network, head)
            view = per_view(whole, size, "meta")
        cases = [(batch, gpus) for batch in BATCHES for gpus in GPUS if batch // gpus >= 2]
        rows += [{"network": name, "batch": b, "gpus": g, **model_of(whole, view, batch=b, gpus=g)} for b, g in cases]
    return rows


if __name__ == "__main__":
    rows = table()
    for row in rows:
        print({name: value if isinstance(value, str) else float(f"{value:.3g}") for name, value in row.items()})
    RESULTS.write_text(json.dumps({"table": rows}, indent=1) + "\n")
