"""Balls, steps and random starts in the l-infinity and l2 norms, always within pixels in [0, 1].

Images are [n, ...] floats in [0, 1]; a norm is taken over all dimensions but the first. eps and step are in pixels: for
l-infinity 8/255 is the customary budget of small images, for l2 0.5.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

from holdfast.randomness import uniform

Norm = Literal["linf", "l2"]
_TINY = 1e-12
"""Keeps a division by a length of zero harmless."""


def check_pixels(images: Tensor) -> Tensor:
    """The images, unchanged. Raises ValueError unless they are floats in [0, 1]: eps would mean something else."""
    if not images.is_floating_point():
        raise ValueError(f"expected floats in [0, 1], got {images.dtype}; divide bytes by 255")
    if images.numel():
        low, high = (float(bound) for bound in images.detach().aminmax())
        if not (low >= 0 and high <= 1):
            remedy = "divide by 255" if low >= 0 and high > 2 else "move normalisation into the encoder"
            raise ValueError(f"expected pixels in [0, 1], got [{low:.9g}, {high:.9g}]; {remedy}")
    return images


def check_budget(eps: float, norm: str) -> None:
    """Raises ValueError for a negative eps, one that looks like bytes, or an unknown norm."""
    if norm not in get_args(Norm):
        raise ValueError(f"expected norm {' or '.join(get_args(Norm))}, got {norm!r}; choose one of them")
    if not eps >= 0 or (norm == "linf" and eps > 1):
        raise ValueError(f"expected eps in pixels, from 0 to 1 for linf, got {eps}; write 8/255, not 8")


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """values [n] as [n, 1, 1, ...], to broadcast against like [n, ...]."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def length(delta: Tensor, norm: Norm) -> Tensor:
    """The norm [n] of each perturbation of delta [n, ...]."""
    if norm == "linf":
        flat = delta.flatten(1)  # torch's own vector_norm is 18 times slower here, and abs writes a tensor of its own
        return torch.maximum(flat.amax(1), -flat.amin(1))
    return torch.linalg.vector_norm(delta.flatten(1), dim=1)


def project(delta: Tensor, *, eps: float, norm: Norm) -> Tensor:
    """The nearest perturbations [n, ...] of norm eps at most."""
    if norm == "linf":
        return delta.clamp(-eps, eps)
    shrink = (eps / length(delta, norm).clamp(min=_TINY)).clamp(max=1)
    return delta * per_image(shrink, delta)


def within(images: Tensor, perturbed: Tensor, *, eps: float, norm: Norm) -> Tensor:
    """The perturbed images brought into the ball of radius eps around images, and into [0, 1]; images have to be in it.

    For l-infinity the nearest such point. For l2 the ball first, then the range: clamping moves each pixel towards
    the image's own, so it cannot leave the ball.
    """
    if norm == "linf":
        return perturbed.clamp(*edges(images, eps=eps))
    return (images + project(perturbed - images, eps=eps, norm=norm)).clamp_(0, 1)


def edges(images: Tensor, *, eps: float) -> tuple[Tensor, Tensor]:
    """(least, largest) pixels [n, ...] of the l-infinity ball of radius eps around images, within [0, 1]."""
    return (images - eps).clamp_(min=0), (images + eps).clamp_(max=1)


def direction(gradient: Tensor, *, norm: Norm) -> Tensor:
    """The perturbation of length 1 that climbs a linear function with this gradient [n, ...] most.

    Where the gradient vanishes or is not finite there is none: zero, so that one bad pixel does not spoil an image.
    """
    gradient = gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    if norm == "linf":
        return gradient.sign_()
    largest = per_image(length(gradient, "linf"), gradient)  # squares of small gradients would vanish
    gradient /= torch.where(largest > 0, largest, 1.0)
    return gradient.div_(per_image(length(gradient, norm), gradient).clamp_(min=_TINY))


def ascent(gradient: Tensor, *, step: float, norm: Norm) -> Tensor:
    """The step of this norm that climbs a linear function with this gradient [n, ...] most; see `direction`."""
    return direction(gradient, norm=norm).mul_(step)


def drawn_direction(images: Tensor, *, norm: Norm, keys: Tensor) -> Tensor:
    """Perturbations of images [n, ...] of length 1, each drawn by its key [n]: uniform in [-1, 1] over its own largest
    pixel for l-infinity, uniform on the sphere for l2."""
    draws = uniform(keys.to(images.device), images[:1].numel())
    noise = 2 * draws - 1 if norm == "linf" else torch.special.ndtri(draws.double() + 2.0**-25)
    noise = noise.to(images.dtype).reshape(images.shape)
    return noise / per_image(length(noise, norm), noise).clamp(min=_TINY)


def random_start(images: Tensor, *, eps: float, norm: Norm, keys: Tensor) -> Tensor:
    """Perturbed images [n, ...], uniform in the ball of radius eps by keys [n], then brought into [0, 1].

    Each image's start depends on its key alone, whatever else is in the batch.
    """
    pixels = images[:1].numel()
    if norm == "linf":
        draws = uniform(keys.to(images.device), pixels).to(images.dtype)
        noise = (2 * draws - 1).reshape(images.shape)
    else:
        radius = uniform(keys.to(images.device), pixels + 1)[:, -1].to(images.dtype) ** (1 / pixels)
        noise = per_image(radius, images) * drawn_direction(images, norm=norm, keys=keys)
    return within(images, images + eps * noise, eps=eps, norm=norm)
