"""transformers' Swin as timm's."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from holdfast.models.load.folders.converted import Converted, activation, renamed, square, stacked, without

_RULES = (
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.norm\.", "patch_embed.norm."),
    (r"^encoder\.layers\.", "layers."),
    (r"\.attention\.(?:self\.)?(?:query|q_proj)\.", ".attn.q."),
    (r"\.attention\.(?:self\.)?(?:key|k_proj)\.", ".attn.k."),
    (r"\.attention\.(?:self\.)?(?:value|v_proj)\.", ".attn.v."),
    (
        r"\.attention\.(?:self\.|relative_position_bias\.)?relative_position_bias_table$",
        ".attn.relative_position_bias_table",
    ),
    (r"\.attention\.(?:output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"(\.blocks\.\d+)\.output\.dense\.", r"\1.mlp.fc2."),
    (r"^layernorm\.", "norm."),
)


def read_swin(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Converted:
    """The reading of a Swin transformer; timm counts a stage's downsampling to the next one."""
    if config.get("use_absolute_embeddings"):
        raise ValueError("expected a Swin without absolute embeddings, as timm's, got one with; pass your own module")
    kept, out = without(tensors, ("classifier.", "pooler.", "embeddings.mask_token"))
    named = {name: tensor for name, tensor in kept.items() if "relative_position_index" not in name}
    state = stacked(renamed(named, _RULES))
    for stage in reversed(range(len(config["depths"]))):
        state = renamed(state, ((rf"^layers\.{stage}\.downsample\.", f"layers.{stage + 1}.downsample."),))
    patch, size = square(config, "patch_size", 4), square(config, "image_size", 224)
    arguments = {
        "img_size": size,
        "patch_size": patch,
        "embed_dim": config["embed_dim"],
        "depths": list(config["depths"]),
        "num_heads": list(config["num_heads"]),
        "window_size": config["window_size"],
        "mlp_ratio": config.get("mlp_ratio", 4.0),
        "qkv_bias": config.get("qkv_bias", True),
        **activation(config),
    }
    return Converted(
        base="swin_tiny_patch4_window7_224",
        arguments=arguments,
        state=state,
        title=f"Swin/{patch} (stages of {', '.join(map(str, config['depths']))} blocks, width {config['embed_dim']})",
        norm_eps={"": config.get("layer_norm_eps", 1e-5)},
        pool_from="its pooled output: mean of the normed patches",
        left_out=out,
        image_size=size,
    )
