"""Toy images whose class can be read off their red, and encoders whose audits are known by hand."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from holdfast.audits import Known, Options, Pairs, Subject, audit, prepare
from holdfast.data import Images
from holdfast.data.images import Subgroups

NAMES = ("a", "b", "c", "d", "e", "f")
COUNTS = (60, 40, 30, 20, 15, 10)
"""Images by class of `toy_images()`: class 0 is the most frequent."""


def toy_images(
    counts: tuple[int, ...] = COUNTS, *, seed: int = 0, source: str = "toy", first_id: int = 0, sited: bool = True
) -> Images:
    """Noise [n, 3, 8, 8] in green and blue over a plain red that is brighter by class; sites alternate."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (len(labels), 3, 8, 8), dtype=torch.uint8, generator=generator)
    pixels[:, 0] = (20 + 40 * labels[:, None, None]).to(torch.uint8)
    ids = first_id + torch.arange(len(labels))
    sites = {"site": Subgroups(torch.arange(len(labels)) % 2, ("north", "south"))} if sited else {}
    known = {"labels": labels, "classes": NAMES[: len(counts)], "subgroups": sites}
    return Images(pixels=pixels, ids=ids, source=source, **known)


class ReadsTheClass(nn.Module):
    """One-hot class [n, 6] read from the middle; classes in `blind` all look like `blind[0]`."""

    def __init__(self, blind: tuple[int, ...] = ()):
        super().__init__()
        self.blind = blind

    def forward(self, images: Tensor) -> Tensor:
        classes = ((images[:, 0, 4, 4] * 255 - 20) / 40).round().clamp(0, 5).long()
        for index in self.blind:
            classes = torch.where(classes == index, self.blind[0], classes)
        return nn.functional.one_hot(classes, 6).float()


def small_network(seed: int = 0) -> nn.Module:
    """A convolution with batch norm and fixed random weights, in training mode: [n, 5] features."""
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=generator)
    return network.train()


def toy_pairs(count: int = 3) -> Pairs:
    """Encoder pairs of random networks on toy images that are no test images, with all four parts."""
    images = toy_images(seed=2, source="toy pairs", first_id=5000)
    parts = {"shared": images.ids[0::3], "candidate": images.ids[1::6], "independent": images.ids[4::6]}
    parts["external"] = images.ids[2::3]
    with torch.random.fork_rng(devices=[]):  # torch draws first weights before ours replace them
        encoders = [(small_network(2 * pair), small_network(2 * pair + 1)) for pair in range(count)]
    return Pairs(encoders=encoders, images=images, parts=parts)


def toy_members() -> dict[str, Images]:
    """Members and non-members of a random network: 220 images each, enough for norms, too few for the baseline."""
    counts = (60, 50, 40, 30, 20, 20)
    return {name: toy_images(counts, seed=3 + k, source=name) for k, name in enumerate(("members", "non_members"))}


_QUICK = {
    **{"attack_images": 30, "attack_steps": 2, "attack_restarts": 1, "attack_eps": ("8/255", "0.1")},
    **{"square_images": 6, "square_queries": 5, "drift_images": 8, "corruption_images": 8, "shift_images": 12},
}


def write_toy_findings(folder: Path, seed: int, **options) -> Path:
    """A random network's findings of every audit, quickly measured, with the atlases; the folder."""
    test, pairs = toy_images((20,) * 6, seed=1, first_id=1000), toy_pairs(1)
    network = small_network(seed)
    more = _QUICK | toy_members() | options
    first = "crew" not in options or options["crew"].first
    for finding in audit(network, toy_images(), test=test, pairs=pairs, name=f"net {seed}", atlas=folder, **more):
        if first:
            finding.save(folder)
    return folder


@cache
def bare_subject() -> Subject:
    """Images without labels, and no pairs."""
    images = toy_images()
    unlabelled = Images(pixels=images.pixels, ids=images.ids)
    return prepare(small_network(), unlabelled, None, Known(), name=None, pairs=None, options=Options())
