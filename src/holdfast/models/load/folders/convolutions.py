"""transformers' ResNet, ConvNeXt, ConvNeXt V2 and DINOv3 ConvNeXt as timm's."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from holdfast.models.load.folders.converted import Converted, activation, renamed, without

_RESNET = (
    (r"^embedder\.embedder\.convolution\.", "conv1."),
    (r"^embedder\.embedder\.normalization\.", "bn1."),
    (r"^encoder\.stages\.0\.", "layer1."),
    (r"^encoder\.stages\.1\.", "layer2."),
    (r"^encoder\.stages\.2\.", "layer3."),
    (r"^encoder\.stages\.3\.", "layer4."),
    (r"\.layers\.(\d+)\.", r".\1."),
    (r"\.layer\.0\.convolution\.", ".conv1."),
    (r"\.layer\.0\.normalization\.", ".bn1."),
    (r"\.layer\.1\.convolution\.", ".conv2."),
    (r"\.layer\.1\.normalization\.", ".bn2."),
    (r"\.layer\.2\.convolution\.", ".conv3."),
    (r"\.layer\.2\.normalization\.", ".bn3."),
    (r"\.shortcut\.convolution\.", ".downsample.0."),
    (r"\.shortcut\.normalization\.", ".downsample.1."),
)
_CONVNEXT = (
    (r"^embeddings\.patch_embeddings\.", "stem.0."),
    (r"^embeddings\.layernorm\.", "stem.1."),
    (r"^encoder\.", ""),
    (r"^stages\.0\.downsample_layers\.", "stem."),
    (r"\.(?:downsampling_layer|downsample_layers)\.", ".downsample."),
    (r"\.layers\.(\d+)\.", r".blocks.\1."),
    (r"\.(?:dwconv|depthwise_conv)\.", ".conv_dw."),
    (r"\.(?:pwconv|pointwise_conv)([12])\.", r".mlp.fc\1."),
    (r"\.layer_scale_parameter$", ".gamma"),
    (r"\.grn\.", ".mlp.grn."),
    (r"^(stages\.\d+\.blocks\.\d+)\.(?:layernorm|layer_norm)\.", r"\1.norm."),
    (r"^(?:layernorm|layer_norm)\.", "head.norm."),
)


def read_resnet_folder(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Converted:
    """The reading of a ResNet of transformers. Raises ValueError for one that strides elsewhere than timm's."""
    if config.get("downsample_in_first_stage") or config.get("downsample_in_bottleneck"):
        raise ValueError(
            "expected a ResNet that strides as timm's, got downsample_in_first_stage or downsample_in_bottleneck; "
            "pass the model as your own module"
        )
    if config.get("hidden_act", "relu") != "relu":
        raise ValueError(f"expected hidden_act relu of a ResNet, got {config['hidden_act']!r}; pass your own module")
    deep = config.get("layer_type", "bottleneck") == "bottleneck"
    sizes = config["hidden_sizes"]
    first = sizes[0] // 4 if deep else sizes[0]
    if list(sizes) != [sizes[0] * 2**stage for stage in range(4)]:
        raise ValueError(f"expected hidden_sizes that double, got {sizes}; pass the model as your own module")
    kept, out = without(tensors, ("classifier.",))
    arguments = {
        "layers": list(config["depths"]),
        "channels": [first * 2**stage for stage in range(4)],
        "stem_width": config["embedding_size"],
    }
    return Converted(
        base="resnet50" if deep else "resnet18",
        arguments=arguments | _own_stem(config["embedding_size"]),
        state=renamed(kept, _RESNET),
        title=f"ResNet (stages of {', '.join(map(str, config['depths']))} blocks, {sizes[-1]} features)",
        pool_from="its pooled output",
        left_out=out,
        image_size=224,
    )


def _own_stem(width: int) -> dict[str, Any]:
    """timm's plain stem has 64 channels whatever its arguments say."""
    if width != 64:
        raise ValueError(f"expected embedding_size 64 of a ResNet, as timm's has, got {width}; pass your own module")
    return {}


def read_convnext_folder(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Converted:
    """The reading of a ConvNeXt, a ConvNeXt V2 or a DINOv3 ConvNeXt."""
    kind, (kept, out) = config["model_type"], without(tensors, ("classifier.",))
    state = renamed(kept, _CONVNEXT)
    state = {name: tensor.flatten() if ".mlp.grn." in name else tensor for name, tensor in state.items()}
    blocks, width = ", ".join(map(str, config["depths"])), config["hidden_sizes"][-1]
    last = config.get("layer_norm_eps", 1e-6 if kind == "dinov3_convnext" else 1e-12)
    arguments = {
        "depths": list(config["depths"]),
        "dims": list(config["hidden_sizes"]),
        "conv_mlp": False,
        **activation(config),
    }
    return Converted(
        base="convnextv2_tiny" if kind == "convnextv2" else "convnext_tiny",
        arguments=arguments,
        state=state,
        title=f"{kind} (stages of {blocks} blocks, {width} features)",
        norm_eps={"": last if kind == "dinov3_convnext" else 1e-6, "head.norm": last},
        pool_from="its pooled output: mean, then norm",
        left_out=out,
        image_size=config.get("image_size", 224),
    )
