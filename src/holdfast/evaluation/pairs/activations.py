"""Taps: what leaves a network's layers while it runs once, pooled to one row per image."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import timm.models.resnet
import torch
import torchvision.models.resnet
from torch import Tensor, nn

_RESIDUAL = (
    timm.models.resnet.BasicBlock,
    timm.models.resnet.Bottleneck,
    torchvision.models.resnet.BasicBlock,
    torchvision.models.resnet.Bottleneck,
)


@dataclass(frozen=True)
class Tap:
    """A layer that is listened to."""

    name: str
    """The module's name in the encoder."""
    kind: str
    """What comes out there: 'stem', 'attention', 'MLP', 'post-residual' or 'stage'."""

    @property
    def chain(self) -> str:
        """Taps of one chain follow one another, so that their scores may be subtracted."""
        return self.kind if self.kind in ("attention", "MLP") else "trunk"


def find_taps(encoder: nn.Module) -> list[Tap]:
    """The layers of an encoder from input to output; empty where its kind is not known.

    Transformer blocks (with attn and mlp) give three taps each, ResNets one after the stem's ReLU and after every
    residual sum, other timm networks one after each stage that their feature_info names.
    """
    modules = dict(encoder.named_modules())
    blocks = [name for name, module in modules.items() if hasattr(module, "attn") and hasattr(module, "mlp")]
    if blocks:
        parts = (("attn", "attention"), ("mlp", "MLP"))
        inner = [[Tap(f"{b}.{part}", kind) for part, kind in parts] + [Tap(b, "post-residual")] for b in blocks]
        return [tap for block in inner for tap in block]
    residual = [Tap(name, "post-residual") for name, module in modules.items() if isinstance(module, _RESIDUAL)]
    if residual:
        root = residual[0].name.split("layer")[0]
        stem = [Tap(root + name, "stem") for name in ("act1", "relu") if root + name in modules][:1]
        return stem + residual
    return _stages(modules)


def _stages(modules: dict[str, nn.Module]) -> list[Tap]:
    for name, module in modules.items():
        stages = [stage["module"] for stage in getattr(module, "feature_info", None) or []]
        prefix = f"{name}." if name else ""
        if stages and all(prefix + stage in modules for stage in stages):
            return [Tap(prefix + stage, "stage") for stage in stages]
    return []


@contextmanager
def tapped(encoder: nn.Module, taps: list[Tap]) -> Iterator[dict[str, Tensor]]:
    """Yields a dictionary that holds, after each pass of the encoder, every tap's pooled output [n, channels] float32.

    Maps are averaged over space, tokens over the patches. The hooks are removed when the block ends.
    """
    outputs: dict[str, Tensor] = {}
    owner = next((m for m in encoder.modules() if hasattr(m, "num_prefix_tokens")), None)
    prefix = int(getattr(owner, "num_prefix_tokens", 0))
    last = any(getattr(module, "output_fmt", "NCHW") == "NHWC" for module in encoder.modules())
    handles = []
    for tap in taps:

        def keep(module: nn.Module, inputs: object, output: Tensor, name: str = tap.name) -> None:
            outputs[name] = _pooled(output, prefix, last)

        handles.append(encoder.get_submodule(tap.name).register_forward_hook(keep))
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _pooled(output: Tensor, prefix: int, channels_last: bool) -> Tensor:
    if output.ndim == 4:
        return output.mean((1, 2) if channels_last else (2, 3), dtype=torch.float32)
    return output[:, prefix:].mean(1, dtype=torch.float32) if output.ndim == 3 else output.flatten(1).float()
