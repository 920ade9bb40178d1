"""preprocessor_config.json: mean, deviation, size and resize that a transformers folder states."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.system import read_json

FILE = "preprocessor_config.json"
_RESAMPLE = {0: "nearest", 1: "Lanczos", 2: "bilinear", 3: "bicubic"}
_SHORTEST = ("CLIP", "Bit", "ConvNeXt", "ConvNext")


def preprocessing(folder: Path, default_size: int) -> dict[str, Any]:
    """{mean, std, image_size, resize} of a folder. Raises ValueError where there is no file or it cannot be followed.

    A rescale_factor that is not 1/255 is folded into mean and std, which are of pixels in [0, 1].
    """
    path = folder / FILE
    if not path.is_file():
        raise ValueError(
            f"expected {FILE} in {folder}, got none: which mean and std it was trained with is in no other file; "
            "copy it from where the model came from"
        )
    facts = read_json(path, "the settings of a preprocessor", "get the file again")
    if facts.get("do_normalize", True) and not {"image_mean", "image_std"} <= set(facts):
        raise ValueError(f"expected image_mean and image_std in {path}, got neither; write them, or do_normalize false")
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if facts.get("do_normalize", True):
        mean, std = tuple(facts["image_mean"]), tuple(facts["image_std"])
    scale = 255 * facts.get("rescale_factor", 1 / 255) if facts.get("do_rescale", True) else 255.0
    size, how = _size(facts, default_size, path)
    return {
        "mean": tuple(value / scale for value in mean),
        "std": tuple(value / scale for value in std),
        "image_size": size,
        "resize": how,
    }


def _size(facts: Mapping[str, Any], default: int, path: Path) -> tuple[int, str]:
    """(pixels a side, how the processor brings a picture there)."""
    kind = _RESAMPLE.get(facts.get("resample", 3), "another")
    if not facts.get("do_resize", True):
        return default, "no resize"
    crop = _side(facts.get("crop_size"), path) if facts.get("do_center_crop") else None
    size, edge = facts.get("size", default), None
    if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
        edge = int(size["shortest_edge"])
    elif isinstance(size, int) and str(facts.get("image_processor_type", "")).startswith(_SHORTEST):
        edge = size
    if edge is None:
        side = _side(size, path)
        return crop or side, f"{kind} resize, squashed to {side}" + (f", centre {crop}" if crop else "")
    if "crop_pct" in facts and edge < 384:
        return edge, f"{kind} resize of the shorter side to {round(edge / facts['crop_pct'])}, centre {edge}"
    if "crop_pct" in facts:
        return edge, f"{kind} resize, squashed to {edge}"
    return crop or edge, f"{kind} resize of the shorter side to {edge}" + (f", centre {crop}" if crop else "")


def _side(size: Any, path: Path) -> int:
    sides = {size} if isinstance(size, int) else set(size) if isinstance(size, list | tuple) else None
    if isinstance(size, Mapping) and set(size) == {"height", "width"}:
        sides = {size["height"], size["width"]}
    if sides is None or len(sides) != 1:
        raise ValueError(f"expected a square size in {path}, got {size}; pass the model as your own module")
    return int(sides.pop())
