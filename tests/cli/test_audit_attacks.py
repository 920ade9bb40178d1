"""`holdfast audit --axes robustness`, from the command line to the finding on disk."""

import numpy as np

from holdfast.cli import main
from holdfast.findings import Finding

QUICK = (
    "--attack-images 12 --attack-steps 2 --attack-restarts 1 --square-images 6 --square-queries 5 --drift-images 4 "
    "--corruption-images 3 --auto-attack targeted --apgd-steps 3 --attack-targets 1"
)


def test_budgets_are_written_as_fractions_and_nothing_unfinished_stays(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", images=images, labels=np.arange(40) % 2)
    words = f"audit timm/test_resnet --data {tmp_path / 'noise.npz'} --axes robustness --attack-eps 4/255 0.1 {QUICK}"
    assert main([*words.split(), "--out", str(tmp_path / "a")]) == 0
    finding = Finding.load(tmp_path / "a" / "robustness.json")
    assert finding.settings["attack_eps"] == ["4/255", "0.1"]
    assert finding.columns["attacked"].sum() == 8
    left = {path.name for path in (tmp_path / "a").iterdir()}
    assert {"robustness.json", "robustness.parquet", "report.html", "features"} <= left
    assert "unfinished" not in left
    said = capsys.readouterr().out
    assert "forward and backward passes of an image" in said
    assert "Robust accuracy at 4/255" in said


def test_a_budget_in_bytes_is_refused_with_the_remedy(capsys):
    assert main("audit timm/test_resnet --data digits --axes robustness --attack-eps 8".split()) == 2
    assert "write 8/255, not 8" in capsys.readouterr().err
