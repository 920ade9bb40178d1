"""`holdfast export`: an encoder's weights for timm or torchvision alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from holdfast.cli.options import Help, UserError, parse

HELP = Help(
    usage="holdfast export RUN [OPTIONS]",
    says="Writes an encoder's weights for timm or torchvision alone, with code that loads them without holdfast.",
    example="holdfast export runs/a --out exported",
    first="out",
)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Options of `holdfast export`."""

    encoder: Annotated[str | None, tyro.conf.Positional] = None
    """A run folder, or its encoder.safetensors."""
    out: Path = Path("exported")
    """The folder to write, which must be new."""


def export(words: Sequence[str]) -> None:
    """Writes weights, facts and loading code, and says where they are."""
    options = parse(ExportOptions, words, HELP)
    if options.encoder is None:
        raise UserError("expected a run folder, got none; as in: holdfast export runs/a --out exported")
    from holdfast.models import Encoder, load_encoder
    from holdfast.models.export import CODE, FACTS, TIMM, WEIGHTS, export_encoder

    encoder = load_encoder(options.encoder)
    if not isinstance(encoder, Encoder):
        raise UserError(f"expected an encoder of timm or torchvision, got {type(encoder).__name__}; export its own way")
    facts = export_encoder(encoder, options.out)
    print(f"weights: {options.out / WEIGHTS} ({facts['network']}, {facts['dim']} features)")
    if (options.out / TIMM).exists():
        print(f'in timm: timm.create_model("local-dir:{options.out}", pretrained=True)')
    elif facts["network"].startswith("timm/"):
        print(f"timm alone cannot build it: its {facts['stem']} stem is not that of {facts['network']}; {CODE} does")
    print(f"facts: {options.out / FACTS}\nload it without holdfast: {options.out / CODE}, which gave the same features")
