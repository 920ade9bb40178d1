"""Maps of features, as timm's networks give them, and what networks need to give them for images of any size."""

import torch
from timm.layers.format import Format
from timm.layers.patch_embed import PatchEmbed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from holdfast.distributed import SynchronisedBatchNorm
from holdfast.models.encoders import Encoder


def feature_map(encoder: Encoder, images: Tensor, *, layer: int) -> Tensor:
    """What a middle layer makes of images [n, 3, h, w] in [0, 1], place by place: [n, channels, rows, columns].

    layer: which of the maps that timm counts in the network, from 1: blocks of a ViT; stem and stages of a ResNet.
    Later layers are not computed; n may be 0. float32 for half precision.
    Raises ValueError where there is no such layer.
    """
    give, network = getattr(encoder.network, "forward_intermediates", None), encoder.spec.encoder
    count = len(getattr(encoder.network, "feature_info", ()))
    if give is None or not 1 <= layer <= count:
        got = f"layer {layer} of {network}, which has {count}" if give else f"{network}, of which timm counts no maps"
        raise ValueError(f"expected a layer with a map of features, got {got}; name one that there is")
    own = {"indices": [layer - 1], "stop_early": True, "intermediates_only": True, "output_fmt": "NCHW"}
    asked = images if len(images) or _joint(encoder) else images.new_zeros(1, *images.shape[1:])
    found = give((asked - encoder.mean) / encoder.std, **own)[0][: len(images)]
    return found.float() if found.dtype in (torch.bfloat16, torch.float16) else found


def _joint(network: nn.Module) -> bool:
    """Whether ranks normalise together: one without an image has to take part. Others may refuse to take none."""
    return any(isinstance(module, SynchronisedBatchNorm) for module in network.modules())


def map_shape(encoder: Encoder, *, layer: int) -> tuple[int, int]:
    """(channels, stride in pixels) of a layer's map. Raises ValueError as feature_map does, and for a map that is not
    square or has fewer than 2 by 2 places."""
    side = encoder.spec.image_size
    channels, rows, columns = _of_black(encoder, (side, side), layer)
    if rows < 2 or rows != columns:
        got = f"{rows} by {columns} of {encoder.spec.encoder} at layer {layer} for {side} pixels"
        raise ValueError(f"expected a square map of 2 by 2 places or more, got {got}; take an earlier layer")
    return channels, side // rows


def require_sizes(encoder: Encoder, *, layer: int, remedy: str) -> None:
    """Raises ValueError for an encoder that does not take images of any whole number of a layer's places."""
    _, stride = map_shape(encoder, layer=layer)
    rows = encoder.spec.image_size // stride
    try:
        found = _of_black(encoder, (stride * (rows + 1), stride * rows), layer)[1:]
    except (AssertionError, RuntimeError, ValueError):
        found = None
    if found != (rows + 1, rows):
        size = f"{encoder.spec.image_size} pixels, in steps of {stride}"
        raise ValueError(
            f"expected an encoder of images of more sizes than {size}, got {encoder.spec.encoder}; {remedy}"
        )


def _of_black(encoder: Encoder, size: tuple[int, int], layer: int) -> tuple[int, int, int]:
    """Channels, rows and columns of the map of one black image."""
    training = encoder.training
    images = torch.zeros(1, 3, *size, device=encoder.mean.device, dtype=encoder.mean.dtype)
    try:
        with torch.no_grad():
            _, channels, rows, columns = feature_map(encoder.eval(), images, layer=layer).shape
    finally:
        encoder.train(training)
    return channels, rows, columns


def take_any_size(network: nn.Module) -> None:
    """Lets timm's ViT take images of any whole number of patches, in place; others stay as they are.

    Embeddings of places are resampled to the image's. For images of its own size it computes what it did.
    """
    if isinstance(network, VisionTransformer) and isinstance(network.patch_embed, PatchEmbed):
        network.dynamic_img_size = True  # type: ignore[misc]
        network.patch_embed.strict_img_size = network.patch_embed.flatten = False
        network.patch_embed.output_fmt = Format.NHWC
