"""An encoder as a graph without Python: ONNX, and torch.export's program; both take pixels and any number of images."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from holdfast.models.encoders import Encoder
from holdfast.models.load import METADATA
from holdfast.runs import atomic_path
from holdfast.system import clean_stale

OPSET = 18
"""Version of ONNX's operators: the lowest that torch's exporter writes without conversion."""
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4


def export_onnx(encoder: Encoder, path: Path) -> dict[str, Any]:
    """Writes one .onnx file, 'images' [n, 3, size, size] in [0, 1] -> 'features' [n, dim], and checks it.

    Normalisation and pooling are inside; n is free. The file is run by onnxruntime for one image and for three, and
    kept only where its features are torch's. Raises FileExistsError for a file that is there, ValueError without the
    onnx extra and where the features differ.
    """
    _refuse_existing(path)
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(f"expected the packages of holdfast[onnx], got none ({error}); pip install onnx") from error
    with atomic_path(path) as temporary:
        batch = torch.export.Dim("batch", min=1, max=65536)
        torch.onnx.export(
            encoder.cpu().eval(),
            (_images(encoder, 2),),
            temporary,
            input_names=["images"],
            output_names=["features"],
            dynamic_shapes=({0: batch},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        _describe(encoder, temporary)
        apart = max(_apart(encoder, count, _onnx_features(temporary, _images(encoder, count))) for count in (1, 3))
    return {"opset": OPSET, "apart": apart, "image_size": encoder.spec.image_size, "dim": encoder.dim}


def _describe(encoder: Encoder, path: Path) -> None:
    """Writes into an ONNX file that it takes pixels as they are, at which size, and whether its weights were drawn."""
    import onnx

    graph = onnx.load(str(path))
    weights = "random" if encoder.loaded is not None and encoder.loaded.weights == "random" else "trained"
    facts = {"image_size": encoder.spec.image_size, "weights": weights}
    onnx.helper.set_model_props(graph, {METADATA: json.dumps(facts)})
    onnx.save(graph, str(path))


def export_program(encoder: Encoder, path: Path) -> dict[str, Any]:
    """Writes torch.export's program (.pt2), checked as export_onnx's file is, by loading it again."""
    _refuse_existing(path)
    with atomic_path(path) as temporary:
        batch = torch.export.Dim("batch", min=1, max=65536)
        program = torch.export.export(encoder.cpu().eval(), (_images(encoder, 2),), dynamic_shapes=({0: batch},))
        with temporary.open("wb") as file:  # by name it would warn of a name that is not yet the file's own
            torch.export.save(program, file)
        with temporary.open("rb") as file:
            again = torch.export.load(file).module()
        apart = max(_apart(encoder, count, again(_images(encoder, count))) for count in (1, 3))
    return {"apart": apart, "image_size": encoder.spec.image_size, "dim": encoder.dim}


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise FileExistsError(f"expected a new file, got {path} which exists; choose another --out")
    clean_stale(path.parent, name=path.name)


def _images(encoder: Encoder, count: int) -> Tensor:
    size = encoder.spec.image_size
    return torch.linspace(0, 1, count * 3 * size * size).view(count, 3, size, size)


def _onnx_features(path: Path, images: Tensor) -> Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["features"], {"images": images.numpy()})[0])


@torch.no_grad()
def _apart(encoder: Encoder, count: int, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest feature. Raises ValueError where it is more than rounding."""
    ours = encoder(_images(encoder, count))
    apart = float((ours - theirs.detach()).abs().max() / ours.abs().max().clamp(min=1e-12))
    if not torch.allclose(ours, theirs.detach(), rtol=_RELATIVE, atol=_ABSOLUTE):
        raise ValueError(
            f"expected the exported graph to give the encoder's features, got others ({apart:.2g} of the largest); "
            "export weights with --format folder"
        )
    return apart
