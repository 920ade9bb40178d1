"""transformers' DINOv3 ViT as timm's EVA."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from holdfast.models.load.folders.converted import Converted, renamed, square, stacked, without

_RULES = (
    (r"^(?:model\.)?layer\.(\d+)\.", r"blocks.\1."),
    (r"\.attention\.([qkv])_proj\.", r".attn.\1."),
    (r"\.attention\.o_proj\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".gamma_\1"),
    (r"^embeddings\.patch_embeddings\.", "patch_embed.proj."),
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.register_tokens$", "reg_token"),
)
_PLAIN = ((r"\.mlp\.up_proj\.", ".mlp.fc1."), (r"\.mlp\.down_proj\.", ".mlp.fc2."))
_GATED = (
    (r"\.mlp\.gate_proj\.", ".mlp.fc1_g."),
    (r"\.mlp\.up_proj\.", ".mlp.fc1_x."),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
)


def read_rotary(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Converted:
    """The reading of a DINOv3 ViT. Raises ValueError for an activation that timm's network does not have."""
    gated = bool(config.get("use_gated_mlp", False))
    act = config.get("hidden_act", "gelu")
    if act != ("silu" if gated else "gelu"):
        raise ValueError(
            f"expected hidden_act {'silu' if gated else 'gelu'} of a DINOv3 ViT, got {act!r}; "
            "pass the model as your own module"
        )
    kept, out = without(tensors, ("embeddings.mask_token", "pooler."))
    state = stacked(renamed(kept, (*_RULES, *(_GATED if gated else _PLAIN))), key_bias=False)
    width, depth, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    patch, size = square(config, "patch_size", 16), square(config, "image_size", 224)
    rope = config.get("rope_parameters") or {}
    arguments = {
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "patch_size": patch,
        "img_size": size,
        "mlp_ratio": config["intermediate_size"] / width,
        "num_reg_tokens": config.get("num_register_tokens", 0),
        "qkv_bias": "blocks.0.attn.q_bias" in state,
        "rope_temperature": rope.get("rope_theta", config.get("rope_theta", 100.0)),
        **({"swiglu_mlp": True, "swiglu_align_to": 1} if gated else {}),
    }
    return Converted(
        base="vit_small_patch16_dinov3_qkvb",
        arguments=arguments,
        state=state,
        title=f"DINOv3 ViT/{patch} (width {width}, depth {depth}, {heads} heads)",
        norm_eps={"": config.get("layer_norm_eps", 1e-5)},
        pool="cls",
        pool_from="DINOv3's authors",
        left_out=out,
        image_size=size,
    )
