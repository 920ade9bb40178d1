"""`holdfast compare`: paired differences of audited runs in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from holdfast.cli.options import Help, columns_of, fitted, parse

HELP = Help(
    usage="holdfast compare FOLDER ... [OPTIONS]",
    says="Prints the scores of audited encoders side by side, how they differ on the same images, and which "
    "cannot be told apart.",
    example="holdfast compare runs/a runs/b",
    first="all",
)


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Options of `holdfast compare`."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Audited run folders; the first is what the others are compared with."""
    all: bool = False
    """Show every score of every audit, not only those that stand for an axis."""


def compare(words: Sequence[str]) -> None:
    """Prints scores, paired differences and what cannot be told apart."""
    from holdfast.report import compare as measure

    options = parse(CompareOptions, words, HELP)
    found = measure(options.folders)
    print(fitted(found.shown(columns_of(), every=options.all)))
