"""`holdfast report`: one HTML page from audited runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from holdfast.cli.options import Help, parse

HELP = Help(
    usage="holdfast report FOLDER ... [OPTIONS]",
    says="Writes one HTML page from audited encoders: a verdict, pictures, tables and curves. It needs no "
    "network and no GPU.",
    example="holdfast report runs/a runs/b --out report.html",
    first="out limits images",
)


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

    options = parse(ReportOptions, words, HELP)
    print(f"report: {write(options.folders, options.out, limits=options.limits, images=options.images, said=print)}")
