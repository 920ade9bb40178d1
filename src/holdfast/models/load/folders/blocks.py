"""transformers' ViT, ViT-MAE, I-JEPA and DINOv2 as timm's vision transformer."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from holdfast.models.load.folders.converted import Converted, activation, renamed, square, stacked, without
from holdfast.models.load.vit import convert_dinov2

_BLOCKS = (
    (r"^(?:encoder\.)?layers?\.(\d+)\.", r"blocks.\1."),
    (r"\.attention\.(?:attention\.)?(?:query|q_proj)\.", ".attn.q."),
    (r"\.attention\.(?:attention\.)?(?:key|k_proj)\.", ".attn.k."),
    (r"\.attention\.(?:attention\.)?(?:value|v_proj)\.", ".attn.v."),
    (r"\.attention\.(?:output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.(?:intermediate\.dense)\.", ".mlp.fc1."),
    (r"^(blocks\.\d+)\.output\.dense\.", r"\1.mlp.fc2."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
    (r"\.mlp\.weights_in\.", ".mlp.fc1."),
    (r"\.mlp\.(?:weights_out|down_proj)\.", ".mlp.fc2."),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.(cls_token|register_tokens)$", r"\1"),
    (r"^layernorm\.", "norm."),
)
_EPS = {"dinov2": 1e-6, "dinov2_with_registers": 1e-6}
_NO_FEATURE = ("pooler.", "decoder.", "embeddings.mask_token", "classifier.")


def read_blocks(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Converted:
    """The reading of a ViT, a ViT-MAE, an I-JEPA or a DINOv2 of transformers."""
    kind, (kept, out) = config["model_type"], without(tensors, _NO_FEATURE)
    state = stacked(_gated(renamed(kept, _BLOCKS)))
    dinov2, registers = kind.startswith("dinov2"), "register_tokens" in state
    state = convert_dinov2(state) if dinov2 else state
    width, depth, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    patch, size = square(config, "patch_size", 16), square(config, "image_size", 224)
    first = state["blocks.0.mlp.fc1.weight"]
    gated = first.shape[0] == 2 * state["blocks.0.mlp.fc2.weight"].shape[1]
    arguments = {
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "patch_size": patch,
        "img_size": size,
        "mlp_ratio": first.shape[0] / width,
        "qkv_bias": "blocks.0.attn.qkv.bias" in state,
        **({} if gated else activation(config)),
        **({"init_values": 1e-5} if dinov2 else {}),
        **({"reg_tokens": state["reg_token"].shape[1]} if registers else {}),
        **({"class_token": False, "global_pool": "avg", "fc_norm": False} if kind == "ijepa" else {}),
    }
    base = f"vit_{'giant' if gated else 'base'}_patch14_{'reg4_' if registers else ''}dinov2"
    return Converted(
        base=base if dinov2 else "vit_base_patch16_224",
        arguments=arguments,
        state=state,
        title=f"{kind}/{patch} (width {width}, depth {depth}, {heads} heads)",
        norm_eps={"": config.get("layer_norm_eps", _EPS.get(kind, 1e-12))},
        pool_from="its authors: mean of the normed patches" if kind == "ijepa" else "its authors: after the last norm",
        left_out=out,
        image_size=size,
    )


def _gated(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """SwiGLU's two halves as one layer, gate first."""
    import torch

    halves = [name for name in state if ".mlp.gate_proj." in name]
    for name in halves:
        up = name.replace("gate_proj", "up_proj")
        state[name.replace("gate_proj", "fc1")] = torch.cat([state.pop(name), state.pop(up)])
    return state
