"""`holdfast inspect FOLDER --method none` against CleanVision 0.3.7, each as a process of its own: time and memory.

    python benchmarks/inspection.py [--small 5000] [--large 600] [--rounds 2]

Both look at the same JPEG files: small ones of 128×96 pixels, and photographs of 1600×1024, all of different pixels.
CleanVision looks for its usual issues (dark, light, blurry, odd, grey, copies and near copies), holdfast for counts,
sizes, damage, copies, near-duplicates, plain and grey images. Memory is the most that a process and its children hold
at once, shared pages once. Needs cleanvision (the bench extra).
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from measuring import Ratio, Rounds, finish, memory_over, process, take_turns, times_faster
from PIL import Image

THEIRS = """
import sys
from cleanvision import Imagelab
if __name__ == "__main__":
    lab = Imagelab(data_path=sys.argv[1])
    lab.find_issues(verbose=False)
    print(len(lab.issues))
"""
TARGETS = {"small": 5.0, "large": 8.0}
SIZES = {"small": (128, 96), "large": (1600, 1024)}


def make_files(root: Path, files: int, size: tuple[int, int]) -> None:
    """JPEG files of one size, a patchwork of colours with some detail; each is another one shifted and mirrored."""
    root.mkdir()
    width, height = size
    bases = []
    for number in range(min(files, 25)):
        rng = np.random.default_rng(number)
        layers = [
            np.asarray(Image.fromarray(rng.integers(0, 256, (n, n, 3), np.uint8)).resize(size), np.float32)
            for n in (3, 12, 48)
        ]
        bases.append(np.average(layers, axis=0, weights=(4, 3, 2)).astype(np.uint8))
    for number in range(files):
        rng = np.random.default_rng(1000 + number)
        pixels = np.roll(bases[number % len(bases)], (rng.integers(height), rng.integers(width)), (0, 1))
        pixels = pixels[..., rng.permutation(3)][:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
        Image.fromarray(np.ascontiguousarray(pixels)).save(root / f"{number:05}.jpg", quality=90)


def measured(name: str, files: int, rounds: int, folder: Path) -> list[Ratio]:
    """Times as fast, and share of the memory, on files of one size."""
    pictures, script = folder / name, folder / "theirs.py"
    make_files(pictures, files, SIZES[name])
    script.write_text(THEIRS)
    ours = [sys.executable, "-m", "holdfast", "inspect", str(pictures), "--method", "none"]
    contestants = {
        "holdfast": lambda: process(ours),
        "CleanVision": lambda: process([sys.executable, str(script), str(pictures)]),
    }
    found: Rounds = take_turns(contestants, rounds, warm=0)
    width, height = SIZES[name]
    what = f"`inspect` of {files:,} JPEG files of {width}×{height} against CleanVision"
    return [
        times_faster(f"{what}: times as fast", found, "holdfast", "CleanVision", target=TARGETS[name]),
        memory_over(f"{what}: memory", found, "holdfast", "CleanVision", target=1.0),
    ]


def main() -> None:
    """Small files, then large ones."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--large", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    settings = f"{options.small:,} small and {options.large:,} large files, {options.rounds} rounds in turn"
    if importlib.util.find_spec("cleanvision") is None:
        finish("inspection", [], settings=settings, left_out=["CleanVision is not installed: the bench extra has it"])
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["XDG_CACHE_HOME"] = f"{temporary}/cache"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        ratios = measured("small", options.small, options.rounds, folder)
        ratios += measured("large", options.large, options.rounds, folder)
    finish("inspection", ratios, settings=settings)


if __name__ == "__main__":
    main()
