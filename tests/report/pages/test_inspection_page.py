"""The page of an inspected collection: whole, closed to the network, and safe from what files are called."""

import html
import subprocess
import sys

from holdfast.report.pages.inspection import facts, inspection_page, render_inspection

EVIL = "<script>alert('x')</script>\n‮ \"a\" & b.png"


def document(**changes):
    spread = {"smallest": 10.0, "median": 20.0, "largest": 30.0}
    twins = {"groups": 1, "extra_images": 2, "largest": [{"images": 3, "names": [EVIL, "b.png"]}]}
    rows = [{"name": f"{EVIL}{n}", "images": 100 - n} for n in range(80)]
    return {
        "source": EVIL,
        "against": None,
        "images": {"found": 1234, "looked_at": 100, "usable": 90, "set_aside": 10},
        "formats": {"PNG": 90},
        "modes": {"RGB": 90},
        "set_aside": {"reasons": {"empty file": 10}, "first": [{"path": EVIL, "reason": "empty file"}]},
        "plain": 1,
        "grey": 2,
        "sizes": {"shorter_side": spread, "longer_over_shorter": spread, "square": 5, "bytes": {"all": 9, **spread}},
        "duplicates": {"exact": twins, "near": twins, "every_pair": True},
        "overlap": None,
        "frequencies": [
            {"of": "classes", "count": 80, "largest": 100, "smallest": 21, "imbalance": 4.8, "effective": 70.0,
             "rare_third_share": 0.2, "rows": rows}
        ],
        "cost": None,
        "advice": [{"topic": "size", "advice": f"look at {EVIL}", "reason": "It matters.", "source": "arXiv:1"}],
        **changes,
    }  # fmt: skip


def test_names_show_as_text_and_nothing_runs_or_loads():
    page = render_inspection(document())
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "default-src 'none'" in html.unescape(page)
    assert "http://" not in page and "https://" not in page


def test_advice_comes_with_its_reason_and_rows_with_bars():
    page = render_inspection(document())
    assert "It matters. (arXiv:1)" in page
    assert page.count("<i style=") == 60 and "20 between the largest and the smallest are left out" in page


def test_the_same_facts_are_on_the_page_and_in_the_terminal():
    page = render_inspection(document())
    values = dict(facts(document()))
    assert values["images"] == "1,234 (100 of them looked at, a draw), 90 usable, 10 set aside"
    assert values["images"] in page
    assert (values["copies"], values["near-duplicates"]) == ("3 images are one picture", "3 images look alike")


def test_overlap_and_cost_are_told_where_they_were_measured():
    cost = {"hours": 30.0, "method": "sdclr", "encoder": "timm/resnet18", "image_size": 32, "epochs": 10,
            "steps_per_epoch": 3, "batch_size": 8, "seconds": 0.5, "device": "cpu", "precision": "32",
            "measured_batch": 8, "memory": 2.0**30, "images_bytes": 2.0**29}  # fmt: skip
    overlap = {"near": 2, "exact": 1, "other_images": 5, "first": [{"image": EVIL, "other": "b"}]}
    values = dict(facts(document(cost=cost, overlap=overlap, against="test")))
    assert values["time"].startswith("about 30 hours: sdclr")
    slowed = dict(facts(document(cost={**cost, "busy": 3.0}, overlap=overlap, against="test")))["time"]
    assert slowed.startswith("about 10 to 30 hours: sdclr") and "slows this machine 3.0 times just now" in slowed
    assert values["memory"] == "about 1.0 GiB for a step, 0.50 GiB for the images"
    assert values["overlap"] == "2 images are in test (5 images) too, 1 of them copies"
    assert "h-overlap" in render_inspection(document(overlap=overlap, against="test"))


def test_a_page_is_written_whole(tmp_path):
    path = inspection_page(document(), tmp_path / "sub" / "page.html")
    assert path.read_text().startswith("<!doctype html>") and [p.name for p in path.parent.iterdir()] == ["page.html"]


def test_the_page_needs_no_torch():
    code = "import sys, holdfast.report.pages.inspection; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
