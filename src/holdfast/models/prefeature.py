"""EMP-SSL's pre-features: a layer on top of an encoder, kept beside it in a run folder (arXiv:2304.03977)."""

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from holdfast.models.encoders import Encoder
from holdfast.models.heads import prefeature_layer
from holdfast.models.load.tensors import read_tensors
from holdfast.runs import RunFolder, atomic_path, write_json
from holdfast.system import read_json, reading

SCHEMA_VERSION = 1


class PrefeatureEncoder(nn.Module):
    """Pixels [n, 3, h, w] in [0, 1] -> pre-features [n, dim], at least 0: an encoder and the layer after it."""

    def __init__(self, encoder: Encoder, layer: nn.Sequential):
        super().__init__()
        self.encoder, self.layer, self.spec = encoder, layer, encoder.spec
        self.dim = _linear(layer).out_features

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(self.encoder(images.contiguous(memory_format=torch.channels_last)))


def _linear(layer: nn.Sequential) -> nn.Linear:
    first = layer[0]
    assert isinstance(first, nn.Linear)
    return first


def save_prefeature(layer: nn.Sequential, path: Path) -> None:
    """Writes path (safetensors) and, beside it, the JSON that load_encoder(..., layer='prefeature') reads."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in layer.state_dict().items()}
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(state, temporary)
    linear = _linear(layer)
    shape = {"features": linear.in_features, "dim": linear.out_features}
    write_json(path.with_suffix(".json"), {"schema": SCHEMA_VERSION, "layer": "prefeature", **shape})


def with_prefeature(encoder: Encoder, run: RunFolder) -> PrefeatureEncoder:
    """A run's encoder with the pre-feature layer that the run kept. Raises ValueError where it kept none."""
    described = run.prefeature.with_suffix(".json")
    if not described.is_file():
        raise ValueError(
            f"expected a run with pre-features (emp-ssl and what is built on it, --head prefeature), got {run.path} "
            "without; use layer 'backbone'"
        )
    remedy = "restore it from a copy, or train again"
    document = read_json(described, "the description of pre-features", remedy)
    if document.get("schema") != SCHEMA_VERSION:
        raise ValueError(
            f"expected pre-feature schema {SCHEMA_VERSION}, got {document.get('schema')!r} in {described}; "
            "use the holdfast that wrote it"
        )
    with reading(run.prefeature, "pre-features as described beside them", remedy):
        layer = prefeature_layer(document["features"], document["dim"])
        layer.load_state_dict(read_tensors(run.prefeature))
    return PrefeatureEncoder(encoder, layer)
