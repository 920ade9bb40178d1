"""`holdfast card`: card.json and a model card from an audited run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from holdfast.cli.options import Help, UserError, parse

HELP = Help(
    usage="holdfast card RUN [OPTIONS]",
    says="Writes the audits' numbers as card.json and as a model card that the Hugging Face hub shows.",
    example="holdfast card runs/a",
    first="out name licence",
)


@dataclass(frozen=True, kw_only=True)
class CardOptions:
    """Options of `holdfast card`."""

    run: Annotated[Path | None, tyro.conf.Positional] = None
    """An audited run folder, or a folder of findings."""
    out: Path | None = None
    """Folder for card.json and README.md; None: beside the encoder."""
    name: str | None = None
    """What the card calls the encoder; None: as its audits do."""
    licence: str | None = None
    """Licence of the weights, as the Hub spells it, such as apache-2.0; None leaves the line to fill in."""


def card(words: Sequence[str]) -> None:
    """Writes both and says where they are."""
    from holdfast.report import write_card
    from holdfast.report.commands import unfinished
    from holdfast.report.gathered import gathered

    options = parse(CardOptions, words, HELP)
    if options.run is None:
        raise UserError("expected an audited run folder, got none; as in: holdfast card runs/sdclr-1")
    document, readme = write_card(options.run, options.out, name=options.name, licence=options.licence)
    yours = "its licence line is yours to fill in" if options.licence is None else f"licence {options.licence}"
    for line in unfinished(gathered([options.run])):
        print(line)
    print(f"card: {document}\nmodel card: {readme} ({yours})")
