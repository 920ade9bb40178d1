"""Laws over AUDITS: what a new audit is missed in without an error, by name."""

from pathlib import Path

import pytest

from holdfast.audits import AUDITS

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("audit", AUDITS)
def test_the_readme_names_an_audit(audit):
    assert f"**{audit}**" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("audit", AUDITS)
def test_the_docs_index_links_an_audits_page(audit):
    assert f"(audits/{audit}.md)" in (ROOT / "docs" / "index.md").read_text()
