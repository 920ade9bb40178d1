"""Every number of README and docs that comes from a run is written from results/*.json, and nothing else is bare."""

import re
from pathlib import Path

import pytest

from number_pages import Block, Passage, bare_numbers, pieces, rewritten
from number_pages.engine import number, spread, with_interval

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PIECES = pieces()


def test_pages_say_what_the_result_files_hold():
    wrong = [path.name for path, text in rewritten(ROOT, PIECES).items() if path.read_text() != text]
    assert wrong == [], "run: make numbers"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_number_that_looks_measured_comes_from_a_file_or_has_a_reason(page):
    assert bare_numbers(page.relative_to(ROOT).as_posix(), page.read_text(), PIECES) == []


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: f"{piece.page}: {getattr(piece, 'text', 'block')[:30]}")
def test_each_number_that_is_changed_in_a_page_is_found_out(piece):
    page = (ROOT / piece.page).read_text()
    match = piece.found(page)
    for place in range(1, (match.re.groups) + 1):
        start, end = match.span(place)
        changed = (
            page[:start] + re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), page[start:end]) + page[end:]
        )
        assert piece.written(changed) == page != changed


def test_a_new_number_without_a_file_is_found():
    text = "It gives 81.2 % [80.1, 82.3] in 3.1 s, 2.0 × as fast, 5 ± 1, of [0, 1].\n```\n99 %\n```\n"
    assert len(bare_numbers("docs/none.md", text, [])) == 5


def test_a_passage_keeps_breaks_of_lines_and_refuses_to_be_there_twice():
    passage = Passage("page.md", "holds {} in {} cases", ["7 [6, 8]", "1,200"])
    assert passage.written("it holds 3\nin 12 cases.") == "it holds 7 [6, 8]\nin 1,200 cases."
    with pytest.raises(ValueError, match="got it 2 times"):
        passage.written("holds 1 in 2 cases, holds 1 in 2 cases")
    block = Block("page.md", "x", "new")
    begin, end = block.marks
    assert block.written(f"a {begin} old {end} b") == f"a {begin}\n\nnew\n\n{end} b"


def test_numbers_are_written_as_pages_write_them():
    assert number(-0.04, 1) == "0.0" and number(-0.5, 2) == "−0.50" and number(1234.4, 0) == "1,234"
    assert spread(0.0326, 0.0011, 4, bare=True) == ".0326 ± .0011"
    assert with_interval({"value": 0.005, "interval": (-0.001, 0.011)}, 3) == "0.005 [−0.001, 0.011]"
