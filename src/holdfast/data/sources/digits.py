"""The handwritten digits that scikit-learn ships: images for a first run, with nothing to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.data.files import LoadRequest
from holdfast.data.images import Images
from holdfast.data.sources.source import Source
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    torch = deferred("torch")
    F = deferred("torch.nn.functional")


class Digits(Source):
    """'digits'."""

    written = "'digits'"
    on_disk = False

    @staticmethod
    def matches(name: str) -> bool:
        return name == "digits"

    def load(self, request: LoadRequest) -> Images:
        """All 1,797 digits of scikit-learn, 8×8 in 17 shades, enlarged bilinearly to 32×32 (or size×size).

        Values 0..16 become 0..255 in three equal channels. At 32×32 every product is exact in binary, so all machines
        get the same bytes.
        """
        from sklearn.datasets import load_digits  # half a second of import that other sources do not need

        shades, digits = load_digits(return_X_y=True)
        places = request.places(len(shades), "digits")
        side = request.size or 32
        request.check_budget(len(places), side, side, "digits")
        grey = torch.from_numpy(shades).reshape(-1, 1, 8, 8)[places] / 16
        large = F.interpolate(grey, size=(side, side), mode="bilinear", align_corners=False, antialias=side < 8)
        pixels = (255 * large).round().clamp(0, 255).to(torch.uint8).repeat(1, 3, 1, 1)
        labels = torch.from_numpy(digits).to(torch.int64)[places]
        return Images(pixels, places, labels, tuple("0123456789"), "digits")
