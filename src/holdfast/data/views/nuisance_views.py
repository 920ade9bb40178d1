"""Views of Spirograph, and the nuisances that any view was made with: what it could look like with others."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from holdfast.config import ViewSettings
from holdfast.data.batches import Batch
from holdfast.data.spirograph import (
    COLUMNS,
    SpirographParameters,
    SpirographSource,
    draw_spirograph,
    limits,
)
from holdfast.data.views.augment import apply
from holdfast.data.views.draw import Views
from holdfast.data.views.parameters import COLOURS, Parameters, colour_limits


def spirograph_views(
    batch: Batch, source: SpirographSource, *, seed: int, size: int, views: int = 2, purpose: str = "views"
) -> Views:
    """Views of Spirograph images: the same targets with other nuisances, keyed as make_views keys crops."""
    images, parameters = draw_spirograph(batch, source, seed=seed, size=size, views=views, purpose=purpose)
    return Views(images, parameters, batch)


@dataclass(frozen=True)
class Nuisances:
    """One view of a batch as a function of the nuisances α that it was made with; all other parameters stay."""

    names: tuple[str, ...]
    values: Tensor
    """[n, p]: α of the view."""
    low: Tensor
    """[p]: lower ends of what α is drawn from, uniformly and independently."""
    high: Tensor
    """[p]: upper ends."""
    render: Callable[[Tensor], Tensor]
    """α [n, p] -> the view [n, 3, size, size]; differentiable twice."""


def nuisances(views: Views, settings: ViewSettings, *, view: int = 0) -> Nuisances:
    """The nuisances of one of the views: colour factors of a crop (settings: what they were drawn from), or
    Spirograph's six."""
    if isinstance(views.parameters, SpirographParameters):
        return _of_spirograph(views.parameters, view)
    return _of_colours(views.batch.images, views.parameters, settings, view)


def _of_spirograph(parameters: SpirographParameters, view: int) -> Nuisances:
    names, table = parameters.source.nuisances, parameters.values[view]
    columns = [COLUMNS.index(name) for name in names]

    def render(alpha: Tensor) -> Tensor:
        places = torch.tensor(columns, device=alpha.device)
        return parameters.render(table.to(alpha.dtype).index_copy(1, places, alpha))

    low, high = limits(names).to(table.device, table.dtype)
    return Nuisances(names, table[:, columns], low, high, render)


def _of_colours(images: Tensor, parameters: Parameters, settings: ViewSettings, view: int) -> Nuisances:
    table = replace(parameters.map(lambda tensor: tensor[view : view + 1]), order=parameters.order[view : view + 1])

    def render(alpha: Tensor) -> Tensor:
        return apply(images, replace(table, **dict(zip(COLOURS, alpha.T[:, None], strict=True))))[0]

    values = torch.stack([getattr(table, name)[0] for name in COLOURS], dim=1).to(images)
    low, high = values.new_tensor([colour_limits(settings, name) for name in COLOURS]).T
    return Nuisances(COLOURS, values, low, high, render)
