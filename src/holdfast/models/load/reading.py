"""What a layout makes of a source, and the encoder that is built from it: every tensor in its place, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from holdfast.models.encoders import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Encoder,
    EncoderSpec,
    build_network,
    feature_width,
    timm_name,
)
from holdfast.models.identity import checksum
from holdfast.models.load.nearest import nearest_network
from holdfast.models.load.pixels import BESIDE, stated
from holdfast.models.loaded import Loaded
from holdfast.models.pooling import check_pool, said

COUNTER = "num_batches_tracked"
"""What batch norms count: no feature depends on it, and old files lack it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """A source as a layout understands it."""

    layout: str
    spec: EncoderSpec
    """At the size that the weights were trained at."""
    state: Mapping[str, Tensor] | None
    """By the network's own names; None: the network is there already, or its weights are random."""
    network: nn.Module | None = None
    """Where it is built already."""
    title: str = ""
    """Name of the network, where the spec's name does not say its sizes."""
    weights: str = "trained"
    left_out: Sequence[str] = ()
    copy: str = ""
    size_from: str
    used_size: int | None = None
    """Pixels that its authors evaluate at, where that is another size."""
    resize: str = ""
    pixels_from: str
    pool_from: str = "its authors' way"
    notes: Sequence[str] = field(default_factory=tuple)
    positions_note: str = ""
    """What to know where position embeddings are resampled."""


def assembled(reading: Reading, source: str, *, image_size: int | None = None, pool: str | None = None) -> Encoder:
    """The encoder of a reading, at a size and with a pool where these are given.

    Raises ValueError where the network and the source's tensors are not the same, for a size that the network cannot
    take and a pool that it does not have.
    """
    network = reading.network or build_network(reading.spec)
    needed = [name for name in network.state_dict() if not name.endswith(COUNTER)]
    if reading.state is not None:
        put(network, reading.state, f"{reading.title or reading.spec.encoder} in {source}")
    spec, pool_from = reading.spec, reading.pool_from
    if pool is not None:
        spec, pool_from = replace(spec, pool=pool), "as asked"
    check_pool(network, spec.pool, reading.title or spec.encoder)
    spec, positions = at_size(network, spec, image_size or reading.used_size)
    drawn, usual = reading.weights == "random", reading.used_size or reading.spec.image_size
    encoder = Encoder(network, spec, 0)
    encoder.dim = feature_width(encoder, spec.image_size)
    encoder.loaded = Loaded(
        source=source,
        layout=reading.layout,
        network=reading.title or spec.encoder,
        weights="random" if drawn or (reading.state is not None and untouched(network)) else "trained",
        matched=0 if drawn else len(needed),
        tensors=len(needed),
        left_out=tuple(reading.left_out),
        copy=reading.copy,
        image_size=spec.image_size,
        size_from=reading.size_from if image_size in (None, usual) else _other_size(drawn),
        positions=positions,
        resize=reading.resize,
        mean=spec.mean,
        std=spec.std,
        pixels_from=reading.pixels_from,
        pool=said(network, spec.pool),
        pool_from=pool_from,
        dim=encoder.dim,
        checksum=checksum(encoder),
        notes=(*reading.notes, *([reading.positions_note] if positions and reading.positions_note else [])),
    )
    return encoder.eval()


def _other_size(drawn: bool) -> str:
    """What another size than the network's is from: random weights were made for none."""
    return "as asked, else the images' own" if drawn else "as asked"


def untouched(network: nn.Module) -> bool:
    """Whether every norm of a network has the gain 1 (or 0, as a block's last one may begin) and the shift 0 that it is
    built with, and no statistics: no step of training leaves them so. False for a network without such norms."""
    norms = [m for m in network.modules() if "norm" in type(m).__name__.lower() and _is_vector(m, "weight")]
    return bool(norms) and all(_as_built(norm) for norm in norms)


def _is_vector(module: nn.Module, name: str) -> bool:
    value = getattr(module, name, None)
    return isinstance(value, Tensor) and value.ndim == 1


