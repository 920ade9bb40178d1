"""Methods by their command-line name, the parts that wrap them, and how a configuration becomes one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from torch import nn

from holdfast import config as configuration
from holdfast.config import PartConfig, RunConfig
from holdfast.data.sources import view_maker
from holdfast.data.views import side_of_views
from holdfast.methods.attributes import ForgetConfig, Forgetting
from holdfast.methods.base import Batch, Method, Views
from holdfast.methods.cf_amc_ssl import ADVERSARIES, AdversaryConfig, FreeAdversary, PGDAdversary
from holdfast.methods.clean_teacher import DOWNLOADED, wanted_teacher
from holdfast.methods.emp_ssl import EMPSSL, EMPSSLConfig
from holdfast.methods.equivariance import CODINGS, GDT, SOFT_EQUIVARIANCES, CodingConfig, GDTConfig, SERConfig
from holdfast.methods.invclr import PENALTIES, InvariancePenalty, PenaltyConfig
from holdfast.methods.neighbours import (
    BYOL,
    DCL,
    DINO,
    FNC,
    BarlowTwins,
    BarlowTwinsConfig,
    BYOLConfig,
    DCLConfig,
    DINOConfig,
    FNCConfig,
    MoCoV3,
    MoCoV3Config,
    RenyiCL,
    RenyiCLConfig,
    VICReg,
    VICRegConfig,
)
from holdfast.methods.presets import PRESETS
from holdfast.methods.robust import (
    ACL,
    LORE,
    ACLConfig,
    DeACL,
    DeACLConfig,
    DynACLTuning,
    LOREConfig,
    ProFeAT,
    ProFeATConfig,
    RoCL,
    RoCLConfig,
)
from holdfast.methods.sdclr import SDCLR, SDCLRConfig
from holdfast.methods.simclr import SimCLR, SimCLRConfig
from holdfast.methods.strength_schedule import STRENGTHS, StrengthConfig
from holdfast.methods.tail import HARMONIES, MEMORIES, SHARPNESSES, HarmonyConfig, MemoryConfig, SharpnessConfig
from holdfast.methods.temperature_schedule import TEMPERATURES, TemperatureConfig, TemperatureSchedule
from holdfast.methods.weight_average import AVERAGES, AverageConfig
from holdfast.models import ChunkedNetwork, Encoder, create_encoder, recompute_blocks, require_size
from holdfast.randomness import seeded_library
from holdfast.settings import Purpose

METHODS: dict[str, type[Method]] = {
    "simclr": SimCLR,
    "sdclr": SDCLR,
    "emp-ssl": EMPSSL,
    "dcl": DCL,
    "renyicl": RenyiCL,
    "fnc": FNC,
    "vicreg": VICReg,
    "barlow-twins": BarlowTwins,
    "byol": BYOL,
    "moco-v3": MoCoV3,
    "dino": DINO,
    "gdt": GDT,
    "rocl": RoCL,
    "acl": ACL,
    "deacl": DeACL,
    "profeat": ProFeAT,
    "lore": LORE,
    "dynacl++": DynACLTuning,
}
PARTS: dict[str, type[PartConfig]] = {
    "strength_schedule": StrengthConfig,
    "memory_augment": MemoryConfig,
    "temperature_schedule": TemperatureConfig,
    "harmonize": HarmonyConfig,
    "penalty": PenaltyConfig,
    "equivariance": CodingConfig,
    "soft_equivariance": SERConfig,
    "forget": ForgetConfig,
    "sharpness": SharpnessConfig,
    "weight_average": AverageConfig,
    "adversary": AdversaryConfig,
}
"""Settings of what may be put on a method, by the flag that switches each on; the first is the innermost."""
WRAPPERS: dict[str, dict[str, Any]] = {
    "strength_schedule": STRENGTHS,
    "memory_augment": MEMORIES,
    "temperature_schedule": TEMPERATURES,
    "harmonize": HARMONIES,
    "penalty": PENALTIES,
    "equivariance": CODINGS,
    "soft_equivariance": SOFT_EQUIVARIANCES,
    "forget": {"COLUMN": Forgetting},
    "sharpness": SHARPNESSES,
    "weight_average": AVERAGES,
    "adversary": ADVERSARIES,
}
"""By the flag of a part: what it may name before the colon."""

__all__ = [
    "ACL",
    "ADVERSARIES",
    "BYOL",
    "DCL",
    "DINO",
    "DOWNLOADED",
    "EMPSSL",
    "FNC",
    "GDT",
    "LORE",
    "METHODS",
    "PARTS",
    "PENALTIES",
    "PRESETS",
    "SDCLR",
    "TEMPERATURES",
    "WRAPPERS",
    "ACLConfig",
    "AdversaryConfig",
    "AverageConfig",
    "BYOLConfig",
    "BarlowTwins",
    "BarlowTwinsConfig",
    "Batch",
    "CodingConfig",
    "DCLConfig",
    "DINOConfig",
    "DeACL",
    "DeACLConfig",
    "EMPSSLConfig",
    "FNCConfig",
    "ForgetConfig",
    "Forgetting",
    "FreeAdversary",
    "GDTConfig",
    "HarmonyConfig",
    "InvariancePenalty",
    "LOREConfig",
    "MemoryConfig",
    "Method",
    "MoCoV3",
    "MoCoV3Config",
    "PGDAdversary",
    "PenaltyConfig",
    "ProFeAT",
    "ProFeATConfig",
    "RenyiCL",
    "RenyiCLConfig",
    "RoCL",
    "RoCLConfig",
    "SDCLRConfig",
    "SERConfig",
    "SharpnessConfig",
    "SimCLR",
    "SimCLRConfig",
    "StrengthConfig",
    "TemperatureConfig",
    "TemperatureSchedule",
    "VICReg",
    "VICRegConfig",
    "Views",
    "build",
    "default_config",
    "fitting_lr",
    "fresh_encoder",
    "from_document",
    "name_of",
    "purpose_of",
    "to_document",
    "wanted_teacher",
    "with_idle_parts",
    "with_settings",
    "without_idle_parts",
]


def name_of(config: RunConfig) -> str:
    """The command-line name of a configuration's method. Raises ValueError for settings of no method in METHODS."""
    for name, method in METHODS.items():
        if type(config.method) is method.Config:
            return name
    raise ValueError(f"expected the settings of one of {', '.join(METHODS)}, got {type(config.method).__name__}")


