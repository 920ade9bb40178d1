"""Laws over AUDITS: what a new audit is missed in without an error, by name."""

from importlib import import_module
from pathlib import Path

import pytest

import holdfast.audits
from holdfast.audits import AUDITS

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("audit", AUDITS)
def test_the_readme_names_an_audit(audit):
    assert f"**{audit}**" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("audit", AUDITS)
def test_the_docs_index_links_an_audits_page(audit):
    assert f"(audits/{audit}.md)" in (ROOT / "docs" / "index.md").read_text()


@pytest.mark.parametrize("audit", [name for name in AUDITS if name in holdfast.audits.__all__])
def test_a_function_that_bears_the_name_of_its_room_stays_one_after_the_room_is_imported(audit):
    import_module(f"holdfast.audits.{audit}")
    assert callable(getattr(holdfast.audits, audit))
