"""Compute, memory and communication of a step of SimCLR on several GPUs, from a stated model, and the model's numbers
beside those counted on 1, 2 and 4 processes of this machine. Nothing of it was measured on several machines.

    python benchmarks/scaling.py            the numbers of docs/scaling.md, as results/scaling.json has them

The model, for B images a step on G GPUs, d embedding dimensions, P parameters, C channels of all batch norms, s pixels:
compute is FLOPs of 2B/G views forward and backward (FlopCounterMode), of cropping them (12 s³ each), and of the loss,
which every process computes whole: 3 · 2 (2B)² d. Memory is what autograd keeps for 2B/G views, and of the loss a
matrix of 2B × 2B and twice the embeddings; three such matrices are there at once. Communication is what a process
gives to collectives: 4P bytes of gradients; of embeddings 8Bd/G bytes gathered (8 more for each view's count) and 8Bd
summed in the backward; of batch norms 4 (2C + 1 for each norm) forward and 8C backward; and all buffers, which the
first process sends. A ring moves (G - 1)/G of a gathered whole, and twice that of a summed one. A process holds 12P
bytes of weights, gradients and momentum; with --shard-weights 12P/G, and gives 4P/G bytes of weights twice in place of
buffers.
"""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from step_counts import NORMS, Kept, at_once, of_processes
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from holdfast.config import RunConfig
from holdfast.methods import METHODS, build
from holdfast.objectives import multi_view_nt_xent

NETWORKS = {"ResNet-50": ("resnet50", 224), "ViT-B/16": ("vit_base_patch16_224", 224)}
BATCHES, GPUS, DIM = (4096, 16384, 65536), (8, 64, 256, 1024), 128
LOSS_MATRICES = 3
"""Matrices of 2B × 2B, float32, that NT-Xent has at once in forward and backward."""
COUNTED = {"ResNet of timm's tests": "timm/test_resnet", "ViT of timm's tests": "timm/test_vit"}
IN_SHARES = "ViT of timm's tests"
PROCESSES, BATCH, SIDE = (1, 2, 4), 64, 32
RESULTS = Path(__file__).parents[1] / "results" / "scaling.json"


def per_view(network: nn.Module, size: int, device: str) -> dict[str, float]:
    """FLOPs of a forward and backward pass of a view, and bytes that autograd keeps for it."""
    kept, views = Kept(network), torch.zeros(2, 3, size, size, device=device)
    with FlopCounterMode(display=False) as counter:
        with kept.watched():
            out = network(views)
        out.sum().backward()
    return {"flops": counter.get_total_flops() / 2, "bytes": kept.taken() / 2}


def model_of(
    network: nn.Module, view: dict[str, float], *, batch: int, gpus: int, size: int, shares: bool = False
) -> dict[str, float]:
    """The stated model's numbers of a process: FLOPs and bytes. shares: with --shard-weights."""
    found: Any = [module for module in network.modules() if isinstance(module, NORMS)]
    norms = [int(norm.num_features) for norm in found]
    several, dim = gpus > 1, DIM
    weights = 4.0 * sum(parameter.numel() for parameter in network.parameters())
    return {
        "views": 2 * batch / gpus,
        "flops": view["flops"] * 2 * batch / gpus,
        "crop_flops": 12 * size**3 * 2 * batch / gpus,
        "loss_flops": 3 * 2 * (2 * batch) ** 2 * dim,
        "activations": view["bytes"] * 2 * batch / gpus,
        "loss_kept": 4 * (2 * batch) ** 2 + 16 * batch * dim,
        "loss_bytes": LOSS_MATRICES * 4 * (2 * batch) ** 2,
        "held": 3 * weights / (gpus if shares else 1),
        "weights": several * shares * 2 * weights / gpus,
        "gradients": several * weights,
        "gathered": several * 8.0 * batch * dim / gpus,
        "counts": several * 16.0,
        "summed": several * 8.0 * batch * dim,
        "norms": several * 4.0 * sum(4 * channels + 1 for channels in norms),
        "buffers": several * (not shares) * float(sum(buffer.nbytes for buffer in network.buffers())),
    }


def table() -> list[dict[str, Any]]:
    """The model's numbers by network, batch and number of GPUs."""
    rows = []
    for name, (source, size) in NETWORKS.items():
        with torch.device("meta"):
            network = timm.create_model(source, num_classes=0).train()
            width = int(network.num_features)  # pyright: ignore[reportArgumentType]
            simclr = METHODS["simclr"]
            whole = nn.Sequential(network, simclr.head(simclr.Config(), width).train())
            view = per_view(whole, size, "meta")
        of_a_step = partial(model_of, whole, view, size=size)
        cases = [(batch, gpus) for batch in BATCHES for gpus in GPUS if batch // gpus >= 2]
        rows += [{"network": name, "batch": b, "gpus": g, **of_a_step(batch=b, gpus=g)} for b, g in cases]
    return rows


def small(encoder: str) -> RunConfig:
    """A run of SimCLR that processes of one machine train in a moment."""
    settings: dict[str, Any] = {"image_size": SIDE, "batch_size": BATCH, "epochs": 1, "precision": "32"}
    return RunConfig(
        method=METHODS["simclr"].Config(), encoder=encoder, signals_every=0, checkpoint_steps=10**9, **settings
    )


def predicted(config: RunConfig, gpus: int) -> dict[str, float]:
    """The model's numbers of a small run, named as step_counts names what it counts."""
    method = build(config, image_size=SIDE).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    view = per_view(method.network, SIDE, "cpu")
    shares = config.shard_weights
    found = model_of(method.network, view, batch=config.batch_size, gpus=gpus, size=SIDE, shares=shares)
    flops = sum(found[name] for name in ("flops", "crop_flops", "loss_flops"))
    names = ("weights", "gradients", "gathered", "counts", "summed", "norms", "buffers")
    kept = {"kept": found["activations"] + found["loss_kept"], "held": found["held"]}
    return {"flops": flops, **kept, **{name: found[name] for name in names if found[name]}}


def checked(gpus: int, name: str, *, shares: bool = False) -> dict[str, Any]:
    """Predicted and counted numbers of the first process."""
    config = replace(small(COUNTED[name]), shard_weights=shares)
    sides = {"predicted": predicted(config, gpus), "counted": dict(of_processes(config, gpus)[0])}
    for side in sides.values() if shares else ():
        del side["kept"]  # autograd names joined weights that are not there between the passes
    return {"network": name, "gpus": gpus, "shares": shares, **sides}


def loss_matrices(batch: int = 512) -> float:
    """Matrices of 2B × 2B that NT-Xent has at once, counted."""
    loss = partial(multi_view_nt_xent, temperature=0.2)
    return at_once(loss, torch.rand(2, batch, 8)) / (4 * (2 * batch) ** 2)


if __name__ == "__main__":
    rows, side_by_side = table(), [checked(gpus, name) for name in COUNTED for gpus in PROCESSES]
    side_by_side += [checked(gpus, IN_SHARES, shares=True) for gpus in PROCESSES if gpus > 1]
    for row in rows:
        print({name: value if isinstance(value, str) else float(f"{value:.3g}") for name, value in row.items()})
    for row in side_by_side:
        print(row)
    small_run = {"batch": BATCH, "side": SIDE, "rows": side_by_side, "loss_matrices": loss_matrices()}
    RESULTS.write_text(json.dumps({"table": rows, "checked": small_run}, indent=1) + "\n")