def _as_built(norm: Any) -> bool:
    gain, built = norm.weight, {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    rest = all(bool((getattr(norm, n) == value).all()) for n, value in built.items() if _is_vector(norm, n))
    return rest and bool((gain == 1).all() or (gain == 0).all())


@torch.no_grad()
def put(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Fills a network with tensors of exactly its names and shapes. Raises ValueError naming what differs."""
    expected = network.state_dict()
    needed = [name for name in expected if not name.endswith(COUNTER)]
    problem = difference(expected, state)
    if problem:
        raise ValueError(
            f"expected the weights of {what}, got {problem}; {nearest_network(state)}name the network they belong to"
        )
    counters = {name: value for name, value in state.items() if name.endswith(COUNTER) and name in expected}
    for name, value in {name: state[name] for name in needed}.items() | counters.items():
        expected[name].copy_(value)


def difference(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """How a state differs from what a network expects: '' where every tensor of both has its place."""
    needed = [name for name in expected if not name.endswith(COUNTER)]
    missing = [name for name in needed if name not in state]
    shapes = [name for name in needed if name in state and state[name].shape != expected[name].shape]
    more = [name for name in state if name not in expected and not name.endswith(COUNTER)]
    parts = []
    if missing:
        parts.append(f"{len(needed) - len(missing)} of {len(needed)} tensors (without {', '.join(missing[:3])})")
    if shapes:
        name = shapes[0]
        there, here = list(state[name].shape), list(expected[name].shape)
        parts.append(f"{name} of shape {there} where it has {here} ({len(shapes)} of other shapes)")
    if more:
        parts.append(f"{', '.join(more[:3])} besides, of a larger network ({len(more)} tensors)")
    return " and ".join(parts)


def at_size(network: Any, spec: EncoderSpec, size: int | None) -> tuple[EncoderSpec, str]:
    """(the spec at a size, what became of the position embeddings); the network is changed in place.

    Raises ValueError for a size that the patches do not divide.
    """
    if size is None or size == spec.image_size:
        return spec, ""
    patches = getattr(network, "patch_embed", None)
    sides = getattr(patches, "patch_size", None)
    if sides is not None and size % int(sides[0]):
        side = int(sides[0])
        near = sorted({max(side, size // side * side), (size // side + 1) * side})
        raise ValueError(
            f"expected an --image-size that is a multiple of the patch of {side} px for {spec.encoder}, got {size}; "
            f"take {' or '.join(map(str, near))}"
        )
    moved = "" if sides is None else _moved(network, size, size // int(sides[0]))
    arguments = dict(spec.arguments)
    if "img_size" in arguments:
        arguments["img_size"] = size
    return replace(spec, image_size=size, arguments=arguments), moved


def _moved(network: Any, size: int, side: int) -> str:
    """What became of position embeddings, which are brought to size pixels, side×side patches; '' where there are
    none."""
    before = getattr(network, "pos_embed", None)
    if not hasattr(network, "set_input_size"):
        return ""
    grid = network.patch_embed.grid_size[0]
    network.set_input_size(img_size=(size, size))
    if before is None or before.shape == network.pos_embed.shape:
        return ""
    return f"position embeddings resampled from {grid}×{grid} to {side}×{side} as timm does (bicubic, antialiased)"


def centre(share: float) -> str:
    """What is said of a crop of a share of the side; '' for all of it."""
    return "" if share == 1 else f", centre {share:.4g} of it"


def timm_pixels(name: str) -> tuple[dict[str, Any], str]:
    """(mean, std, image_size and resize that timm's configuration of a name says, which configuration that is)."""
    facts = timm.get_pretrained_cfg(timm_name(f"timm/{name}"))
    if facts is None:
        return {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "image_size": 224}, "ImageNet's, no own"
    tag = f"{facts.architecture}.{facts.tag}" if facts.tag else str(facts.architecture)
    how = f"{facts.interpolation} resize"
    how += {"squash": ", squashed", "border": ", padded"}.get(facts.crop_mode, centre(facts.crop_pct))
    values = {"mean": tuple(facts.mean), "std": tuple(facts.std), "image_size": facts.input_size[-1], "resize": how}
    return values, f"timm's configuration of {tag}"


def file_pixels(encoder: str, path: Path, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Any], str]:
    """(mean and std of pixels for a file's weights, what they are from): those beside the file, else those in it, else
    those that a network's name ('timm/…', 'torchvision/…') usually has."""
    own, inside = stated(path), [name for name in ("mean", "std") if name in tensors and tensors[name].numel() == 3]
    library, _, name = encoder.partition("/")
    if "mean" in own or "std" in own:
        usual, said = own, f"{BESIDE} beside the file"
    elif len(inside) == 2:
        spec = EncoderSpec(encoder=encoder, stem="standard", image_size=1).normalised_by(tensors)
        usual, said = {"mean": spec.mean, "std": spec.std}, "the file's own"
    else:
        usual, said = timm_pixels(name) if library == "timm" else ({}, "ImageNet's, as torchvision trains")
    values = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD} | usual
    return {key: tuple(values[key]) for key in ("mean", "std")}, said
