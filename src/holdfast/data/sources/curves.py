"""Drawn curves of twenty classes: labelled pictures for a first run on which methods can differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.data.files import LoadRequest
from holdfast.data.images import Images
from holdfast.data.sources.source import Labels, Source
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
else:
    torch = deferred("torch")

COUNT = 5000
_CHUNK = 1024


class Curves(Source):
    """'curves' or 'curves:COUNT'."""

    written = "'curves'"
    on_disk = False

    @staticmethod
    def matches(name: str) -> bool:
        return name.partition(":")[0] == "curves"

    def load(self, request: LoadRequest) -> Images:
        """Pictures in turn of the 20 classes, 32×32 or size×size; the first ones of more are those of fewer."""
        from holdfast.data.curves import CURVE_CLASSES, draw_curves

        total = self._count()
        places, size = request.places(total, self.name), request.size or 32
        request.check_budget(len(places), size, size, self.name)
        labels = places % len(CURVE_CLASSES)
        pixels = torch.empty(len(places), 3, size, size, dtype=torch.uint8)
        for start in range(0, len(places), _CHUNK):
            rows = slice(start, start + _CHUNK)
            pixels[rows] = draw_curves(labels[rows], places[rows], seed=0, size=size)
        return Images(pixels, places, labels, CURVE_CLASSES, self.name)

    def labels(self, request: LoadRequest) -> Labels:
        from holdfast.data.curves import CURVE_CLASSES

        return torch.arange(self._count()) % len(CURVE_CLASSES), CURVE_CLASSES

    def _count(self) -> int:
        _, colon, count = self.name.partition(":")
        if not colon:
            return COUNT
        if not count.isdecimal() or int(count) < 1:
            raise ValueError(f"expected 'curves' or 'curves:COUNT' such as curves:20000, got {self.name!r}")
        return int(count)
