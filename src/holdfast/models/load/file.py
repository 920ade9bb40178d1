"""A file of weights: by the network that the user names before '@', or by what its keys tell."""

import io
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.models.encoders import EncoderSpec, build_network
from holdfast.models.load.copies import beginnings, chosen, left_out
from holdfast.models.load.dinov3 import read_dinov3
from holdfast.models.load.foreign import read_foreign
from holdfast.models.load.named import candidates, own_pool
from holdfast.models.load.nearest import nearest_network, other_heads, other_layers, way_to_name
from holdfast.models.load.pixels import stated
from holdfast.models.load.reading import COUNTER, Reading, difference, timm_pixels
from holdfast.models.load.resnet import read_resnet
from holdfast.models.load.tensors import SUFFIXES, Content, read_content
from holdfast.models.load.vit import read_vit

Layout = Callable[[Content, str | None], Reading | None]
LAYOUTS: dict[str, Layout] = {
    "dinov3": read_dinov3,
    "vit": read_vit,
    "resnet": read_resnet,
    "foreign": read_foreign,
}
"""Kinds of files, in the order in which they are tried: each says by the keys whether a file is its own."""
_WHOLE, _MOST = 1.0, 0.5
"""Shares of a network's names that a beginning must have to be the network, and to be what the user meant by it."""
CLASSIFIERS = {"fc", "head", "head_dist", "heads", "classifier", "last_linear", "linear", "pre_logits", "mask_token"}
"""Modules, and tokens, that an encoder has no use for."""


def read_file(path: Path, wanted: str | None = None) -> Reading:
    """The reading of a file whose keys tell what it is. Raises ValueError for one whose keys do not."""
    content = read_content(path)
    if {name.partition(".")[0] for name in content.names} == {"network", "mean", "std"}:
        raise ValueError(
            f"expected the .json beside it that holdfast writes with {path.name}, got none; copy it from the run folder"
        )
    arch = content.plain.get("arch")
    reading = converted(content, wanted)
    if reading is not None:
        return reading
    own = stated(path).get("network")
    if own or (isinstance(arch, str) and "state_dict" in " ".join(content.names[:1])):
        return read_named_file(str(own or f"timm/{arch}").partition(":")[0].partition("@")[0], path, wanted)
    raise ValueError(
        f"expected weights of a network that their names tell in {path}, got names such as "
        f"{', '.join(content.names[:3]) or 'none'}; {way_to_name(path)}"
    )


def read_exported(folder: Path) -> Reading:
    """The reading of a folder that `holdfast export` wrote. Raises ValueError where it names no network."""
    facts = stated(folder / "model.safetensors")
    if not {"network", "stem", "image_size"} <= set(facts):
        raise ValueError(
            f"expected network, stem and image_size in {folder / 'preprocess.json'}, got {', '.join(facts)}"
        )
    name = str(facts["network"]).partition(":")[0].partition("@")[0]
    return read_named_file(name, folder / "model.safetensors")


def converted(content: Content, wanted: str | None) -> Reading | None:
    """The reading by the first layout that knows the file's keys; None where none does."""
    readings = (read(content, wanted) for read in LAYOUTS.values())
    return next((reading for reading in readings if reading is not None), None)


def read_named_file(name: str, path: Path, wanted: str | None = None) -> Reading:
    """The reading of a file for 'timm/NAME' or 'torchvision/NAME', with ':small', ':small2' or ':standard' for stems.

    Raises ValueError where the file holds no such network, several that no rule tells apart, or a larger one, and
    where two stems fit and nothing says which.
    """
    content, own = read_content(path), stated(path)
    name, _, asked = name.partition(":")
    specs = _specs(name, asked, own, content)
    problems: list[str] = []
    found = [reading for pair in specs if (reading := _direct(*pair, content, wanted, problems))]
    if not found:
        found = [reading for pair in specs if (reading := _converted(*pair, content, wanted, problems))]
    if not found and name.startswith("timm/"):
        found = [reading for pair in specs if (reading := filtered(*pair, content, problems))]
    if len({reading.spec.stem for reading in found}) > 1:
        raise ValueError(
            f"expected to know the stem of {name} in {path}, got a file that fits both (the shapes are the same); "
            f"name it, {name}:standard@{path.name} or {name}:small@{path.name}, or keep preprocess.json beside the file"
        )
    if found:
        return _noted(found[0], content, wanted)
    raise ValueError(problems[0] if problems else _nothing(name, content))


def _noted(reading: Reading, content: Content, wanted: str | None) -> Reading:
    """The reading, with a note where the file is of a family whose heads are others than those of the network named."""
    try:
        theirs = converted(content, wanted)
    except ValueError:  # a family that does not have this width: the name says what its keys do not
        return reading
    if theirs is None or theirs.spec.stem != reading.spec.stem:
        return reading
    apart = other_heads(*(one.network or build_network(one.spec) for one in (reading, theirs)))
    if not apart:
        return reading
    note = f"{apart} in {reading.spec.encoder}, which was named; {theirs.layout} by its keys: without a name its own"
    return replace(reading, notes=(*reading.notes, note))


