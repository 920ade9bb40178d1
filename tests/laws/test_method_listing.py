"""Laws over METHODS: what a new method is missed in without an error, by name."""

from pathlib import Path

import pytest

from holdfast.methods import METHODS
from holdfast.report.wording import METHOD_NAMES

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("method", METHODS)
def test_a_page_writes_a_method_as_its_paper_does(method):
    assert METHOD_NAMES.get(method, method) != method, "add it to METHOD_NAMES in report/wording.py"


@pytest.mark.parametrize("method", METHODS)
def test_the_readme_names_a_method(method):
    assert METHOD_NAMES[method] in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_the_docs_index_links_a_methods_page(method):
    page = f"methods/{METHODS[method].__module__.rsplit('.', 1)[1]}.md"
    assert page in (ROOT / "docs" / "index.md").read_text()


def test_no_method_has_the_name_of_another():
    assert len(set(METHOD_NAMES.values())) == len(METHOD_NAMES)
    assert set(METHOD_NAMES) == set(METHODS)
