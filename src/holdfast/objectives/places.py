"""InfoNCE at each place of a map, against the places of other images: SER's term (arXiv:2603.06693)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def place_info_nce(queries: Tensor, keys: Tensor, *, temperature: float) -> Tensor:
    """The mean over images i and places a of -log [e^{s(ia,ia)} / (e^{s(ia,ia)} + sum_{j != i, b} e^{s(ia,jb)})].

    queries, keys: [n, places, d] of the same images and places, of any length; s(ia,jb) is the cosine of query ia and
    key jb over the temperature. Other places of the same image are in neither sum. A scalar in nats, at least 0, lower
    is better; float32 for half precision. Raises ValueError for shapes that differ and for a single image.
    """
    if queries.shape != keys.shape or queries.ndim != 3 or len(queries) < 2:
        shapes = f"{list(queries.shape)} and {list(keys.shape)}"
        raise ValueError(f"expected queries and keys [n, places, d] of 2 images or more, got {shapes}; pair them first")
    images, places, _ = queries.shape
    with torch.autocast(queries.device.type, enabled=False):
        one, other = (F.normalize(rows.flatten(0, 1).to(_whole(rows)), dim=1) for rows in (queries, keys))
        similarity = one @ other.T / temperature
    image = torch.arange(images, device=queries.device).repeat_interleave(places)
    left_out = (image == image[:, None]) & ~torch.eye(len(image), dtype=torch.bool, device=image.device)
    return (similarity.masked_fill(left_out, -torch.inf).logsumexp(dim=1) - similarity.diagonal()).mean()


def likeness(places: Tensor) -> Tensor:
    """The mean cosine of two places of the same image, of features [n, places, d]: a scalar in [-1, 1]; 1 for one."""
    unit, count = F.normalize(places.to(_whole(places)), dim=2), places.shape[1]
    pairs = unit.sum(1).square().sum(1) - count
    return pairs.mean() / (count * (count - 1)) if count > 1 else pairs.mean() + 1


def _whole(rows: Tensor) -> torch.dtype:
    return torch.float32 if rows.dtype in (torch.bfloat16, torch.float16) else rows.dtype
