"""The projection head that all methods share (2106.02990, code of its repository: two or three layers, norm after each)."""

from torch import nn


def projection_head(width: int, *, layers: int, out: int) -> nn.Sequential:
    """features [n, width] -> embeddings [n, out].

    Linear layers of the feature width, the first with a bias, the last to `out`; batch norm after each, the last included;
    ReLU between them. Raises ValueError for fewer than 2 or more than 3 layers.
    """
    if layers not in (2, 3):
        raise ValueError(f"expected a projection head of 2 or 3 layers, got {layers}; set --head-layers 2 or 3")
    parts: list[nn.Module] = []
    for index in range(layers - 1):
        parts += [nn.Linear(width, width, bias=index == 0), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts, nn.Linear(width, out, bias=False), nn.BatchNorm1d(out))
