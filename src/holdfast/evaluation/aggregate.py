"""Aggregated evaluation: an image's features are the mean over random crops of it (EMP-SSL, arXiv:2304.03977)."""

import torch
from torch import Tensor, nn

from holdfast.config import ViewSettings
from holdfast.data.views import Parameters, apply, order_keys, sample
from holdfast.randomness import fold, key


class AggregatedEncoder(nn.Module):
    """Pixels [n, 3, h, w] in [0, 1] -> mean features [n, dim] over `views` random views of each image.

    The views are drawn by seed and their number, and are the same for every image: so its features depend neither on
    its batch nor on its place. Differentiable in the pixels through all views: an attack on this encoder moves the
    image under its crops, which it knows, against their mean.
    """

    def __init__(self, encoder: nn.Module, settings: ViewSettings, *, views: int, size: int, seed: int = 0):
        super().__init__()
        if views < 1:
            raise ValueError(f"expected at least one view to average over, got {views}; the papers use 1 to 128")
        self.encoder, self.settings, self.views, self.size, self.seed = encoder, settings, views, size, seed

    def forward(self, images: Tensor) -> Tensor:
        total: Tensor | None = None
        for view in range(self.views):
            features = self.encoder(apply(images, self._drawn(images, view))[0])
            total = features if total is None else total + features
        assert total is not None
        return total / self.views

    def _drawn(self, images: Tensor, view: int) -> Parameters:
        """The parameters of one view, equal for all images."""
        n, _, height, width = images.shape
        keys = fold(key(self.seed, "aggregate"), torch.tensor([view]))[:, None].expand(1, n)
        orders = fold(order_keys(self.seed, "aggregate", epoch=0, views=1), view)
        box = {"height": height, "width": width, "size": self.size}
        return sample(keys.to(images.device), self.settings, **box, order_keys=orders)
