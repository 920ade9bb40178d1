"""Groups of the user's own on the page."""

from dataclasses import replace

import pytest
import torch
from toy_audits import ReadsTheClass, toy_images

from holdfast.audits import audit
from holdfast.data.images import Subgroups
from holdfast.report import report
from holdfast.report.breakdowns.by_subgroup import group_table
from holdfast.report.collect import collect


@pytest.fixture
def audited(tmp_path):
    test = toy_images((20,) * 6, seed=1, source="test", first_id=1000)
    sites = Subgroups(torch.where(test.labels == 5, 1, 0), ("north", "<script>"))
    (finding,) = audit(
        ReadsTheClass(blind=(4, 5)),
        replace(toy_images(), subgroups={}),
        test=replace(test, subgroups={"site": sites}),
        axes=["balance"],
    )
    finding.save(tmp_path / "run" / "findings")
    return tmp_path / "run"


def test_each_group_is_a_row_with_its_accuracy(audited):
    table = group_table(collect([audited]))
    assert table is not None
    assert [[cell.text for cell in row[:4]] for row in table.rows] == [
        ["site", "north", "0", "100"],
        ["site", "<script>", "0", "20"],
    ]
    assert {row[1].text: row[4].text.split()[0] for row in table.rows} == {"north": "100.0", "<script>": "0.0"}


def test_the_page_shows_the_groups_and_escapes_their_names(audited, tmp_path):
    page = report([audited], tmp_path / "page.html").read_text()
    assert "Accuracy by groups of your own" in page
    assert "Worst group" in page
    assert "&lt;script&gt;" in page
