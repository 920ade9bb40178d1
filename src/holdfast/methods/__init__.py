"""Methods by their command-line name, and how a configuration becomes one."""

from functools import partial

from torch import nn

from holdfast.config import RunConfig
from holdfast.data.views import make_views
from holdfast.methods.base import Batch, Method, Views
from holdfast.methods.sdclr import SDCLR, SDCLRConfig
from holdfast.methods.simclr import SimCLR, SimCLRConfig
from holdfast.models import create_encoder, projection_head
from holdfast.randomness import seeded_library

METHODS: dict[str, type[Method]] = {"simclr": SimCLR, "sdclr": SDCLR}

__all__ = ["METHODS", "SDCLR", "Batch", "Method", "SDCLRConfig", "SimCLR", "SimCLRConfig", "Views", "build", "name_of"]


def name_of(config: RunConfig) -> str:
    """The command-line name of a configuration's method. Raises ValueError for settings of no method in METHODS."""
    for name, method in METHODS.items():
        if type(config.method) is method.Config:
            return name
    raise ValueError(f"expected the settings of one of {', '.join(METHODS)}, got {type(config.method).__name__}")


def build(config: RunConfig, *, image_size: int) -> Method:
    """The method of a configuration with fresh networks for images of image_size pixels, drawn by config.seed."""
    encoder = create_encoder(config.encoder, image_size=image_size, stem=config.stem, seed=config.seed)
    with seeded_library(config.seed, "initial head"):
        head = projection_head(encoder.dim, layers=config.method.head_layers, out=config.method.head_dim)
    draw = partial(make_views, settings=config.views, seed=config.seed, size=image_size)
    return METHODS[name_of(config)](config.method, network=nn.Sequential(encoder, head), make_views=draw)