LR_TOO_HIGH = 4.0
"""Times the learning rate that linear scaling gives, above which one is said not to fit the batch."""


def default_config(name: str) -> RunConfig:
    """What `holdfast train NAME` starts from: a preset's configuration, or a method's own settings."""
    return PRESETS[name]() if name in PRESETS else RunConfig(method=METHODS[name].Config())


def fitting_lr(config: RunConfig) -> float | None:
    """The default's learning rate for this batch, by linear scaling (1706.02677), where the configuration's is more
    than LR_TOO_HIGH times as high; None where it fits, and for optimisers whose steps do not scale so."""
    known = default_config(name_of(config))
    if config.optimizer not in ("sgd", "lars") or config.optimizer != known.optimizer:
        return None
    fitting = known.lr * config.batch_size / known.batch_size
    return float(f"{fitting:.3g}") if config.lr > LR_TOO_HIGH * fitting else None


def purpose_of(config: RunConfig) -> Purpose:
    """What a configuration trains for: what its outermost part adds, or what its method is for."""
    own: list[Purpose] = [part.purpose for part in config.parts if part.purpose is not None and part.chosen is not None]
    return own[-1] if own else METHODS[name_of(config)].purpose


def fresh_encoder(config: RunConfig, *, image_size: int) -> Encoder:
    """The encoder of a configuration with the weights that config.seed draws."""
    return create_encoder(config.encoder, image_size=image_size, stem=config.stem, seed=config.seed)


