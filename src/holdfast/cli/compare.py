"""`holdfast compare`: paired differences of audited runs in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from holdfast.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Options of `holdfast compare`."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Audited run folders, the first encoder's is the baseline."""
    all: bool = False
    """Every score of every audit, not only those that stand for an axis."""


def compare(words: Sequence[str]) -> None:
    """Prints scores, paired differences and what cannot be told apart."""
    from holdfast.report import compare as measure

    options = parse(CompareOptions, words, prog="holdfast compare")
    found = measure(options.folders)
    print(found.full_text if options.all else found.text)
