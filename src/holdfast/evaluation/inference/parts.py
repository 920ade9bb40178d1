"""PartCrop: do parts of an image answer more strongly inside it where it was trained on? (arXiv:2404.02462)."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import norm
from torch import Tensor, nn

from holdfast.distributed import ALONE, Crew
from holdfast.evaluation.features import as_pixels, encode, measuring
from holdfast.evaluation.inference.maps import MapReader
from holdfast.progress import OnProgress
from holdfast.randomness import generator, seeded_library

PARTS = 32
"""Crops of each image; the paper takes 128, which costs four times as much."""
_SCALE = (0.08, 0.2)
_RATIO = (3 / 4, 4 / 3)
_LOG = 1e-6
_WIDTHS, _EPOCHS, _BATCH, _RATE, _DECAY = (512, 256, 128), 100, 100, 1e-3, 5e-4


def answers(parts: Tensor, maps: Tensor) -> Tensor:
    """How unevenly places answer to parts [n, m, dim] in maps [n, places, dim]: [n, 2 m], at least 0, in nats.

    q is the softmax over places of the products part · place. First KL(uniform | q) of the m parts, then KL(bell | q);
    each list falls, so that the order of parts is of no account. The bell lies along the order of places: the normal
    density at the quantiles (i + 1/2) / places.
    """
    q = (torch.einsum("nmd,nld->nml", parts.float(), maps.float()).softmax(2) + _LOG).log()
    bell = _bell(maps.shape[1]).to(q)
    uniform = torch.full_like(bell, 1 / len(bell))
    found = [(p * (p.log() - q)).sum(2).clamp(min=0).sort(1, descending=True).values for p in (uniform, bell)]
    return torch.cat(found, 1)


def _bell(places: int) -> Tensor:
    quantiles = norm.ppf((np.arange(places) + 0.5) / places)
    density = norm.pdf(quantiles)
    return torch.from_numpy(density / density.sum())


@torch.no_grad()
def part_answers(
    encoder: nn.Module,
    read: MapReader,
    pixels: Tensor,
    *,
    seed: int,
    device: torch.device | str | None = None,
    batch_size: int = 512,
    parts: int = PARTS,
    progress: OnProgress | None = None,
    crew: Crew = ALONE,
) -> Tensor:
    """`answers` [n, 2 parts] of images [n, 3, s, s] uint8: crops of 8 to 20 % of each image, resized to half its side.

    read: the encoder's map_reader. Boxes and flips are drawn by seed and place, for all images alike. A network that
    does not take images of half the side gets crops at the whole side.
    """
    boxes, step = _boxes(len(pixels) * parts, generator(seed, "parts")), max(1, batch_size // parts)
    with measuring(encoder, device) as home:
        side = _side(encoder, pixels[:1].to(home))

        def answered(start: int) -> Tensor:
            images = as_pixels(pixels[start : start + step].to(home))
            own = boxes[start * parts :][: len(images) * parts].to(home)
            grid = F.affine_grid(own, [len(own), 3, side, side], align_corners=False)
            crops = F.grid_sample(images.repeat_interleave(parts, 0), grid, padding_mode="border", align_corners=False)
            features = encode(encoder, crops).unflatten(0, (len(images), parts))
            if progress is not None:
                progress(min(start + step, len(pixels)), len(pixels))
            return answers(features, read(images)).cpu()

        return torch.cat(crew.spread(range(0, len(pixels), step), answered))


def _side(encoder: nn.Module, image: Tensor) -> int:
    """Half the image's side where the network takes it, else all of it."""
    half = image.shape[-1] // 2
    try:
        encode(encoder, as_pixels(image)[..., :half, :half])
    except (AssertionError, RuntimeError, ValueError):
        return image.shape[-1]
    return half


def _boxes(count: int, draws: torch.Generator) -> Tensor:
    """Maps [count, 2, 3] from a crop's places in [-1, 1] to the image's: random boxes, every second one mirrored."""
    area, shape, x, y, flip = torch.rand(5, count, generator=draws)
    area = _SCALE[0] + (_SCALE[1] - _SCALE[0]) * area
    low, high = map(math.log, _RATIO)
    ratio = (low + (high - low) * shape).exp()
    width, height = (area * ratio).sqrt(), (area / ratio).sqrt()
    boxes = torch.zeros(count, 2, 3)
    boxes[:, 0, 0], boxes[:, 1, 1] = torch.where(flip < 0.5, width, -width), height
    boxes[:, 0, 2], boxes[:, 1, 2] = (2 * x - 1) * (1 - width), (2 * y - 1) * (1 - height)
    return boxes


def trained_attacker(values: Tensor, member: np.ndarray, calibration: np.ndarray, *, seed: int) -> np.ndarray:
    """Log odds float64 [n] that images are members, by a network trained on the calibration images alone.

    values [n, k] as `answers` gives them; member and calibration [n] bool. Layers of 512, 256 and 128 with ReLU, Adam
    at 1e-3 with decay 5e-4, 100 epochs of batches of 100, the last one taken: the paper's, which starts from weights of
    deviation 0.01 and raw values where ours starts as torch does from values standardised on the calibration images.
    """
    known = torch.from_numpy(calibration)
    x, y = values.float().cpu(), torch.from_numpy(member).float()
    deviation, mean = torch.std_mean(x[known], 0)
    x = (x - mean) / deviation.clamp(min=1e-6)
    with seeded_library(seed, "attacker"):
        network = _perceptron(x.shape[1])
    _fit(network, x[known], y[known], generator(seed, "attacker's batches"))
    with torch.no_grad():
        return network(x)[:, 0].double().numpy()


def _perceptron(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for wide in _WIDTHS:
        layers += [nn.Linear(width, wide), nn.ReLU()]
        width = wide
    return nn.Sequential(*layers, nn.Linear(width, 1))


@torch.enable_grad()
def _fit(network: nn.Module, x: Tensor, y: Tensor, draws: torch.Generator) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(x), generator=draws).split(_BATCH):
            loss = F.binary_cross_entropy_with_logits(network(x[rows])[:, 0], y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