def build(config: RunConfig, *, image_size: int, encoder: Encoder | None = None) -> Method:
    """The method of a configuration with networks for images of image_size pixels, drawn by config.seed.

    encoder: one that has its first weights already (config.init); None: a fresh one. Wrapped in the configuration's
    parts, in the order of PARTS. Raises ValueError for a part that does not exist.
    """
    kind = METHODS[name_of(config)]
    encoder = encoder or fresh_encoder(config, image_size=image_size)
    if config.checkpoint_activations:
        recompute_blocks(encoder.network, config.encoder)
    with seeded_library(config.seed, "initial head"):
        head = kind.head(config.method, encoder.dim)
    draw = _views_of(config, image_size, encoder)
    with seeded_library(config.seed, "initial method"):
        method = kind(config.method, network=_joined(encoder, head, config.chunk), make_views=draw)
    inner_first = {kind: place for place, kind in enumerate(PARTS.values())}
    for part in sorted(config.parts, key=lambda part: inner_first[type(part)]):
        method = method if part.chosen is None else part.wrap(method, config)
    return method


def _joined(encoder: Encoder, head: nn.Module, chunk: int | None) -> nn.Sequential:
    return nn.Sequential(encoder, head) if chunk is None else ChunkedNetwork(encoder, head, chunk=chunk)


def _views_of(config: RunConfig, image_size: int, encoder: Encoder) -> Callable[..., Views]:
    """What draws a batch's views: for training as large as the epoch's are, for any other purpose of the full size."""
    make = cache(partial(view_maker, config.data, seed=config.seed))
    if config.views.view_size is not None:
        require_size(encoder, config.views.view_size)

    def draw(batch: Batch, *, views: int = 2, purpose: str = "views", **changes: Any) -> Views:
        """changes: settings of the views that are drawn otherwise than the run's."""
        settings, size = replace(config.views, **changes), image_size
        if purpose.startswith("views"):
            size = side_of_views(config.views, full=image_size, epoch=batch.epoch, epochs=config.epochs)
        return make(settings=settings, size=size)(batch, views=views, purpose=purpose)

    return draw


def with_idle_parts(config: RunConfig) -> RunConfig:
    """The configuration with the settings of every part of PARTS, those that do nothing too: what a command line may
    change."""
    own = {type(part): part for part in config.parts}
    return replace(config, parts=tuple(own.get(kind, kind()) for kind in PARTS.values()))


def with_settings(config: RunConfig, **changes: Any) -> RunConfig:
    """As dataclasses.replace, for the settings of parts too: with_settings(config, adversary="free:3", lr=0.1)."""
    full, own = with_idle_parts(config), {name for kind in PARTS.values() for name in kind.__dataclass_fields__}
    parts = []
    for part in full.parts:
        names = set(changes) & set(type(part).__dataclass_fields__)
        parts.append(replace(part, **{name: changes[name] for name in names}))
    rest = {name: value for name, value in changes.items() if name not in own}
    return without_idle_parts(replace(full, **{"parts": tuple(parts), **rest}))


def without_idle_parts(config: RunConfig) -> RunConfig:
    """The configuration without the parts that do nothing and say nothing."""
    return replace(config, parts=tuple(part for part in config.parts if part != type(part)()))


def to_document(config: RunConfig) -> dict[str, Any]:
    """A configuration as JSON values: the content of a run's config.json."""
    return configuration.to_document(config, name_of(config), version("holdfast"))


def from_document(document: Mapping[str, Any]) -> RunConfig:
    """The configuration that a run's config.json holds. Raises ValueError as config.from_document does."""
    methods = {name: method.Config for name, method in METHODS.items()}
    return configuration.from_document(document, methods, PARTS.values())
