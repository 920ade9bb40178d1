"""ONNX files: a graph that onnxruntime computes. No gradient flows through it, so attacks cannot be measured."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.autograd.forward_ad as fwAD
from torch import Tensor, nn

from holdfast.models.identity import checksum
from holdfast.models.load.pixels import stated
from holdfast.models.loaded import Loaded, listed

SUFFIX = ".onnx"
METADATA = "holdfast"
"""Key of the metadata that `holdfast export --format onnx` writes: JSON of image_size and weights."""
_POOLS = ("config", "cls")
_DRAWING = ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")


class OnnxEncoder(nn.Module):
    """Pixels [n, 3, size, size] in [0, 1] -> features [n, dim], computed by onnxruntime on the CPU."""

    mean: Tensor
    std: Tensor
    digest: Tensor
    """SHA-256 of the file and the output that is taken, which stands for weights."""

    def __init__(self, session: Any, output: str, digest: bytes, *, mean: Any, std: Any, first_token: bool):
        super().__init__()
        self.session, self.output, self.first_token = session, output, first_token
        self.input = session.get_inputs()[0].name
        fixed = session.get_inputs()[0].shape[0]
        self.batch = fixed if isinstance(fixed, int) else None
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.register_buffer("digest", torch.frombuffer(bytearray(digest), dtype=torch.uint8))
        self.dim = 0
        self.loaded: Loaded | None = None

    def forward(self, images: Tensor) -> Tensor:
        if fwAD.unpack_dual(images).tangent is not None:
            raise NotImplementedError("an ONNX file has no derivative")  # a tangent that is dropped would read as zero
        pixels = ((images.detach().float() - self.mean) / self.std).cpu()
        parts = [self._run(some) for some in pixels.split(self.batch or max(1, len(pixels)))]
        found = torch.cat(parts).to(images.device)
        return found[:, 0] if self.first_token else found

    def _run(self, pixels: Tensor) -> Tensor:
        """Features of pixels, which are filled up with the last image where the graph takes a fixed number."""
        missing = 0 if self.batch is None else self.batch - len(pixels)
        filled = torch.cat([pixels, pixels[-1:].expand(missing, -1, -1, -1)]) if missing else pixels
        (found,) = self.session.run([self.output], {self.input: filled.contiguous().numpy()})
        return torch.from_numpy(found)[: len(pixels)].float()


def load_onnx(path: Path, wanted: str | None, source: str, *, image_size: int | None, pool: str | None) -> OnnxEncoder:
    """The encoder of an ONNX file, with what was decided in `.loaded`.

    Mean and std are those of preprocess.json beside the file; a file that `holdfast export` wrote has them inside.
    wanted: name of the output to take. Raises ValueError without the onnx extra, for files that do not say how pixels
    are normalised, for other inputs than RGB images of one size, and where several outputs could be the feature.
    """
    if not path.is_file():
        raise FileNotFoundError(f"expected an ONNX file at {path}, got no file; check the path")
    session, tensors = _opened(path)
    own = json.loads(session.get_modelmeta().custom_metadata_map.get(METADATA, "{}"))
    beside = stated(path)
    mean, std, pixels_from = _pixels(path, own, beside)
    size, size_from = _size(path, session, own, beside, image_size)
    output, first_token, pool_said = _output(path, session, wanted, pool)
    encoder = OnnxEncoder(
        session, output.name, _digest(path, output.name, pool_said), mean=mean, std=std, first_token=first_token
    )
    encoder.dim = _width(path, encoder, size)
    others = [one.name for one in session.get_outputs() if one.name != output.name]
    encoder.loaded = Loaded(
        source=source,
        layout="an ONNX file, computed by onnxruntime on the CPU, without gradients",
        network=f"graph {session.get_modelmeta().graph_name or path.stem}",
        weights="random" if own.get("weights") == "random" else "trained",
        matched=tensors,
        tensors=tensors,
        left_out=tuple(f"output {name}" for name in others),
        copy=f"output {output.name}" if others else "",
        image_size=size,
        size_from=size_from,
        mean=mean,
        std=std,
        pixels_from=pixels_from,
        pool=pool_said,
        pool_from="as asked" if first_token or wanted else "the file",
        dim=encoder.dim,
        checksum=checksum(encoder),
        notes=_notes(output.name),
    )
    return encoder.eval()


def _opened(path: Path) -> tuple[Any, int]:
    """(session, tensors of weights) of a file.

    Raises ValueError without the extra, for what is no such file, and for a graph that draws at random.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            f"expected the packages of holdfast[onnx] to read {path}, got none ({error}); pip install 'holdfast[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    try:
        model = onnx.load(str(path), load_external_data=False)
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the packages raise protobuf's errors and their own, which have no common base
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"expected an ONNX file in {path}, got {reason}; export it again") from error
    drawing = sorted({kind for part in (model.graph, *model.functions) for kind in _drawn(part)})
    if drawing:
        raise ValueError(
            f"expected features that are the same in every run, got draws in {path}: {listed(drawing)}, as torch's "
            "exporter writes a network that was left in training mode; call model.eval() and export it again"
        )
    return session, len(model.graph.initializer)


