"""Golden cases (tests/golden/*.json): numbers of the authors' code on fixed inputs, and the inputs' generators."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def cases(name: str, kind: str) -> list[dict[str, Any]]:
    """The cases of one kind in tests/golden/NAME.json; at least one."""
    document = json.loads((Path(__file__).parent.parent / "golden" / f"{name}.json").read_text())
    found = [case for case in document["cases"] if case["kind"] == kind]
    if not found:
        raise ValueError(f"expected golden cases of kind {kind!r} in {name}.json, got none")
    return found


def array(spec: dict[str, Any]) -> Tensor:
    """The float64 tensor that a specification describes (see 'generators' in each file's provenance)."""
    if "values" in spec:
        return torch.tensor(spec["values"], dtype=torch.float64)
    return _GENERATORS[spec["generator"]](spec).reshape(spec["shape"])


def _wave(spec: dict[str, Any]) -> Tensor:
    k = torch.arange(math.prod(spec["shape"]), dtype=torch.float64)
    wave = torch.sin(spec["a"] * k + spec["p"]) + spec["c"] * torch.cos(spec["q"] * k * k + spec["p"])
    return spec.get("scale", 1.0) * wave


def _sine(spec: dict[str, Any]) -> Tensor:
    k = torch.arange(math.prod(spec["shape"]), dtype=torch.float64)
    return spec.get("scale", 1.0) * torch.sin(spec["a"] * k + spec["p"])


def _lcg(spec: dict[str, Any]) -> Tensor:
    state, values = spec["seed"], []
    for _ in range(math.prod(spec["shape"])):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**31)
    u = torch.tensor(values, dtype=torch.float64).reshape(spec["shape"])
    low, high = (torch.as_tensor(spec[name], dtype=torch.float64) for name in ("lo", "hi"))
    return low + (high - low) * u


_GENERATORS = {"wave": _wave, "sine": _sine, "lcg": _lcg}
