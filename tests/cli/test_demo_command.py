"""`holdfast demo`, at one epoch and one seed."""

import re

import pytest

from holdfast.cli import main
from holdfast.findings import Finding

AXES = {
    *("quality", "balance", "tail", "robustness", "invariance", "equivariance", "duplicates"),
    *("memorization", "privacy"),
}


@pytest.mark.slow
def test_the_demo_fills_every_axis_of_both_methods(tmp_path, capsys):
    folder = tmp_path / "demo"
    assert main(["demo", "--epochs", "1", "--seeds", "1", "--out", str(folder)]) == 0
    for method in ("simclr", "sdclr"):
        found = {path.stem: Finding.load(path) for path in (folder / f"{method}-seed0/findings").glob("*.json")}
        assert set(found) == AXES
        assert all(finding.scores for finding in found.values())
    printed = capsys.readouterr().out
    page = re.search(r"report: (.*)", printed)[1]
    assert (folder / "report.html").samefile(page)
    unmeasured = re.findall(r"not measured: ([a-z, ]+);", printed)
    assert unmeasured == []
