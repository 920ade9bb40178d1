"""Features of images in one pass: evaluation mode, no gradients, nothing about the encoder changed afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from holdfast.data import Images
from holdfast.distributed import ALONE, Crew
from holdfast.models import Encoder
from holdfast.progress import OnProgress

Augment = Callable[[Tensor, Tensor], Tensor]
"""(images [n, 3, h, w] in [0, 1], their positions [n]) -> images of the same shape."""
_ROUNDING = 1e-5
"""How far above 1 or below 0 a resize or a blur leaves a float32 pixel at most."""


@torch.no_grad()
def extract_features(
    encoder: nn.Module,
    images: Images | Tensor,
    *,
    batch_size: int = 512,
    device: torch.device | str | None = None,
    precision: Literal["32", "bf16"] = "32",
    augment: Augment | None = None,
    progress: OnProgress | None = None,
    crew: Crew = ALONE,
) -> Tensor:
    """Features [n, dim] float32 of images [n, 3, h, w] (uint8, or floats in [0, 1]), on the encoder's device.

    Maps [n, dim, h, w] are averaged over space. Each module's mode and the encoder's device are restored afterwards;
    running statistics are not touched. device: None is where the encoder's weights are. precision 'bf16' computes under
    autocast and returns float32; '32' leaves an autocast of the caller in force. progress is told (done, all) images.
    crew: processes that share the batches; each has all features. Raises ValueError for pixels outside [0, 1], for
    features that are no vectors or not finite, and for batch norms that have no running statistics (features would then
    depend on the batch).
    """
    pixels = images if isinstance(images, Tensor) else images.pixels
    if not len(pixels):
        raise ValueError("expected at least one image, got none; check the ids or the limit they were chosen by")
    with measuring(encoder, device) as home:
        starts = range(0, len(pixels), batch_size)
        batches = _batches(pixels, crew.own(starts), batch_size)

        def passed(start: int) -> Tensor:
            batch = as_pixels(next(batches).to(home))
            if augment is not None:
                batch = augment(batch, torch.arange(start, start + len(batch), device=home))
            with torch.autocast(home.type, torch.bfloat16) if precision == "bf16" else nullcontext():
                features = encode(encoder, batch)
            if progress is not None:
                progress(start + len(batch), len(pixels))
            return features

        found = torch.cat(crew.spread(starts, passed)).to(home)
    return _finite(found)


def _batches(pixels: Any, starts: Sequence[int], count: int) -> Iterator[Tensor]:
    """The batches that begin at some places, in their order; streamed ones are decoded ahead."""
    ends = [min(start + count, len(pixels)) for start in starts]
    if isinstance(pixels, Tensor):
        return (pixels[start:end] for start, end in zip(starts, ends, strict=True))
    return pixels.batches(torch.arange(start, end) for start, end in zip(starts, ends, strict=True))


def encode(encoder: nn.Module, images: Tensor) -> Tensor:
    """Features [n, dim] float32 of images [n, 3, h, w] in [0, 1] in one pass, in the mode the encoder is in."""
    # Channels last made ResNet-18 a third faster on a CPU; a stranger's module may call .view(), which then fails.
    laid_out = images.contiguous(memory_format=torch.channels_last) if isinstance(encoder, Encoder) else images
    return pooled(encoder(laid_out))


def as_pixels(images: Tensor) -> Tensor:
    """float32 images in [0, 1] from uint8 ones, or from floats that are, but for the rounding of a blur or a resize.

    Raises ValueError for any other range.
    """
    if images.dtype == torch.uint8:
        return images.float() / 255
    low, high = images.aminmax()
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
        raise ValueError(
            f"expected pixels in [0, 1], got [{float(low):.6g}, {float(high):.6g}]; "
            "divide bytes by 255, and move normalisation into the encoder"
        )
    return images.float().clamp(0, 1)


def pooled(features: Tensor) -> Tensor:
    """Features [n, dim] float32; maps [n, dim, h, w] are averaged over space. Raises ValueError for other shapes."""
    if features.ndim == 4:
        features = features.mean((2, 3))
    if features.ndim != 2:
        raise ValueError(
            f"expected an encoder that returns [n, dim] or [n, dim, h, w], got {list(features.shape)}; "
            "pool its tokens (timm: num_classes=0) before passing it"
        )
    return features.float()


@contextmanager
def measuring(encoder: nn.Module, device: torch.device | str | None = None) -> Iterator[torch.device]:
    """Evaluation mode on a device inside the block, which it yields; every mode and the device are restored."""
    _refuse_batch_statistics(encoder)
    modes = [(module, module.training) for module in encoder.modules()]
    before = device_of(encoder)
    home = before if device is None else torch.device(device)
    try:
        yield _moved(encoder.eval(), before, home)
    finally:
        _moved(encoder, home, before)
        for module, training in modes:
            module.training = training


def _moved(encoder: nn.Module, before: torch.device, after: torch.device) -> torch.device:
    if before != after:
        encoder.to(after)
    return after


def device_of(encoder: nn.Module) -> torch.device:
    """Where a module's weights are; the CPU where it has none."""
    return next((tensor.device for tensor in [*encoder.parameters(), *encoder.buffers()]), torch.device("cpu"))


def _refuse_batch_statistics(encoder: nn.Module) -> None:
    for name, module in encoder.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise ValueError(
                f"expected batch norms with running statistics, got {name!r} without; a feature would depend on its "
                "batch: build it with track_running_stats=True"
            )


def _finite(features: Tensor) -> Tensor:
    bad = int((~features.isfinite()).any(1).sum())
    if bad:
        raise ValueError(
            f"expected finite features, got NaN or infinity for {bad:,} of {len(features):,} images; "
            "the encoder has diverged: train it again with a lower learning rate"
        )
    return features
