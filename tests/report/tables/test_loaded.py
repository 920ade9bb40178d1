"""What was decided as an encoder was loaded stands on its page, word for word."""

from holdfast.report import report
from holdfast.report.collect import collect
from holdfast.report.tables import load_table

LOAD = {
    "source": "w.pth",
    "network": "ViT-S/14",
    "layout": "recognised as DINOv2",
    "matched": 34,
    "tensors": 34,
    "left_out": ["mask_token", "head"],
    "copy": "",
    "mean": [0.5, 0.25, 0.125],
    "pool": "class token",
    "notes": [],
}


def test_the_page_has_what_the_load_decided_and_no_row_of_nothing(make_findings, tmp_path):
    folders = [make_findings(tmp_path / "a", name="a", load=LOAD), make_findings(tmp_path / "b", name="b")]
    table = load_table(collect(folders))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert rows["Recognised as"] == ["recognised as DINOv2", "–"]
    assert rows["Left out"][0] == "mask_token, head" and rows["Mean"][0] == "0.5, 0.25, 0.125"
    assert "Taken" not in rows and "Notes" not in rows
    page = report(folders, tmp_path / "page.html").read_text()
    assert "How encoders were loaded" in page and "recognised as DINOv2" in page


def test_without_a_recorded_load_there_is_no_table(make_findings, tmp_path):
    folder = make_findings(tmp_path / "b", name="b")
    assert load_table(collect([folder])).rows == []
    assert "How encoders were loaded" not in report([folder], tmp_path / "page.html").read_text()
