"""Settings that make each method small, for tests over all of METHODS."""

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
import safetensors.torch
import torch
from torch import nn

from holdfast.config import MethodConfig, RunConfig
from holdfast.methods import METHODS, SimCLRConfig, build, default_config, name_of, to_document, with_settings
from holdfast.models import save_encoder
from holdfast.runs import RunFolder, write_json

# A thin network gives all images one embedding without most of its weights, and wide heads only cost time here.
SMALL: dict[str, dict[str, Any]] = {
    "sdclr": {"prune_ratio": 0.3},
    "emp-ssl": {"view_count": 3, "prefeature_dim": 16, "head_dim": 8},
    "vicreg": {"head_dim": 16},
    "barlow-twins": {"head_dim": 16},
    "byol": {"predictor_dim": 16, "head_dim": 8},
    "moco-v3": {"predictor_dim": 16, "head_dim": 8},
    "lore": {"start": "own", "updates": 2, "dual_rate": 0.01},  # what learns the other way holds still
    "dynacl++": {"clusters": 4},
    "dino": {"prototypes": 12, "head_dim": 8, "local_count": 1, "local_scale": 1.0, "head_layers": 2},
}

PART_SIZES: dict[str, dict[str, Any]] = {
    "strength_schedule": {"strength_schedule": "steps:1"},
    "harmonize": {"harmonize_classes": 5, "harmonize_iterations": 5, "harmonize_refresh": 1},
}
"""By the flag of a part: settings that make it small and quick to act."""
REPRESENTATIVES = ("simclr", "sdclr", "emp-ssl", "byol", "acl")
"""One of each kind: what is slow over all methods runs over these in the fast suite."""


def has_temperature(name: str) -> bool:
    """Whether a temperature schedule goes with a method; DINO's two temperatures are no contrast's."""
    return name != "dino" and hasattr(METHODS[name].Config(), "temperature")


def sparse(names: Any = tuple(METHODS)) -> list[Any]:
    """All methods as parameters of a test; those that are not REPRESENTATIVES are slow."""
    return [name if name in REPRESENTATIVES else pytest.param(name, marks=pytest.mark.slow) for name in names]


def small_config(name: str, encoder: str = "timm/test_resnet", **settings: Any) -> MethodConfig:
    """A method's settings, small; with a teacher of the encoder's network where it needs one."""
    return METHODS[name].Config(**{**SMALL.get(name, {}), **_teacher(name, encoder), **settings})


def _teacher(name: str, encoder: str) -> dict[str, Any]:
    return {"teacher": teacher_run(encoder)} if METHODS[name].taught_by else {}


def small_default(name: str, **settings: Any) -> RunConfig:
    """What a method or preset trains with, a small network and few epochs but for which it is as it stands."""
    config = default_config(name)
    own, encoder = name_of(config), "timm/test_resnet"
    method = replace(config.method, **SMALL.get(own, {}), **_teacher(own, encoder))
    parts = {part.word: PART_SIZES[part.word] for part in config.parts if part.word in PART_SIZES}
    more = {name: value for sizes in parts.values() for name, value in sizes.items()}
    return with_settings(replace(config, method=method, encoder=encoder), **more, **settings)


@cache
def teacher_run(encoder: str = "timm/test_resnet", stem: Literal["small", "standard"] | None = None) -> str:
    """The folder of a run as far as a teacher needs it, gone when the tests end: random weights, but no norm as built,
    by which a network that was never trained is known."""
    run = RunFolder(Path(tempfile.mkdtemp(prefix="teacher-")))
    atexit.register(shutil.rmtree, run.path, ignore_errors=True)
    stem = stem or ("small" if encoder == "timm/test_resnet" else "standard")
    config = RunConfig(method=SimCLRConfig(head_dim=8), encoder=encoder, stem=stem, image_size=16, seed=9)
    method = build(config, image_size=16)
    with torch.no_grad():
        for norm in (m for m in method.encoder.modules() if isinstance(m, nn.BatchNorm2d | nn.LayerNorm)):
            norm.weight.add_(0.01)
    state = {name: tensor.contiguous() for name, tensor in method.state_dict().items()}
    (run.checkpoints / "step-00000001").mkdir(parents=True)
    safetensors.torch.save_file(state, run.checkpoints / "step-00000001" / "method.safetensors")
    save_encoder(method.encoder, run.encoder)  # type: ignore[arg-type]
    write_json(run.config, to_document(config))
    return str(run.path)
