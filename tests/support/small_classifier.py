"""A small network trained in the test against one-step attacks, and images of which it withstands about a half."""

from functools import cache

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from holdfast.randomness import seeded_library

SIZE = 32


@cache
def faint_digits(classes: int = 10, *, size: int = SIZE) -> tuple[Tensor, Tensor]:
    """(images [n, 3, size, size] in [0, 1], labels [n]): faint digits on coloured noise, so that 8/255 matters."""
    digits, labels = load_digits(return_X_y=True)
    pixels = torch.tensor(digits.reshape(-1, 1, 8, 8) / 16.0, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    large = F.interpolate(pixels, size=(size, size), mode="bilinear", align_corners=False)
    noise = F.interpolate(torch.rand(len(pixels), 3, 16, 16, generator=generator), size=(size, size), mode="nearest")
    images = (0.35 + 0.22 * large + 0.22 * noise).clamp(0, 1)
    kept = torch.tensor(labels) < classes
    return images[kept], torch.tensor(labels)[kept].long()


@cache
def small_classifier(classes: int = 10, *, size: int = SIZE, eps: float = 8 / 255, epochs: int = 6) -> nn.Module:
    """Conv 3-16-32 (4 x 4, stride 2), linear 100, classes; one-step adversarial training from random starts."""
    images, labels = faint_digits(min(classes, 10), size=size)
    images, labels = images[200:], labels[200:]
    with seeded_library(0, "small classifier"):
        network = nn.Sequential(
            nn.Conv2d(3, 16, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * (size // 4) ** 2, 100), nn.ReLU(), nn.Linear(100, classes),
        )  # fmt: skip
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        for epoch in range(epochs):
            for rows in torch.randperm(len(images)).split(64):
                moved = _one_step(network, images[rows], labels[rows], eps * min(1.0, epoch / 3))
                optimiser.zero_grad()
                F.cross_entropy(network(moved), labels[rows]).backward()
                optimiser.step()
    for parameter in network.parameters():
        parameter.grad = None
    return network.eval()


def _one_step(network: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    start = (images + eps * (2 * torch.rand_like(images) - 1)).clamp(0, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(network(start), labels), start)
    moved = torch.minimum(torch.maximum(start + 1.25 * eps * gradient.sign(), images - eps), images + eps)
    return moved.detach().clamp(0, 1)
