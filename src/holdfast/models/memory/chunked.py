"""A network that keeps the activations of a few images at a time: large contrastive batches in little memory, with
the gradients of the whole batch (GradCache, arXiv:2101.06983, by recomputation)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint


class ChunkedNetwork(nn.Sequential):
    """nn.Sequential(encoder, head) that takes `chunk` images [n, ...] at a time and recomputes each chunk in backward.

    The embeddings of all images are there at once, so a loss sees the whole batch; only one chunk's activations are.
    Gradients equal those of one pass but for rounding, unless there are batch norms: in training these normalise by the
    statistics of each chunk. Running statistics move once for each chunk. One more forward pass for each backward.
    Raises ValueError for a chunk below 1.
    """

    def __init__(self, *modules: nn.Module, chunk: int):
        super().__init__(*modules)
        if chunk < 1:
            raise ValueError(f"expected a chunk of at least 1 image, got {chunk}; 256 is usual")
        self.chunk = chunk

    def forward(self, images: Tensor, whole: bool = False) -> Tensor:  # type: ignore[override]
        """Embeddings [n, d] of images [n, 3, h, w]; whole: in one pass that keeps all activations."""
        if whole or len(images) <= self.chunk:
            return super().forward(images)
        return torch.cat([self._part(part) for part in images.split(self.chunk)])

    def _part(self, images: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return super().forward(images)
        lent = _lent(self)

        def run(images: Tensor) -> Tensor:
            return functional_call(self, lent, (images, True))

        return checkpoint(run, images, use_reentrant=False, context_fn=partial(_contexts, self))  # type: ignore[return-value]


def recomputed(network: nn.Module, images: Tensor) -> Tensor:
    """The network's embeddings, whose activations are not kept; running statistics move in the first pass only."""
    run = partial(functional_call, network, _lent(network))
    return checkpoint(run, (images,), use_reentrant=False, context_fn=partial(_contexts, network))  # type: ignore[return-value]


def _lent(network: nn.Module) -> dict[str, Tensor]:
    """Weights as they are now: a pruned branch or a step up the loss lends others, and takes them back before the
    backward."""
    return dict(network.named_parameters())


def _contexts(network: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _restored(network, _modes(network))


def _modes(network: nn.Module) -> list[tuple[nn.Module, bool]]:
    return [(module, module.training) for module in network.modules()]


@contextmanager
def _restored(network: nn.Module, modes: list[tuple[nn.Module, bool]]) -> Iterator[None]:
    """Computes again in the modes of the first time, an attack's evaluation say, and undoes what this does to buffers;
    untracked norms would save other tensors than the first."""
    before, now = [(buffer, buffer.clone()) for buffer in network.buffers()], _modes(network)
    for module, mode in modes:
        module.training = mode
    try:
        yield
    finally:
        for module, mode in now:
            module.training = mode
        for buffer, value in before:
            buffer.data.copy_(value)  # .data: autograd must not take this for a change of a saved tensor