def _specs(name: str, asked: str, own: Mapping[str, Any], content: Content) -> list[tuple[EncoderSpec, nn.Module]]:
    """The networks that the file may hold, as the user, preprocess.json or the shapes say."""
    stems = {"": None, "standard": "standard", "small": "small", "small2": "small, padding 2"}
    if asked not in stems:
        raise ValueError(f"expected :standard, :small or :small2 after {name}, got :{asked}; choose one of them")
    theirs = str(own.get("network", name)).partition(":")[0].partition("@")[0]
    if theirs != name:
        raise ValueError(f"expected {name} in {content.path}, got preprocess.json beside it that says {theirs}")
    if {"stem", "image_size"} <= set(own) and not asked:
        spec = EncoderSpec.of({"encoder": name, **own})
        return [(spec, build_network(spec))]
    found = [_fitted(spec, network, content) for spec, network in candidates(name)]
    if asked:
        small = [pair for pair in found if pair[0].stem == ("small" if asked != "standard" else "standard")]
        found = [(replace(spec, stem=stems[asked]), network) for spec, network in small]
        found = [(spec, build_network(spec)) for spec, _ in found] if asked == "small2" else found
    changed = {key: own[key] for key in ("mean", "std") if key in own}
    return [(replace(spec, **changed), network) for spec, network in found]


def _fitted(spec: EncoderSpec, network: nn.Module, content: Content) -> tuple[EncoderSpec, nn.Module]:
    """The network at the grid and patch of the file's position embeddings, where these are others than its own."""
    ours = getattr(network, "pos_embed", None)
    theirs = [t for n, t in content.tensors.items() if n.endswith("pos_embed") and "decoder" not in n and t.ndim == 3]
    patches = [t for n, t in content.tensors.items() if n.endswith("patch_embed.proj.weight") and t.ndim == 4]
    if ours is None or not theirs or not patches or spec.encoder.startswith("torchvision/"):
        return spec, network
    patch, side = patches[0].shape[-1], int(theirs[0].shape[1] ** 0.5)  # a class token and registers round down
    if ours.shape == theirs[0].shape and patch == network.patch_embed.patch_size[0]:  # type: ignore[union-attr,index]
        return spec, network
    changed = replace(spec, image_size=side * patch, arguments={"img_size": side * patch, "patch_size": patch})
    return changed, build_network(changed)


def _direct(
    spec: EncoderSpec, network: nn.Module, content: Content, wanted: str | None, problems: list[str]
) -> Reading | None:
    """The reading where the file has the network's own names under some beginning; what does not fit is noted."""
    expected = network.state_dict()
    needed = [key for key in expected if not key.endswith(COUNTER)]
    shares = beginnings(content.names, needed)
    whole = [start for start, share in shares.items() if share >= _WHOLE]
    starts = whole or [start for start, share in shares.items() if share >= _MOST]
    if not starts:
        return None
    where = f"{spec.encoder} in {content.path.name}"
    start, copy = chosen(sorted(starts), content.names, wanted=wanted, where=where)
    inside = {key[len(start) :]: tensor for key, tensor in content.tensors.items() if key.startswith(start)}
    state = {key: tensor for key, tensor in inside.items() if not unneeded(network, key)}
    problem = difference(expected, state)
    if problem:
        problems.append(
            f"expected the weights of {spec.encoder} in {content.path}, got {problem}; {nearest_network(state)}"
            "name the network that they belong to"
        )
        return None
    dropped = sorted({key.partition(".")[0] for key in inside if key not in state})
    return _reading(spec, state, content, tuple(dropped + left_out(content.names, start)), copy)


def _reading(spec: EncoderSpec, state: Mapping[str, Tensor], content: Content, out: Any, copy: str) -> Reading:
    own, pool = stated(content.path), own_pool(spec.encoder)
    library = spec.encoder.partition("/")[0]
    values, said = timm_pixels(spec.encoder.partition("/")[2]) if library == "timm" else ({}, "torchvision's usual")
    small = "small" in spec.stem
    usual = "ImageNet's, for a small stem no file says otherwise" if small else said
    sized = "its position embeddings" if "img_size" in spec.arguments else "usual for a small stem" if small else said
    return Reading(
        layout=f"weights of {content.path.name} in {library}'s names",
        spec=replace(spec, pool=own.get("pool", pool["pool"])),
        state=state,
        left_out=out,
        copy=copy,
        size_from="preprocess.json beside the file" if "image_size" in own else sized,
        resize="" if small else values.get("resize", ""),
        pixels_from="preprocess.json beside the file" if "mean" in own else usual,
        pool_from="preprocess.json beside the file" if "pool" in own else pool["pool_from"],
    )


