"""The image towers of transformers' CLIP, SigLIP and SigLIP 2 as timm's vision transformer."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from holdfast.models.load.folders.converted import Converted, activation, renamed, square, stacked, without

_RULES = (
    (r"^encoder\.layers\.(\d+)\.", r"blocks.\1."),
    (r"\.self_attn\.([qkv])_proj\.", r".attn.\1."),
    (r"\.self_attn\.out_proj\.", ".attn.proj."),
    (r"\.layer_norm([12])\.", r".norm\1."),
    (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"^embeddings\.position_embedding\.weight$", "pos_embed"),
    (r"^embeddings\.class_embedding$", "cls_token"),
    (r"^pre_layrnorm\.", "norm_pre."),
    (r"^post_layernorm\.", "norm."),
    (r"^head\.probe$", "attn_pool.latent"),
    (r"^head\.attention\.out_proj\.", "attn_pool.proj."),
    (r"^head\.layernorm\.", "attn_pool.norm."),
    (r"^head\.mlp\.", "attn_pool.mlp."),
)
_NO_FEATURE = ("embeddings.position_ids", "visual_projection.", "text_", "logit_", "vision_pooler.")


def read_tower(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Converted:
    """The reading of the image tower of a CLIP or a SigLIP; the feature is the pooled one, before any projection."""
    kept, out = without(tensors, _NO_FEATURE)
    state = stacked(renamed(kept, _RULES))
    clip = "cls_token" in state
    patch = square(config, "patch_size", 16)
    width, depth, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    state["pos_embed"] = state["pos_embed"].reshape(1, -1, width)
    side = round((state["pos_embed"].shape[1] - clip) ** 0.5)
    state = _clip(state) if clip else _siglip(state, width, patch)
    pool = "token" if clip else "map" if "attn_pool.latent" in state else "avg"
    arguments = {
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "patch_size": patch,
        "img_size": side * patch,
        "mlp_ratio": config["intermediate_size"] / width,
        "global_pool": pool,
        "class_token": clip,
        "pre_norm": clip,
        "fc_norm": False,
        **activation({"hidden_act": "quick_gelu" if clip else "gelu_pytorch_tanh", **config}),
    }
    eps = config.get("layer_norm_eps", 1e-5 if clip else 1e-6)
    said = {"token": "CLIP's pooled output, before the projection", "map": "SigLIP's pooled output"}
    return Converted(
        base="vit_base_patch16_224",
        arguments=arguments,
        state=state,
        title=f"{'CLIP' if clip else 'SigLIP'} image tower/{patch} (width {width}, depth {depth}, {heads} heads)",
        norm_eps={"": eps},
        pool_from=said.get(pool, "without its head: the mean of the normed patches"),
        left_out=out,
        image_size=side * patch,
    )


def _clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return state | {"cls_token": state["cls_token"].reshape(1, 1, -1)}


def _siglip(state: dict[str, Tensor], width: int, patch: int) -> dict[str, Tensor]:
    """SigLIP 2's linear patches (row, column, channel) as a convolution, and the head's stacked projections apart."""
    weight = state["patch_embed.proj.weight"]
    if weight.ndim == 2:
        weight = weight.reshape(width, patch, patch, 3).permute(0, 3, 1, 2).contiguous()
    found = state | {"patch_embed.proj.weight": weight}
    for end in ("weight", "bias"):
        joined = found.pop(f"head.attention.in_proj_{end}", None)
        if joined is not None:
            found |= {f"attn_pool.q.{end}": joined[:width], f"attn_pool.kv.{end}": joined[width:]}
    return found
