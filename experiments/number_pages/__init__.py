"""Which numbers of README and docs come from results/*.json, and which come from elsewhere and why."""

from collections.abc import Sequence
from pathlib import Path

from number_pages import (
    audits,
    benchmarks,
    claims,
    coverage,
    methods,
    one_budget,
    parts,
    questions,
    readme,
    reasons,
    recipe,
    scaling,
)
from number_pages.engine import Block, Passage, Piece, covered
from number_pages.unmeasured import LOOKS_MEASURED, elsewhere, excused

__all__ = ["LOOKS_MEASURED", "Block", "Passage", "Piece", "bare_numbers", "covered", "pieces", "rewritten"]


def pieces() -> list[Piece]:
    """Every piece of a page whose numbers come from a result file."""
    blocks = [*coverage.blocks(), methods.hundredth(), methods.long_tail(), *one_budget.blocks(), claims.block()]
    blocks += [
        parts.forgetting(),
        parts.wanted(),
        parts.downloaded(),
        *parts.following(),
        *reasons.blocks(),
        benchmarks.block(),
    ]
    blocks += [recipe.block(), questions.leak()]
    passages = [*readme.passages(), *methods.passages(), *audits.passages(), parts.robustified()]
    return [*passages, *scaling.pieces(), *blocks]


def rewritten(root: Path, found: Sequence[Piece]) -> dict[Path, str]:
    """By page: its text with the numbers of the result files."""
    texts: dict[Path, str] = {}
    for piece in found:
        path = root / piece.page
        texts[path] = piece.written(texts.get(path) or path.read_text())
    return texts


def bare_numbers(page: str, text: str, found: Sequence[Piece]) -> list[str]:
    """What looks measured in a page, and neither comes from a result file nor is excused, with the words around it."""
    mine = [piece for piece in found if piece.page == page]
    spans = [*covered(text, mine), *excused(page, text), *elsewhere(text)]
    return [
        text[max(0, match.start() - 40) : match.end() + 20].replace("\n", " ")
        for match in LOOKS_MEASURED.finditer(text)
        if not any(start <= match.start() < end for start, end in spans)
    ]