def _drawn(graph: Any) -> Iterator[str]:
    """Kinds of a graph's nodes that draw at random: random operators, and dropout whose training mode is on."""
    on = {one.name for one in getattr(graph, "initializer", ()) if _true(one)}
    for node in graph.node:
        values = {one.name: one for one in node.attribute}
        if node.op_type == "Constant" and "value" in values and _true(values["value"].t):
            on.update(node.output)
        if node.op_type in _DRAWING or (node.op_type == "Dropout" and node.input[2:3] and node.input[2] in on):
            yield node.op_type
        for inner in (one.g for one in node.attribute if one.HasField("g")):
            yield from _drawn(inner)


def _true(tensor: Any) -> bool:
    import onnx

    return tensor.data_type == onnx.TensorProto.BOOL and bool(onnx.numpy_helper.to_array(tensor).all())


def _digest(path: Path, *decided: str) -> bytes:
    """SHA-256 of a file and of what else decides its features."""
    digest = hashlib.sha256(json.dumps(decided).encode())
    digest.update(path.read_bytes())
    return digest.digest()


def _pixels(
    path: Path, own: Mapping[str, Any], beside: Mapping[str, Any]
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    if own:
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "normalisation is in the graph, as holdfast export writes it"
    if {"mean", "std"} <= set(beside):
        return beside["mean"], beside["std"], "preprocess.json beside the file"
    raise ValueError(
        f"expected the mean and std of {path}, which no ONNX file says, got no preprocess.json beside it; write one: "
        '{"mean": [...], "std": [...]} of pixels in [0, 1], zeros and ones where the graph normalises itself'
    )


def _size(
    path: Path, session: Any, own: Mapping[str, Any], beside: Mapping[str, Any], asked: int | None
) -> tuple[int, str]:
    """(pixels a side, where that came from). Raises ValueError for inputs that are no RGB images of one size."""
    inputs = session.get_inputs()
    shape = list(inputs[0].shape)
    if (
        len(inputs) != 1
        or len(shape) != 4
        or inputs[0].type != "tensor(float)"
        or shape[1] not in (3, None, "channels")
    ):
        found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise ValueError(
            f"expected an ONNX file of one input, float32 images [n, 3, h, w], got {found} in {path}; export it so"
        )
    sides = {side for side in shape[2:] if isinstance(side, int)}
    if len(sides) > 1:
        raise ValueError(f"expected square images in {path}, got {shape[2]} × {shape[3]}; export it for square ones")
    fixed = next(iter(sides), None)
    if fixed is not None and asked not in (None, fixed):
        raise ValueError(f"expected --image-size {fixed}, which {path} is fixed to, got {asked}; export it for {asked}")
    for value, said in ((fixed, "the file"), (asked, "as asked"), (own.get("image_size"), "the file")):
        if value is not None:
            return int(value), said
    if "image_size" in beside:
        return int(beside["image_size"]), "preprocess.json beside the file"
    raise ValueError(f"expected a size for {path}, which takes any, got none; add --image-size")


def _output(path: Path, session: Any, wanted: str | None, pool: str | None) -> tuple[Any, bool, str]:
    """(output, whether its first token is the feature, in words). Raises ValueError where it is not clear."""
    if pool not in (None, *_POOLS):
        raise ValueError(
            f"expected --pool config or cls for an ONNX file, got {pool!r}: which of {path}'s tokens are patches is "
            "not in it; export another pooling"
        )
    outputs, refuse = session.get_outputs(), _refuser(path, session)
    named = [one for one in outputs if one.name == wanted]
    if wanted is not None:
        return _shaped(named[0], pool, refuse) if named else refuse(f"output {wanted!r}, which it does not have")
    flat = [one for one in outputs if len(one.shape) == 2]
    if len(outputs) == 1 or (len(flat) != 1 and pool != "cls"):
        return _shaped(outputs[0], pool, refuse) if len(outputs) == 1 else refuse("several")
    tokens = [one for one in outputs if len(one.shape) == 3]
    if pool == "cls":
        return _shaped(tokens[0], pool, refuse) if len(tokens) == 1 else refuse("several")
    return _shaped(flat[0], pool, refuse)


def _refuser(path: Path, session: Any) -> Callable[[str], NoReturn]:
    def refuse(got: str) -> NoReturn:
        found = [f"{one.name} {one.shape}" for one in session.get_outputs()]
        raise ValueError(
            f"expected one output of {path} that is the feature [n, dim], got {got}; it has {listed(found)}: add #NAME "
            "to the file's name, or --pool cls for the first of tokens [n, tokens, dim]"
        )

    return refuse


def _shaped(output: Any, pool: str | None, refuse: Callable[[str], NoReturn]) -> tuple[Any, bool, str]:
    rank = len(output.shape)
    if rank == 3 and pool == "cls":
        return output, True, "first token"
    if rank == 4 and pool != "cls":
        return output, False, "mean over space"
    if rank != 2 or pool == "cls":
        refuse(f"{output.name} {output.shape}")
    return output, False, "the file's own way"


@torch.no_grad()
def _width(path: Path, encoder: OnnxEncoder, size: int) -> int:
    """Width of the feature, by one grey image. Raises ValueError where the graph does not take it."""
    try:
        found = encoder(torch.full((1, 3, size, size), 0.5))
    except Exception as error:  # onnxruntime's errors have no common base
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"expected {path} to take images [1, 3, {size}, {size}], got {reason}; check --image-size"
        ) from error
    return found.shape[1]


def _notes(name: str) -> tuple[str, ...]:
    told = any(word in name.lower() for word in ("logit", "prob", "class", "score"))
    note = f"output {name} looks like that of a classifier: audits are of features; name another output with #NAME"
    return (note,) if told else ()
