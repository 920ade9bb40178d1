"""The reference names all that may be used: the package's own names on its first page, a room's on the room's page."""

import importlib
import re
from pathlib import Path

import pytest

import holdfast

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted((DOCS / "reference").glob("*.md"))
SECTION = re.compile(r"^::: (\S+)(?:\n    options:\n      members: \[(.*)\])?", re.MULTILINE)


def test_every_top_level_name_stands_on_the_first_page():
    named = set(re.findall(r"`([A-Za-z]\w*)`", (DOCS / "reference.md").read_text()))
    assert set(dir(holdfast)) <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_room_that_loads_its_names_late_lists_all_of_them(page):
    for module, members in SECTION.findall(page.read_text()):
        room = importlib.import_module(module)
        if "lazy_names" in Path(str(room.__file__)).read_text():
            assert members.split(", ") == sorted(room.__all__), module


def test_every_package_of_the_reference_is_reached_from_the_first_page():
    first = (DOCS / "reference.md").read_text()
    assert all(f"(reference/{page.name})" in first for page in PAGES)
