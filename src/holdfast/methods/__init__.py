"""Methods by their command-line name, the parts that wrap them, and how a configuration becomes one."""

from collections.abc import Callable
from functools import partial

from torch import nn

from holdfast.config import RunConfig, parse_part
from holdfast.data.sources import view_maker
from holdfast.data.views import side_of_views
from holdfast.methods.base import Batch, Method, Views
from holdfast.methods.cf_amc_ssl import Ball, FreeAdversary, PGDAdversary
from holdfast.methods.emp_ssl import EMPSSL, EMPSSLConfig
from holdfast.methods.invclr import InvariancePenalty, penalised
from holdfast.methods.presets import PRESETS
from holdfast.methods.sdclr import SDCLR, SDCLRConfig
from holdfast.methods.simclr import SimCLR, SimCLRConfig
from holdfast.models import Encoder, create_encoder, require_size
from holdfast.randomness import seeded_library

METHODS: dict[str, type[Method]] = {"simclr": SimCLR, "sdclr": SDCLR, "emp-ssl": EMPSSL}
ADVERSARIES: dict[str, Callable[[Method, Ball, int], Method]] = {"pgd": PGDAdversary, "free": FreeAdversary}
"""What `adversary` may name, before the colon; the number after it counts attack steps (pgd) or replays (free)."""
PENALTIES: dict[str, Callable[[Method, RunConfig, float], Method]] = {"invariance": penalised}
"""What `penalty` may name, before the colon; the number after it is the penalty's weight."""

__all__ = [
    "ADVERSARIES",
    "EMPSSL",
    "METHODS",
    "PENALTIES",
    "PRESETS",
    "SDCLR",
    "Batch",
    "EMPSSLConfig",
    "FreeAdversary",
    "InvariancePenalty",
    "Method",
    "PGDAdversary",
    "SDCLRConfig",
    "SimCLR",
    "SimCLRConfig",
    "Views",
    "build",
    "default_config",
    "fresh_encoder",
    "name_of",
]


def name_of(config: RunConfig) -> str:
    """The command-line name of a configuration's method. Raises ValueError for settings of no method in METHODS."""
    for name, method in METHODS.items():
        if type(config.method) is method.Config:
            return name
    raise ValueError(f"expected the settings of one of {', '.join(METHODS)}, got {type(config.method).__name__}")


def default_config(name: str) -> RunConfig:
    """What `holdfast train NAME` starts from: a preset's configuration, or a method's own settings."""
    return PRESETS[name]() if name in PRESETS else RunConfig(method=METHODS[name].Config())


def fresh_encoder(config: RunConfig, *, image_size: int) -> Encoder:
    """The encoder of a configuration with the weights that config.seed draws."""
    return create_encoder(config.encoder, image_size=image_size, stem=config.stem, seed=config.seed)


def build(config: RunConfig, *, image_size: int, encoder: Encoder | None = None) -> Method:
    """The method of a configuration with networks for images of image_size pixels, drawn by config.seed.

    encoder: one that has its first weights already (config.init); None: a fresh one. Wrapped in the configuration's
    penalty, then its adversary, where it names them. Raises ValueError for a part that does not exist.
    """
    kind = METHODS[name_of(config)]
    encoder = encoder or fresh_encoder(config, image_size=image_size)
    with seeded_library(config.seed, "initial head"):
        head = kind.head(config.method, encoder.dim)
    draw = _views_of(config, image_size, encoder)
    method = kind(config.method, network=nn.Sequential(encoder, head), make_views=draw)
    if config.penalty is not None:
        method = _penalised(method, config, config.penalty)
    return method if config.adversary is None else _attacked(method, config, config.adversary)


def _views_of(config: RunConfig, image_size: int, encoder: Encoder) -> Callable[..., Views]:
    """What draws a batch's views: for training as large as the epoch's are, for any other purpose of the full size."""
    make = partial(view_maker, config.data, config.views, seed=config.seed)
    full = make(size=image_size)
    if config.views.view_size is None:
        return full
    require_size(encoder, config.views.view_size)

    def draw(batch: Batch, *, views: int = 2, purpose: str = "views") -> Views:
        size = side_of_views(config.views, full=image_size, epoch=batch.epoch, epochs=config.epochs)
        maker = make(size=size) if purpose == "views" else full
        return maker(batch, views=views, purpose=purpose)

    return draw


def _penalised(method: Method, config: RunConfig, penalty: str) -> Method:
    name, weight = parse_part("penalty", penalty)
    if name not in PENALTIES or weight < 0:
        raise ValueError(
            f"expected a penalty {':W or '.join(PENALTIES)}:W with W >= 0, got {penalty!r}; try invariance:0.1"
        )
    return PENALTIES[name](method, config, weight)


def _attacked(method: Method, config: RunConfig, adversary: str) -> Method:
    name, count = parse_part("adversary", adversary)
    if name not in ADVERSARIES or count < 1 or count != int(count):
        raise ValueError(
            f"expected an adversary {':N or '.join(ADVERSARIES)}:N with N >= 1, got {adversary!r}; try free:3"
        )
    return ADVERSARIES[name](method, Ball.of(config), int(count))
