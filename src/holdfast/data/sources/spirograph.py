"""Spirograph (arXiv:2010.09515) as a source: 'spirograph:100000'."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from holdfast.config import ViewSettings
from holdfast.data.files import LoadRequest
from holdfast.data.images import Images
from holdfast.data.sources.source import Labels, Source, ViewMaker
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

_CHUNK = 1024


class Spirograph(Source):
    """'spirograph:COUNT' and the words after it; see parse_spirograph."""

    written = "'spirograph:COUNT'"
    on_disk = False

    @staticmethod
    def matches(name: str) -> bool:
        return name.partition(":")[0] == "spirograph"

    def load(self, request: LoadRequest) -> Images:
        """The pictures, 32×32 or size×size, with all ten parameters as their factors.

        Rendered in float64 and then rounded, so that machines agree on the bytes.
        """
        from holdfast.data.spirograph import COLUMNS, parse_spirograph, render_spirograph

        spec = parse_spirograph(self.name)
        places, size = request.places(spec.count, self.name), request.size or 32
        request.check_budget(len(places), size, size, self.name)
        parameters = spec.parameters(places)
        pixels = torch.empty(len(places), 3, size, size, dtype=torch.uint8)
        for start in range(0, len(places), _CHUNK):
            rows = slice(start, start + _CHUNK)
            pictures = render_spirograph(parameters[rows].double(), size=size, normalise=spec.normalise)
            pixels[rows] = (255 * pictures).round().to(torch.uint8)
        factors: dict[str, Tensor] = dict(zip(COLUMNS, parameters.unbind(1), strict=True))
        return Images(pixels, places, None, None, self.name, factors)

    def labels(self, request: LoadRequest) -> Labels:
        return None, None

    def views(self, settings: ViewSettings, *, seed: int, size: int) -> ViewMaker:
        """The targets drawn again with other nuisances; the settings have no effect."""
        from holdfast.data.spirograph import parse_spirograph
        from holdfast.data.views import spirograph_views

        return partial(spirograph_views, source=parse_spirograph(self.name), seed=seed, size=size)

    def targets(self, images: Images) -> tuple[str, ...]:
        from holdfast.data.spirograph import parse_spirograph

        return parse_spirograph(self.name).targets
