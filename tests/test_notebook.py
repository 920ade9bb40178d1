"""The notebook of the documentation runs, and shows what it says that it shows."""

from pathlib import Path

import pytest
from notebooks import executed, read

NOTEBOOK = Path(__file__).parent.parent / "docs" / "first-notebook.ipynb"


def kinds(notebook):
    """By code cell: what it printed and showed, by MIME type."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [sorted(kind for out in cell["outputs"] for kind in out.get("data", {"stream": ""})) for cell in cells]


def test_it_was_executed_in_order_and_uses_tables_plots_and_pandas():
    notebook = read(NOTEBOOK)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    source = "\n".join("".join(cell["source"]) for cell in cells)
    assert ".plot()" in source and ".to_pandas()" in source and "holdfast.compare(" in source
    shown = [kind for kind in kinds(notebook) for kind in kind]
    assert "text/html" in shown and "image/png" in shown
    assert all(len("".join(out["data"]["text/plain"])) < 6000 for cell in cells for out in cell["outputs"])


@pytest.mark.slow
def test_it_runs_and_shows_the_same_kinds_of_things(tmp_path, monkeypatch):
    pytest.importorskip("pandas", reason="one cell makes a table for pandas")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stored = read(NOTEBOOK)
    assert kinds(executed(stored)) == kinds(stored)
    assert (tmp_path / "report.html").is_file()
