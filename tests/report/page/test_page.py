"""The page: what it says, that it says it safely, and that it needs nothing from elsewhere."""

import base64
import hashlib
import re
import subprocess
import sys

import pytest

from holdfast.findings import Finding
from holdfast.report import compare, report

NASTY = "<script>alert('x')</script>", 'quo"te', "new\nline", "\u202eright to left", "🐈 cat"


def mean(runs, audit, score):
    values = [Finding.load(run / "findings" / f"{audit}.json")[score].value for run in runs]
    return sum(values) / len(values)


def test_three_seeds_of_a_method_are_one_encoder_with_their_mean(runs, tmp_path):
    text = report(runs, tmp_path / "page.html").read_text()
    assert "SDCLR against SimCLR" in text
    for method in ("simclr", "sdclr"):
        members = [run for run in runs if run.name.startswith(method)]
        assert len(members) == 3
        assert f"{mean(members, 'balance', 'all'):.1f}" in text
    assert "3 seeds" in text


def test_numbers_come_with_definition_protocol_and_what_the_interval_is_over(runs, tmp_path):
    text = report(runs, tmp_path / "page.html").read_text()
    for said in ("What std is, in one sentence", "Temperature t", "Group rule", "thirds", "pool", "paired t interval"):
        assert said in text, said
    assert "<svg" in text
    assert "mathdefault" not in text, "a tick label in TeX"
    assert "automobile" in text


def test_one_run_shows_its_own_interval(make_run, tmp_path):
    run = make_run(tmp_path / "alone", "simclr", 0)
    text = report([run], tmp_path / "page.html").read_text()
    low, high = Finding.load(run / "findings" / "balance.json")["all"].interval
    assert f"{low:.1f}, {high:.1f}" in text


def test_findings_without_a_run_are_enough(make_findings, tmp_path):
    folder = make_findings(tmp_path / "timm", name="timm/resnet18")
    assert "timm/resnet18" in report([folder], tmp_path / "page.html").read_text()


def test_names_and_labels_show_as_text(make_run, tmp_path):
    classes = (*NASTY, "f", "g", "h", "i", "j")
    run = make_run(tmp_path / "nasty", "simclr", 0, classes=classes, settings={"test": NASTY[0]})
    text = report([run], tmp_path / "page.html").read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "🐈 cat" in text


def test_the_page_carries_a_policy_that_its_own_script_meets(runs, tmp_path):
    text = report(runs, tmp_path / "page.html").read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', text)
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert policy is not None
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"sha256-{digest}" in policy.group(1).replace("&#39;", "'")
    assert "default-src" in policy.group(1)


def test_the_page_asks_for_nothing_from_elsewhere(runs, tmp_path):
    text = report(runs, tmp_path / "page.html").read_text()
    loads = re.findall(r"(?:src|href|action)=[\"']([^\"'#]+)", text) + re.findall(r"url\(([^)]+)\)", text)
    assert [address for address in loads if not address.startswith(("data:", "#", "'#", '"#'))] == []
    assert "@import" not in text


def test_the_report_needs_no_torch(runs, tmp_path):
    code = (
        "import sys, holdfast; from pathlib import Path; "
        f"holdfast.report([{str(runs[0])!r}, {str(runs[3])!r}], {str(tmp_path / 'page.html')!r}); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "page.html").exists()


def test_the_difference_is_paired_by_seed(runs):
    found = {d.score.name: d for d in compare(runs).differences if d.audit == "balance"}
    values = [
        Finding.load(b / "findings" / "balance.json")["few"].value
        - Finding.load(a / "findings" / "balance.json")["few"].value
        for a, b in zip(runs[:3], runs[3:], strict=True)
    ]
    assert found["few"].value == pytest.approx(sum(values) / 3)
    assert found["few"].runs.runs == 3


def test_equal_encoders_cannot_be_told_apart(make_run, tmp_path):
    runs = [make_run(tmp_path / f"{name}", "simclr", 0, epochs=epochs) for name, epochs in (("a", 100), ("b", 200))]
    found = [d for d in compare(runs).differences if d.audit == "balance" and d.score.name == "all"]
    assert found[0].value == 0
    assert found[0].reading == "cannot be told apart"


def test_folders_that_cannot_be_reported_get_one_line(runs, make_run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected findings in .*empty, got none; measure first: holdfast audit"):
        report([tmp_path / "empty"], tmp_path / "page.html")
    with pytest.raises(ValueError, match="expected different folders"):
        report([runs[0], runs[0]], tmp_path / "page.html")
    many = [make_run(tmp_path / f"many{i}", "simclr", 0, epochs=i + 1) for i in range(9)]
    with pytest.raises(ValueError, match="expected one to 8 encoders"):
        report(many, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_encoders_measured_on_different_images_are_not_compared(make_run, tmp_path):
    first = make_run(tmp_path / "a", "simclr", 0)
    second = make_run(tmp_path / "b", "sdclr", 0, settings={"test_checksum": "other"})
    with pytest.raises(ValueError, match="different test images"):
        compare([first, second])
    assert "different test images" in report([first, second], tmp_path / "page.html").read_text()
