"""holdfast trains self-supervised image encoders that hold, and audits any encoder. Names load on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.audits import AUDITS, audit
    from holdfast.config import VIEWS, RunConfig, ViewSettings
    from holdfast.data import Images, load_images
    from holdfast.engine import resume, train
    from holdfast.findings import Finding, Score
    from holdfast.methods import METHODS, PRESETS, EMPSSLConfig, SDCLRConfig, SimCLRConfig
    from holdfast.models import load_encoder
    from holdfast.recipes import RECIPES
    from holdfast.report import report
    from holdfast.runs import RunFolder

_HOMES = {
    "AUDITS": "audits",
    "audit": "audits",
    "VIEWS": "config",
    "RunConfig": "config",
    "ViewSettings": "config",
    "Images": "data",
    "load_images": "data",
    "resume": "engine",
    "train": "engine",
    "Finding": "findings",
    "Score": "findings",
    "METHODS": "methods",
    "PRESETS": "methods",
    "EMPSSLConfig": "methods",
    "SDCLRConfig": "methods",
    "SimCLRConfig": "methods",
    "load_encoder": "models",
    "RECIPES": "recipes",
    "report": "report",
    "RunFolder": "runs",
}

__all__ = [
    "AUDITS",
    "METHODS",
    "PRESETS",
    "RECIPES",
    "VIEWS",
    "EMPSSLConfig",
    "Finding",
    "Images",
    "RunConfig",
    "RunFolder",
    "SDCLRConfig",
    "Score",
    "SimCLRConfig",
    "ViewSettings",
    "audit",
    "load_encoder",
    "load_images",
    "report",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    return getattr(import_module(f"holdfast.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