def _converted(
    spec: EncoderSpec, network: nn.Module, content: Content, wanted: str | None, problems: list[str]
) -> Reading | None:
    """The reading where the file's names are another family's that become the network's."""
    try:
        reading = converted(content, wanted)
    except ValueError as error:
        problems.append(str(error))
        return None
    if reading is None or reading.state is None or difference(network.state_dict(), reading.state):
        return None
    apart = other_layers(network, build_network(reading.spec))
    if apart:
        problems.append(
            f"expected the layers of {reading.spec.encoder} for {content.path}, {reading.layout}, got {spec.encoder}: "
            f"{apart}; name {reading.spec.encoder}@{content.path.name}, or no network"
        )
        return None
    theirs = {name: getattr(reading.spec, name) for name in ("mean", "std", "pool")}
    return replace(reading, spec=replace(spec, **theirs), title="", used_size=None)


def filtered(spec: EncoderSpec, network: nn.Module, content: Content, problems: list[str]) -> Reading | None:
    """The reading where timm's own filter of the network's file makes the file's names the network's.

    A filter may drop tensors in silence; those that it drops must be a classifier's, else it is noted and None given.
    """
    module = sys.modules[type(network).__module__]
    convert = getattr(module, "checkpoint_filter_fn", None)
    if convert is None:
        return None
    for start in sorted({""} | {name.partition(".")[0] + "." for name in content.names if "." in name}):
        inside = {key[len(start) :]: tensor for key, tensor in content.tensors.items() if key.startswith(start)}
        state = _by_filter(convert, inside, network)
        kept = {key: tensor for key, tensor in state.items() if not unneeded(network, key)}
        if state and not difference(network.state_dict(), kept):
            dropped = _dropped(convert, inside, state, network)
            needed = [key for key in dropped if not unneeded(network, key) and not key.endswith(COUNTER)]
            if needed:
                problems.append(
                    f"expected all of {content.path} to be used for {spec.encoder}, got {', '.join(needed[:3])} "
                    f"({len(needed)} tensors) that timm's filter of its names drops; name the network that has them"
                )
                return None
            out = sorted({key.partition(".")[0] for key in (*dropped, *(set(state) - set(kept)))})
            reading = _reading(spec, kept, content, tuple(out + left_out(content.names, start)), "")
            return replace(reading, layout=f"names of {content.path.name} converted by timm's filter")
    return None


def _by_filter(convert: Any, inside: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """What a filter makes of tensors; nothing where they are not its own."""
    try:
        with redirect_stdout(io.StringIO()):
            found = convert(dict(inside), network)
    except Exception:  # a filter of other names may raise anything
        return {}
    return {key: tensor for key, tensor in found.items() if isinstance(tensor, Tensor)}


def _dropped(convert: Any, inside: Mapping[str, Tensor], state: Mapping[str, Tensor], network: nn.Module) -> list[str]:
    """Names of tensors without which a filter gives the same: those that it hands on are known by their memory."""
    kept = {tensor.data_ptr() for tensor in state.values()}
    asked = [key for key, tensor in inside.items() if tensor.data_ptr() not in kept and tensor.is_floating_point()]
    return [key for key in asked if not _matters(convert, inside, key, network)]


def _matters(convert: Any, inside: Mapping[str, Tensor], name: str, network: nn.Module) -> bool:
    marked = _by_filter(convert, {**inside, name: torch.full_like(inside[name], torch.nan)}, network)
    return any(bool(tensor.isnan().any()) for tensor in marked.values() if tensor.is_floating_point())


def unneeded(network: nn.Module, name: str) -> bool:
    """Whether a name of a file lies in a classifier or a projector, that is: outside the network without a head."""
    parts = name.split(".")
    if parts[0] in CLASSIFIERS and not any(key.split(".")[0] == parts[0] for key in network.state_dict()):
        return True
    inside = parts[0] in dict(network.named_children()) or len(parts) == 1
    return not inside or _under_identity(network, parts)


def _under_identity(network: nn.Module, parts: list[str]) -> bool:
    """Whether a name lies where a classifier stood: the last linear layer of torchvision's networks."""
    modules = dict(network.named_modules())
    above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
    heads = [at for at in above if isinstance(modules.get(at), nn.Identity)]
    return any(at.split(".")[0] in CLASSIFIERS for at in heads)


def _nothing(name: str, content: Content) -> str:
    return (
        f"expected the weights of {name} in {content.path}, got names such as "
        f"{', '.join(content.names[:3]) or 'none'}; {nearest_network(content.tensors)}"
        "name the network that they belong to, or load them into your own module"
    )


def is_weights(path: Path) -> bool:
    """Whether a file's name is one of weights."""
    return path.suffix in SUFFIXES
