"""EMP-SSL: many crops of an image agree, and each view spreads over the space (arXiv:2304.03977).

Half of the crops may go through SDCLR's pruned twin (2106.02990): that is ours, and no paper's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.config import MethodConfig, require
from holdfast.distributed import gather
from holdfast.methods.base import Method, Views
from holdfast.models import PrefeatureHead, PrunedBranch, recomputed
from holdfast.objectives import emp_ssl


@dataclass(frozen=True, kw_only=True)
class EMPSSLConfig(MethodConfig):
    """EMP-SSL's own settings."""

    view_count: int = 16
    """Crops of an image; 16 in the robust paper, 20 to 200 in the first."""
    similarity_weight: float = 200.0
    """Weight of the agreement between views."""
    rate_weight: float = 1.0
    """Weight of the coding rate."""
    rate_eps: float = 0.2
    """Distortion that the coding rate allows."""
    head: Literal["prefeature", "shared"] = "prefeature"
    """'prefeature': the paper's wide layer, which audits can use, and projector; 'shared': other methods' head."""
    head_dim: int = 1024
    """Width of the embeddings."""
    prefeature_dim: int = 4096
    """Width of the pre-features and of the projector."""
    pass_views: int | None = None
    """Views of a batch per pass of the network; fewer need less memory and a third more time, as activations are
    computed twice, and batch norm sees one pass at a time. None: all at once."""
    prune_ratio: float = 0.0
    """Share of convolution weights hidden from a twin that encodes the second half of the views (SDCLR's); 0: none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.view_count >= 2, "view_count >= 2", self.view_count, "views must have others to agree with")
        twin, chunked = self.prune_ratio, self.pass_views
        require(0 <= twin < 1, "0 <= prune_ratio < 1", twin, "0 leaves the twin out, SDCLR uses 0.9")
        require(not (twin and chunked), "--prune-ratio without --pass-views", chunked, "leave one of them out")
        require(self.rate_eps > 0, "rate_eps > 0", self.rate_eps, "the paper uses 0.2")
        require(self.head in ("prefeature", "shared"), "head 'prefeature' or 'shared'", self.head, "set --head")
        for name in ("prefeature_dim", "pass_views"):
            require(
                getattr(self, name) is None or getattr(self, name) >= 1, f"{name} >= 1", getattr(self, name), "raise it"
            )

    @property
    def whole_weights(self) -> str | None:
        return "ranks all weights and hides some (--prune-ratio)" if self.prune_ratio else None


class EMPSSL(Method):
    """Many crops of an image agree with their mean; the coding rate keeps the images of a view apart."""

    Config = EMPSSLConfig
    purpose = "crops"
    moved_views = slice(None)

    def __init__(self, config: EMPSSLConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.views_per_image = config.view_count
        self.pruned = PrunedBranch(network, ratio=config.prune_ratio) if config.prune_ratio else None

    @classmethod
    def head(cls, config: Any, width: int) -> nn.Module:
        if config.head == "shared":
            return super().head(config, width)
        return PrefeatureHead(width, width=config.prefeature_dim, out=config.head_dim)

    def loss(self, views: Views) -> Tensor:
        config = self.config
        z = self._embed(views.images)
        with torch.autocast(z.device.type, enabled=False):
            z = F.normalize(z.float() if z.dtype in (torch.bfloat16, torch.float16) else z, dim=-1)
        z = gather(z.transpose(0, 1)).transpose(0, 1)  # [v, n of all ranks, d]
        weights = {"similarity_weight": config.similarity_weight, "rate_weight": config.rate_weight}
        return emp_ssl(z, **weights, eps=config.rate_eps)

    def _embed(self, images: Tensor) -> Tensor:
        """Embeddings [v, n, d] of views [v, n, 3, h, w]."""
        shape, chunk = images.shape[:2], self.config.pass_views
        if self.pruned is not None:
            dense, other = images[: (shape[0] + 1) // 2], images[(shape[0] + 1) // 2 :]
            z = self.network(dense.flatten(0, 1)), self.pruned(self.network, other.flatten(0, 1))
            return torch.cat(z).unflatten(0, shape)
        if chunk is None or chunk >= shape[0]:
            return self.network(images.flatten(0, 1)).unflatten(0, shape)
        parts = [recomputed(self.network, part.flatten(0, 1)) for part in images.split(chunk)]
        return torch.cat(parts).unflatten(0, shape)

    def start_epoch(self, epoch: int) -> None:
        if self.pruned is not None:
            self.pruned.rerank(self.network)
