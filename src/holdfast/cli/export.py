"""`holdfast export`: an encoder's weights for timm or torchvision alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from holdfast.cli.options import Help, UserError, parse
from holdfast.system import check_writable

if TYPE_CHECKING:
    from holdfast.models import Encoder

HELP = Help(
    usage="holdfast export ENCODER [OPTIONS]",
    says="Writes an encoder for those without holdfast: weights with loading code, a hub's folder, ONNX, torch.export.",
    example="holdfast export runs/a --out exported",
    first="out format licence pool image_size",
)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Options of `holdfast export`."""

    encoder: Annotated[str | None, tyro.conf.Positional] = None
    """A run folder, or any encoder that `holdfast audit` takes."""
    out: Path = Path("exported")
    """The folder to write, or the file for onnx and torch-export; it must be new."""
    format: Literal["folder", "hub", "onnx", "torch-export"] = "folder"
    """What to write: weights with code that loads them; the same with config, preprocessor and card, ready to upload;
    one .onnx file; one .pt2 file of torch.export. The last two take any number of images and are run to check them."""
    licence: str | None = None
    """Licence of the weights on the card, for --format hub: the hub's word for it, such as apache-2.0."""
    pool: Literal["config", "cls", "avg", "map", "cls+avg"] | None = None
    """How tokens become a feature; None: as the encoder's authors do."""
    image_size: int | None = None
    """Side of the images that the exported encoder takes; None: what it was made for."""


def export(words: Sequence[str]) -> None:
    """Writes an encoder in a format of others, and says where it is."""
    options = parse(ExportOptions, words, HELP)
    if options.encoder is None:
        raise UserError("expected a run folder, got none; as in: holdfast export runs/a --out exported")
    if options.licence is not None and options.format != "hub":
        raise UserError(f"expected --licence with --format hub, got --format {options.format}; leave it out")
    check_writable(options.out.parent)
    from holdfast.models import load_encoder, loaded_of
    from holdfast.models.export import exportable

    encoder = exportable(load_encoder(options.encoder, pool=options.pool, image_size=options.image_size))
    loaded = loaded_of(encoder)
    print("\n".join([] if loaded is None else loaded.lines()))
    _WRITE[options.format](encoder, options)


def _folder(encoder: "Encoder", options: ExportOptions) -> None:
    from holdfast.models.export import CODE, FACTS, TIMM, WEIGHTS, beyond_timm, export_encoder, export_hub

    if options.format == "hub":
        name = options.out.name
        facts = export_hub(encoder, options.out, licence=options.licence or "", name=name)
    else:
        facts = export_encoder(encoder, options.out)
    print(f"weights: {options.out / WEIGHTS} ({facts['network']}, {facts['dim']} features)")
    if (options.out / TIMM).exists():
        print(f'in timm: timm.create_model("local-dir:{options.out}", pretrained=True)')
    elif facts["network"].startswith("timm/"):
        print(f"timm alone cannot build it: {beyond_timm(encoder)}; {CODE} does")
    print(f"facts: {options.out / FACTS}\nload it without holdfast: {options.out / CODE}, which gave the same features")
    if options.format == "hub":
        print(f"card: {options.out / 'README.md'}, licence {options.licence}; the folder is ready to upload")


def _graph(encoder: "Encoder", options: ExportOptions) -> None:
    from holdfast.models.export import OPSET, export_onnx, export_program

    onnx = options.format == "onnx"
    path = options.out if options.out.suffix else options.out.with_suffix(".onnx" if onnx else ".pt2")
    facts: dict[str, Any] = (export_onnx if onnx else export_program)(encoder, path)
    kind = f"ONNX, opset {OPSET}" if onnx else "torch.export's program"
    size = facts["image_size"]
    print(f"{kind}: {path}; pixels [n, 3, {size}, {size}] in [0, 1] -> features [n, {facts['dim']}], n free")
    by = "onnxruntime" if onnx else "torch"
    print(f"checked with {by} on one and on three images: at most {facts['apart']:.1g} of the largest feature apart")


_WRITE = {"folder": _folder, "hub": _folder, "onnx": _graph, "torch-export": _graph}
