"""Two to eight encoders side by side, as data and as plain text for a terminal or a pipe."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.report.cells import Table, as_text
from holdfast.report.collect import Encoder
from holdfast.report.commands import unfinished
from holdfast.report.comparison import (
    Difference,
    apart_sentences,
    cautions,
    facts,
    incomparable,
    made_alike,
    shortlisted,
    title,
)
from holdfast.report.damaged import without_damage
from holdfast.report.gathered import gathered
from holdfast.report.tables import difference_table, differences, score_table, sections, shortlist_table


@dataclass(frozen=True)
class Comparison:
    """Scores and paired differences; the first encoder is the baseline."""

    encoders: Sequence[Encoder]
    differences: Sequence[Difference]

    def __repr__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """The scores that stand for each axis as plain text, at the end what can and what cannot be told apart."""
        return self.shown()

    @property
    def full_text(self) -> str:
        """The text with every score of every audit."""
        return self.shown(every=True)

    def shown(self, width: int | None = None, *, every: bool = False) -> str:
        """The text with its tables in lines of so many columns. every: as full_text."""
        if every:
            tables = [score_table(self.encoders, section, scores) for section, scores in sections(self.encoders)]
            return self._text([*tables, *self._differences(self.differences)], width)
        chosen = set(shortlisted(self.encoders))
        few = [d for d in self.differences if (d.audit, d.score.name) in chosen]
        return self._text([shortlist_table(self.encoders), *self._differences(few)], width)

    def _differences(self, found: Sequence[Difference]) -> list[Table]:
        return [difference_table(found, self.encoders[0])] if found else []

    def _text(self, tables: Sequence[Table], width: int | None) -> str:
        facts_block = "\n".join(f"  {name}: {value}" for name, value in facts(self.encoders))
        blocks = [title(self.encoders), facts_block]
        blocks += ["\n".join([as_text(table, width), *(f"  {note}" for note in table.notes)]) for table in tables]
        said = [*map(_by_audit, apart_sentences(self.encoders))]
        blocks += [
            "\n".join(lines) for lines in ([*cautions(self.encoders), *unfinished(self.encoders)], said) if lines
        ]
        return "\n\n".join(blocks).replace("−", "-") + "\n"


def _by_audit(sentence: str) -> str:
    """A sentence of several audits in a line for each."""
    head, colon, rest = sentence.partition(": ")
    return f"{head}:\n    " + rest.replace("; ", "\n    ") if colon and "; " in rest else sentence


def compare(folders: Iterable[Path | str]) -> Comparison:
    """Compares the encoders of run folders and audit folders; runs that differ only in seed and split are one encoder.

    Raises ValueError for fewer than two or more than eight encoders, and for encoders measured on different test images
    or by different protocols.
    """
    encoders = gathered(folders)
    if len(encoders) < 2:
        raise ValueError(
            f"expected two to eight encoders to compare, got one ({encoders[0].name}; runs that differ only in seed "
            "and split are one); name another folder, or look at it alone: holdfast report"
        )
    for encoder in encoders[1:]:
        if reason := incomparable(encoder, encoders[0]):
            raise ValueError(f"expected encoders measured in the same way, got that {reason}; {made_alike(reason)}")
    return without_damage(encoders, _compared)[0]


def _compared(encoders: Sequence[Encoder]) -> Comparison:
    """The comparison, its text tried; of one encoder, with itself."""
    both = [*encoders, *(replace(one, place=one.place + 1) for one in encoders[:1] if len(encoders) == 1)]
    found = Comparison(encoders, differences(both))
    assert found.text
    assert found.full_text
    return found
