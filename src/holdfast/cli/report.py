"""`holdfast report` and `holdfast compare`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from holdfast.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Options of `holdfast report`."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Audited run folders, or folders of findings; runs that differ in seed and split alone are taken together."""
    out: Path = Path("report.html")
    """The page to write."""
    limits: Path | None = None
    """JSON with limits in place of holdfast's, as in {"balance.std": {"most": 3, "reason": "agreed in May"}}."""
    images: bool = True
    """Show the images that the audits left."""


def report(words: Sequence[str]) -> None:
    """Writes the page and says where it is."""
    from holdfast.report import report as write

    options = parse(ReportOptions, words, prog="holdfast report")
    print(f"report: {write(options.folders, options.out, limits=options.limits, images=options.images)}")


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
