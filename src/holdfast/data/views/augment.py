"""Augmentation is data, then arithmetic: `sample` draws a table of parameters, `apply` computes views from it.

A draw depends on its key alone, never on the batch or the device. `apply` is pure, batched and differentiable in the
images and in the colour factors. It runs in this order: crop, resize and flip as one resampling (resample.py), clamp to
[0, 1], colour jitter, grey, blur, solarize (colour.py).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from holdfast.data.views import colour
from holdfast.data.views.parameters import Parameters, identity_parameters, order_keys, sample
from holdfast.data.views.resample import gaussian_blur, resample

__all__ = ["Parameters", "apply", "identity_parameters", "order_keys", "sample"]

_MAX_VALUES = {"cpu": 2**19, "cuda": 2**26}
"""Values per temporary tensor: on a CPU they stay in its cache, which is faster; on a GPU this only bounds memory."""


def apply(images: Tensor, parameters: Parameters) -> Tensor:
    """Views [v, n, 3, size, size] of images [n, 3, h, w], float32 or float64 in [0, 1], on the images' device.

    Pure, and differentiable in the images and in brightness, contrast, saturation, hue and sigma. Computed in chunks,
    so that temporary memory is bounded whatever the batch. Raises ValueError for another shape or type.
    """
    _check_images(images, parameters)
    parameters = parameters.to(images.device)
    pieces = []
    for view, order in enumerate(parameters.order):
        for rows in _chunks(images, parameters.size):
            piece = parameters.map(lambda tensor, view=view, rows=rows: tensor[view, rows])
            pieces.append(_transform(images[rows], piece, order))
    return torch.cat(pieces).unflatten(0, parameters.flip.shape)


def _chunks(images: Tensor, size: int) -> Iterator[slice]:
    """Slices of the batch whose temporary tensors stay small."""
    n, channels, height, width = images.shape
    step = max(1, _MAX_VALUES.get(images.device.type, 2**26) // (channels * max(height, size) * max(width, size)))
    return (slice(start, start + step) for start in range(0, n, step))


def _transform(images: Tensor, p: Parameters, order: tuple[str, ...]) -> Tensor:
    """One view of some images [m, 3, h, w] by parameters whose tensors are [m]."""
    box = {"top": p.top, "left": p.left, "height": p.height, "width": p.width, "flip": p.flip}
    images = resample(images, **box, size=p.size, interpolation=p.interpolation).clamp_(0, 1)
    operations, to_grey = colour.FAMILIES[p.colours]
    if order and _open(p.jitter):
        factors = {name: getattr(p, name) for name in order}
        images = _where(p.jitter, colour.jitter(images, factors, order, operations), images)
    if _open(p.grey):
        images = _where(p.grey, to_grey(images), images)
    if p.radius and _open(p.blur):
        images = _where(p.blur, gaussian_blur(images, p.sigma, radius=p.radius), images)
    if _open(p.solarize):
        images = _where(p.solarize, colour.solarize(images), images)
    return images


def _open(gate: Tensor) -> bool:
    """Whether any sample may need the operation; asked on the CPU only, as a GPU would have to be waited for."""
    return gate.device.type != "cpu" or bool(gate.any())


def _where(gate: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    """changed where the gate [m] is open, else images, exactly: torch.where by arithmetic, much faster on a CPU."""
    return torch.lerp(images, changed, gate.to(images.dtype)[:, None, None, None])


def _check_images(images: Tensor, parameters: Parameters) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"expected images [n, 3, h, w] of float32 or float64 in [0, 1], got {images.dtype} {list(images.shape)}; "
            "divide uint8 pixels by 255"
        )
    if parameters.flip.shape[1] != len(images):
        raise ValueError(
            f"expected parameters of {len(images)} images, got those of {parameters.flip.shape[1]}; draw them anew"
        )
