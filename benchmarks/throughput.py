"""End-to-end training speed against the bare model: ResNet-18 with the small stem at 32 pixels unless told otherwise.

    python benchmarks/throughput.py [--batch-size 256] [--steps 4] [--rounds 5] [--encoder timm/resnet18]

Prints views per second of each method (loading, views, losses, optimiser, metrics: all that a run does between two
checkpoints) divided by those of the bare model's forward, backward and optimiser step on a resident random batch at
the same precision and memory format; then SDCLR's step over SimCLR's; then, where lightly is installed (the bench
extra), the ratio to lightly's own SimCLR pipeline as its documentation has it (float32, two loader workers). The
contestants take turns, so that a change in the machine's speed meets all of them; speeds are medians over rounds,
ratios of the best round of each.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measuring import Ratio, finish
from torch import nn

from holdfast.config import RunConfig
from holdfast.engine.session import environment, launch
from holdfast.engine.speed import Contestant, bare_speed, noise_images, trained_speed
from holdfast.methods import METHODS


def configuration(name: str, options: argparse.Namespace) -> RunConfig:
    """A run of one epoch without signals."""
    return RunConfig(
        method=METHODS[name].Config(),
        encoder=options.encoder,
        stem="small",
        image_size=options.size,
        batch_size=options.batch_size,
        epochs=1,
        signals_every=0,
        precision=options.precision,
        lr=1e-3,
    )


def trained(name: str, options: argparse.Namespace, folder: Path) -> Contestant:
    """A method through the engine's own loop."""
    folder.mkdir()
    return trained_speed(configuration(name, options), folder, steps=options.steps)


def bare(options: argparse.Namespace) -> Contestant:
    """The same network alone, on one resident batch of two views an image."""
    return bare_speed(configuration("simclr", options), steps=options.steps)


def lightly_simclr(options: argparse.Namespace) -> Contestant:
    """lightly's SimCLR by its documentation: torchvision ResNet-18, its transform and loss, a loader with workers."""
    import torchvision
    from lightly.loss import NTXentLoss  # type: ignore[import-not-found]
    from lightly.models.modules import SimCLRProjectionHead  # type: ignore[import-not-found]
    from lightly.transforms import SimCLRTransform  # type: ignore[import-not-found]
    from torchvision.transforms.functional import to_pil_image

    network = torchvision.models.resnet18()
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    network.maxpool, network.fc = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    model = nn.Sequential(network, SimCLRProjectionHead(512, 512, 128))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    transform, criterion = SimCLRTransform(input_size=options.size, gaussian_blur=0.0), NTXentLoss(temperature=0.2)
    pixels = noise_images(options.batch_size * options.steps, options.size).pixels
    dataset = [to_pil_image(image) for image in pixels]
    loader = torch.utils.data.DataLoader(
        _Transformed(dataset, transform), batch_size=options.batch_size, shuffle=True, num_workers=2
    )

    def measure() -> float:
        start = time.perf_counter()
        for first, second in loader:
            loss = criterion(model(first), model(second))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return 2 * len(dataset) / (time.perf_counter() - start)

    return measure


class _Transformed(torch.utils.data.Dataset):
    def __init__(self, images: list, transform: Callable):
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> list:
        return self.transform(self.images[index])


def options_of_the_command_line() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--methods", nargs="+", default=["simclr", "sdclr"])
    parser.add_argument("--alone", action="store_true", help="leave lightly out")
    return parser.parse_args()


def main() -> None:
    """Warms every contestant up, lets them take turns, and reports."""
    options = options_of_the_command_line()
    with tempfile.TemporaryDirectory() as folder:
        contestants = {"bare model": bare(options)}
        contestants |= {name: trained(name, options, Path(folder) / name) for name in options.methods}
        if importlib.util.find_spec("lightly") and not options.alone:
            contestants["lightly SimCLR"] = lightly_simclr(options)
        for measure in contestants.values():
            measure()
        speeds = {name: [] for name in contestants}
        for _ in range(options.rounds):
            for name, measure in contestants.items():
                speeds[name].append(measure())
    report(speeds, options)


def report(speeds: dict[str, list[float]], options: argparse.Namespace) -> None:
    """Prints speeds and ratios, and writes them with what they were measured on."""
    fabric = launch(configuration("simclr", options))
    facts = environment(fabric)
    print(
        f"{facts['device']}, {facts['threads']} threads, torch {facts['versions']['torch']}, {options.encoder}, "
        f"{options.size} px, batch {options.batch_size}, {options.steps} steps × {options.rounds} rounds"
    )
    for name, values in speeds.items():
        print(f"  {name:16} {statistics.median(values):8.1f} views/s  [{min(values):.1f}, {max(values):.1f}]")
    size = f"{options.encoder}, {options.size} px, batch {options.batch_size}"
    pairs: dict[str, tuple[str, str, float | None]] = {
        f"{name} over the bare model": (name, "bare model", 0.95) for name in options.methods
    }
    if {"simclr", "sdclr"} <= set(options.methods):
        pairs["a step of sdclr: speed of simclr's over it"] = ("simclr", "sdclr", None)
    if "lightly SimCLR" in speeds:
        pairs["simclr over lightly's SimCLR"] = ("simclr", "lightly SimCLR", None)
    ratios = [ratio(f"training, views a second, {what}, {size}", speeds, *of) for what, of in pairs.items()]
    settings = f"{size}, {facts['threads']} threads, {options.precision} precision, {options.steps} steps a round"
    left = [] if options.alone or "lightly SimCLR" in speeds else ["lightly is not installed: the bench extra has it"]
    finish("throughput", ratios, settings=f"{settings}, {options.rounds} rounds in turn", left_out=left)


def ratio(what: str, speeds: dict[str, list[float]], above: str, below: str, target: float | None) -> Ratio:
    """Speed over speed, by the best round of each, with the spread of the rounds' own ratios."""
    each = [a / b for a, b in zip(speeds[above], speeds[below], strict=True)]
    best = {f"{name}, views/s": max(speeds[name]) for name in (above, below)}
    value = max(speeds[above]) / max(speeds[below])
    ends = {"value": value, "low": min(each), "high": max(each), "target": target}
    return Ratio(what=what, **ends, taken="best round of each", seen=best)


if __name__ == "__main__":
    main()
