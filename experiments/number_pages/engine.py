"""Sentences and table rows whose numbers come from results/*.json: found in a page, compared, and written anew."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
MINUS = "−"
_VALUE = (
    rf"([-{MINUS}]?[\d.,]+(?: \[[-{MINUS}\d.,]+, [-{MINUS}\d.,]+\]| ± [\d.]+)?|\[[-{MINUS}\d.,]+, [-{MINUS}\d.,]+\])"
)
"""How a number is written: alone, with its interval, with its spread, or an interval alone."""


@dataclass(frozen=True)
class Passage:
    """A piece of a page; {} stands for each number."""

    page: str
    text: str
    numbers: Sequence[str]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the piece with any numbers and any breaks of lines."""
        parts = [r"\s+".join(map(re.escape, re.split(r"\s+", part))) for part in self.text.split("{}")]
        return re.compile(_VALUE.join(parts))

    def found(self, page: str) -> re.Match[str]:
        """Where it stands. Raises ValueError where the page has it not once."""
        matches = list(self.pattern.finditer(page))
        if len(matches) != 1:
            raise ValueError(f"expected '{self.text[:60]}…' once in {self.page}, got it {len(matches)} times")
        return matches[0]

    def written(self, page: str) -> str:
        """The page with this piece's numbers."""
        match, pieces, last = self.found(page), [], 0
        for place, number in enumerate(self.numbers, 1):
            pieces += [page[last : match.start(place)], number]
            last = match.end(place)
        return "".join([*pieces, page[last:]])


@cache
def results(name: str) -> Any:
    """results/NAME.json."""
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def has(name: str) -> bool:
    """Whether there is such a file yet."""
    return (ROOT / "results" / f"{name}.json").exists()


def number(value: float, digits: int, *, bare: bool = False) -> str:
    """Rounded; bare leaves out the 0 before the point."""
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    text = text.replace("-", MINUS)
    return text.replace("0.", ".", 1) if bare and text.lstrip(MINUS).startswith("0.") else text


def interval(ends: Sequence[float], digits: int) -> str:
    """[low, high]."""
    return f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def with_interval(score: Mapping[str, Any], digits: int) -> str:
    """A score and its interval."""
    return f"{number(score['value'], digits)} {interval(score['interval'], digits)}"


def spread(value: float, deviation: float, digits: int, *, bare: bool = False) -> str:
    """Mean ± standard deviation."""
    return f"{number(value, digits, bare=bare)} ± {number(deviation, digits, bare=bare)}"


def row(page: str, head: str, numbers: Sequence[str]) -> Passage:
    """A row of a table, of which every other cell is a number."""
    return Passage(page, f"| {head} | {' | '.join('{}' for _ in numbers)} |", numbers)


@dataclass(frozen=True)
class Block:
    """A whole part of a page between two marks."""

    page: str
    name: str
    inside: str

    @property
    def marks(self) -> tuple[str, str]:
        """Where it begins and where it ends."""
        return f"<!-- {self.name}: written by experiments/page_numbers.py -->", f"<!-- {self.name}: end -->"

    def found(self, page: str) -> re.Match[str]:
        """Where it stands, marks and all. Raises ValueError where the page has it not once."""
        begin, end = map(re.escape, self.marks)
        matches = list(re.finditer(rf"{begin}(.*?){end}", page, re.DOTALL))
        if len(matches) != 1:
            raise ValueError(f"expected the marks {self.marks[0]} … {self.marks[1]} once in {self.page}")
        return matches[0]

    def written(self, page: str) -> str:
        """The page with this part."""
        start, end = self.found(page).span(1)
        return f"{page[:start]}\n\n{self.inside}\n\n{page[end:]}"


Piece = Passage | Block


def covered(page: str, passages: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Where the pieces of a page stand in its text."""
    for passage in passages:
        yield passage.found(page).span()
