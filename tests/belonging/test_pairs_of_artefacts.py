"""Every pair of artefacts that commands can bring together has a check, a row in the docs and a test."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"
MEETINGS = {
    "memorization RUN --study": [("run", "study")],
    "memorization RUN --remove --test": [("study", "removal")],
    "memorization RUN --planted": [("study", "planted images")],
    "memorization --two-encoders": [("encoder f", "encoder g"), ("encoder", "partition"), ("encoder", "images")],
    "audit RUN --test": [("encoder", "finding"), ("finding", "finding"), ("run", "study"), ("run", "test images")],
    "audit timm/NAME@FILE": [("weights", "facts"), ("finding", "finding")],
    "audit FOLDER again": [("images", "index")],
    "report RUN RUN": [("encoder", "finding"), ("finding", "finding"), ("seed", "seed"), ("comparison", "comparison")],
    "compare RUN RUN": [("encoder", "finding"), ("finding", "finding"), ("seed", "seed"), ("comparison", "comparison")],
    "card RUN": [("encoder", "finding"), ("finding", "finding"), ("finding", "card")],
    "embed RUN --data": [("mode", "option")],
    "export RUN, then load": [("weights", "facts")],
}
"""By command: what it brings together."""


def rows():
    """By pair: the test that the docs name."""
    text = DOCS.read_text()
    found = re.findall(r"^\| ([\w ]+) and ([\w ]+) \| .* \| `(test_\w+)` \|$", text, re.MULTILINE)
    return {(first, second): test for first, second, test in found}


@pytest.mark.parametrize("command", MEETINGS)
def test_what_a_command_brings_together_is_checked(command):
    missing = set(MEETINGS[command]) - set(rows())
    assert not missing, f"say in docs/reliability.md what is compared where these meet: {missing}"


def test_every_row_has_a_test_and_every_test_a_row():
    tests = {path.stem for path in Path(__file__).parent.glob("test_*.py")} - {Path(__file__).stem}
    assert tests == set(rows().values())


def test_every_row_is_met_by_a_command():
    assert set(rows()) == {pair for pairs in MEETINGS.values() for pair in pairs}


def test_every_command_that_reads_what_another_wrote_is_walked():
    readers = {command.split()[0] for command in MEETINGS}
    assert {"audit", "memorization", "report", "compare", "card", "embed", "export"} <= readers
