"""How much our corruptions change a picture, over what imagecorruptions does: into results/imagecorruptions.json.

`pip install imagecorruptions==1.1.2 scikit-image opencv-python-headless numba`, then
`python experiments/corruptions_compared.py`. Of newer setuptools it misses `pkg_resources`, which is filled in here.
"""

import importlib.metadata
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_sample_image

from holdfast.data import Images
from holdfast.data.corruptions import CORRUPTIONS, corrupt
from holdfast.runs import write_json

RESULTS = Path(__file__).parent.parent / "results" / "imagecorruptions.json"
STRENGTHS, DRAWS = (1, 3, 5), 4


def theirs() -> Any:
    """The package, with the one function of pkg_resources that it calls."""
    module = ModuleType("pkg_resources")
    module.resource_filename = lambda package, name: str(Path(_origin(package)).parent / name)  # type: ignore[attr-defined]
    sys.modules.setdefault("pkg_resources", module)
    import imagecorruptions  # type: ignore[import-not-found]

    return imagecorruptions


def _origin(package: str) -> str:
    spec = importlib.util.find_spec(package.split(".")[0])
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def main() -> None:
    """Ratios of the mean absolute change of one picture of 224 pixels, ours over theirs, by kind and strength."""
    warnings.simplefilter("ignore")
    package = theirs()
    picture = np.ascontiguousarray(load_sample_image("flower.jpg")[100:324, 200:424])
    ours = Images(
        pixels=torch.from_numpy(picture.transpose(2, 0, 1).copy())[None].repeat(DRAWS, 1, 1, 1), ids=torch.arange(DRAWS)
    )
    ratios: dict[str, list[float] | None] = {}
    failed = {}
    for kind in CORRUPTIONS:
        try:
            ratios[kind] = [_ratio(package, picture, ours, kind, strength) for strength in STRENGTHS]
        except Exception as error:  # whatever an old package does beside a new numpy
            ratios[kind], failed[kind] = None, f"{type(error).__name__}: {error}"
        print(kind, ratios[kind], flush=True)
    versions = {name: importlib.metadata.version(name) for name in ("imagecorruptions", "numpy", "scikit-image")}
    write_json(
        RESULTS,
        {
            "command": "python experiments/corruptions_compared.py",
            "versions": versions,
            "strengths": STRENGTHS,
            "ratios": ratios,
            "failed": failed,
        },
    )


def _ratio(package: Any, picture: np.ndarray, ours: Images, kind: str, strength: int) -> float:
    made = corrupt(ours, kind, strength=strength, seed=0).pixels.numpy().astype(float)
    own = np.abs(made - ours.pixels.numpy()).mean()
    draws = [package.corrupt(picture, corruption_name=kind, severity=strength).astype(float) for _ in range(DRAWS)]
    return float(own / np.mean([np.abs(draw - picture).mean() for draw in draws]))


if __name__ == "__main__":
    main()
