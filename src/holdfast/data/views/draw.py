"""Random views of a batch: parameters drawn by keys, then applied as one batched, differentiable function."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from holdfast.config import ViewSettings
from holdfast.data.batches import Batch
from holdfast.data.views.augment import apply, order_keys, sample
from holdfast.randomness import sample_keys


@dataclass(frozen=True)
class Views:
    """Views of a batch, with all that is needed to make them again or others like them."""

    images: Tensor
    """[v, n, 3, size, size] float32, in [0, 1]."""
    parameters: Any
    """What they were made with, each tensor [v, n]: augment.Parameters, or a source's own table."""
    batch: Batch
    """Where they come from."""


def make_views(
    batch: Batch, settings: ViewSettings, *, seed: int, size: int, views: int = 2, purpose: str = "views"
) -> Views:
    """Draws views of size by size pixels of every image of a batch, on the batch's device.

    A view is keyed by (seed, purpose, epoch, id, number of the view): batch size, image order, ranks and resume change
    no draw, and move its pixels by 1e-6 at most. The order of the colour operations is keyed by (seed, purpose, epoch,
    number of the view) and so is common to all samples. Another purpose gives independent views of the same images.
    """
    if size < 1 or views < 1:
        raise ValueError(f"expected size and views of at least 1, got size {size} and {views} views; raise them")
    height, width = batch.images.shape[-2:]
    keys = sample_keys(seed, purpose, epoch=batch.epoch, ids=batch.ids, views=views)
    orders = order_keys(seed, purpose, epoch=batch.epoch, views=views)
    parameters = sample(keys, settings, height=height, width=width, size=size, order_keys=orders)
    return Views(apply(batch.images, parameters), parameters, batch)


def side_of_views(settings: ViewSettings, *, full: int, epoch: int, epochs: int) -> int:
    """Pixels of a training view in an epoch: settings.view_size, and the full size in the last settings.view_grow."""
    small = epoch < round((1 - settings.view_grow) * epochs)
    return settings.view_size if small and settings.view_size is not None else full


def joined(*parts: Views) -> Views:
    """All views of one batch that was drawn in parts, of one size, one part after the other."""
    first, tables = parts[0], [part.parameters for part in parts]
    found: dict[str, Any] = {
        name: torch.cat([getattr(table, name) for table in tables]) for name in _tensors(first.parameters)
    }
    if hasattr(first.parameters, "order"):
        found["order"] = sum((table.order for table in tables), ())
    return Views(torch.cat([part.images for part in parts]), replace(first.parameters, **found), first.batch)


def picked(views: Views, places: Sequence[int]) -> Views:
    """The views at some places, one as often as its place is named."""
    table, chosen = views.parameters, list(places)
    found = {name: value[chosen] for name, value in _tensors(table).items()}
    if hasattr(table, "order"):
        found["order"] = tuple(table.order[place] for place in chosen)
    return Views(views.images[chosen], replace(table, **found), views.batch)


def of_images(views: Views, rows: Tensor) -> Views:
    """The views of some images of their batch, by their rows [m] int64; the batch is of them alone."""
    batch, table = views.batch, views.parameters
    groups = {name: group[rows.cpu()] for name, group in batch.subgroups.items()}
    found = {name: value[:, rows] for name, value in _tensors(table).items()}
    own = replace(batch, images=batch.images[rows], ids=batch.ids[rows], subgroups=groups)
    return Views(views.images[:, rows], replace(table, **found), own)


def _tensors(table: Any) -> dict[str, Any]:
    """The fields of a table of parameters that hold something of each view and image."""
    values = {field.name: getattr(table, field.name) for field in fields(table)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
