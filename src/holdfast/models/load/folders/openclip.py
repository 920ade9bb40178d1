"""An open_clip folder: the image tower of a CLIP, as open_clip writes it or around a network of timm."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from holdfast.models.encoders import EncoderSpec
from holdfast.models.load.folders.converted import renamed
from holdfast.models.load.pixels import CLIP_MEAN, CLIP_STD
from holdfast.models.load.reading import Reading
from holdfast.models.load.tensors import read_tensors
from holdfast.models.pooling import Pool
from holdfast.system import read_json

CONFIG = "open_clip_config.json"
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors")
_RULES = (
    (r"^conv1\.", "patch_embed.proj."),
    (r"^positional_embedding$", "pos_embed"),
    (r"^class_embedding$", "cls_token"),
    (r"^transformer\.resblocks\.", "blocks."),
    (r"^ln_pre\.", "norm_pre."),
    (r"^ln_post\.", "norm."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.in_proj_", ".qkv."),
    (r"\.out_proj\.", ".proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)
_REFUSED = ("attentional_pool", "no_ln_pre", "input_patchnorm", "final_ln_after_pool", "pos_embed_type")


def read_openclip(folder: Path) -> Reading:
    """The reading of the image tower; the feature is before the projection. Raises ValueError for unknown towers."""
    facts = read_json(folder / CONFIG, "the configuration of a model", "get the file again")
    model = facts.get("model_cfg", {})
    vision, pixels = model.get("vision_cfg", {}), facts.get("preprocess_cfg", {})
    file = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if file is None:
        raise FileNotFoundError(f"expected one of {', '.join(WEIGHTS)} in {folder}, got none; download the weights too")
    tensors = read_tensors(folder / file)
    visual = {name.removeprefix("visual."): tensor for name, tensor in tensors.items() if name.startswith("visual.")}
    if "timm_model_name" in vision:
        spec, state, title, out = _timm_tower(vision, visual)
    elif "class_embedding" in visual:
        spec, state, title, out = _vit(model, vision, visual, folder)
    else:
        raise ValueError(
            f"expected a ViT or a tower of timm in {folder}, got names such as {', '.join(list(tensors)[:2])}; "
            "load it with open_clip and pass model.visual"
        )
    mean, std = tuple(pixels.get("mean", CLIP_MEAN)), tuple(pixels.get("std", CLIP_STD))
    mode = pixels.get("resize_mode", "shortest")
    return Reading(
        layout=f"open_clip's folder, weights in {file}",
        spec=EncoderSpec(**{**spec, "mean": mean, "std": std}),
        state=state,
        title=title,
        left_out=(*out, "the text tower"),
        size_from=CONFIG,
        resize=f"{pixels.get('interpolation', 'bicubic')} resize, {mode}",
        pixels_from=CONFIG if "mean" in pixels else "OpenAI's, open_clip's default",
        pool_from="before the projection into the space of texts",
        notes=() if "mean" in pixels else _doubt(vision),
    )


def _doubt(vision: Mapping[str, Any]) -> tuple[str, ...]:
    """A note where a folder does not say how pixels are normalised and timm's weights of its tower are not CLIP's."""
    import timm

    own = timm.get_pretrained_cfg(str(vision.get("timm_model_name")), allow_unregistered=True)
    if own is None or own.mean == CLIP_MEAN:
        return ()
    note = (
        f"{CONFIG} has no mean and std, so OpenAI's are taken, as open_clip does; timm's weights of this tower are "
        f"made for mean {own.mean[0]:g}, std {own.std[0]:g}: write preprocess_cfg into {CONFIG} if yours are too"
    )
    return (note,)


def _vit(model: Mapping[str, Any], vision: Mapping[str, Any], visual: dict[str, Tensor], folder: Path) -> Any:
    """(fields of the spec, tensors, title, what was left out) of open_clip's own ViT."""
    odd = [name for name in _REFUSED if vision.get(name)] + ["pool_type"] * (vision.get("pool_type", "tok") != "tok")
    if odd:
        raise ValueError(
            f"expected a ViT that pools its class token in {folder}, got {', '.join(odd)}; "
            "load it with open_clip and pass model.visual"
        )
    state = renamed({name: tensor for name, tensor in visual.items() if name != "proj"}, _RULES)
    patches = state["patch_embed.proj.weight"]
    width, patch = patches.shape[0], patches.shape[-1]
    state |= {"cls_token": state["cls_token"].reshape(1, 1, width), "pos_embed": state["pos_embed"][None]}
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    heads = width // vision.get("head_width", 64)
    size = round((state["pos_embed"].shape[1] - 1) ** 0.5) * patch
    arguments = {
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "patch_size": patch,
        "img_size": size,
        "mlp_ratio": state["blocks.0.mlp.fc1.weight"].shape[0] / width,
        "global_pool": "token",
        "pre_norm": True,
        **({"act_layer": "quick_gelu"} if model.get("quick_gelu") else {}),
        **({"init_values": 1e-5} if "blocks.0.ls_1.gamma" in state else {}),
    }
    state = renamed(state, ((r"\.ls_([12])\.", r".ls\1."),))
    spec = {"encoder": "timm/vit_base_patch16_224", "stem": "standard", "image_size": size, "arguments": arguments}
    title = f"open_clip ViT/{patch} (width {width}, depth {depth}, {heads} heads)"
    return spec | {"norm_eps": {"": 1e-5}}, state, title, ["visual.proj"] if "proj" in visual else []


def _timm_tower(vision: Mapping[str, Any], visual: dict[str, Tensor]) -> Any:
    """What _vit gives, of a tower of timm: its trunk, without the projection after it."""
    state = {name.removeprefix("trunk."): tensor for name, tensor in visual.items() if name.startswith("trunk.")}
    pool = vision.get("timm_pool", "avg")
    name, size = str(vision["timm_model_name"]), int(vision.get("image_size", 224))
    known: dict[str, Pool] = {"avg": "avg", "token": "cls", "map": "map"}
    arguments: dict[str, Any] = {"img_size": size} if "pos_embed" in state else {}
    if pool in known and "pos_embed" in state:
        arguments["global_pool"] = pool
    spec = {"encoder": f"timm/{name}", "stem": "standard", "image_size": size, "arguments": arguments}
    out = sorted({f"visual.{name.partition('.')[0]}" for name in visual if not name.startswith("trunk.")})
    return spec, state, f"open_clip's tower of timm/{name}", out
