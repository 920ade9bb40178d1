"""`holdfast audit ENCODER --members A --non-members B`: one encoder and two sets of pictures are enough."""

import numpy as np
import pytest
from PIL import Image

from holdfast.cli import main
from holdfast.findings import Finding

ENCODER = ["audit", "timm/test_resnet", "--device", "cpu", "--image-size", "32", "--no-page"]


def write_pictures(folder, count, *, seed, ending="png"):
    folder.mkdir()
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    for number, pixels in enumerate(coarse):
        picture = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.{ending}", **({"quality": 50} if ending == "jpg" else {}))
    return str(folder)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    made = {"members": (510, 0, "png"), "others": (510, 1, "png"), "jpeg": (510, 2, "jpg"), "few": (120, 3, "png")}
    return {
        name: write_pictures(root / name, count, seed=seed, ending=ending)
        for name, (count, seed, ending) in made.items()
    }


def audited(sets, members, others, out, *more):
    status = main([*ENCODER, "--members", sets[members], "--non-members", sets[others], "--out", str(out), *more])
    return status, (Finding.load(out / "membership.json") if status == 0 else None)


def test_random_weights_that_saw_neither_set_are_judged_and_found_innocent(sets, tmp_path, capsys):
    status, finding = audited(sets, "members", "others", tmp_path)
    shown = capsys.readouterr().out
    assert status == 0 and "random weights): membership" not in shown
    assert [path.name for path in tmp_path.glob("*.json")] == ["membership.json"]
    assert finding.settings["judged"] and finding.settings["files_read"] and not finding.settings["shift"]
    for name in ("auc", "auc_pixels"):
        assert finding[name].interval[0] <= 0.5 <= finding[name].interval[1]
    assert finding["overlap"].value == 0
    assert "not measured: parts: 510 images in the smaller set, under 1,000" in shown


def test_two_sets_that_differ_by_their_files_get_no_verdict(sets, tmp_path, capsys):
    _, finding = audited(sets, "members", "jpeg", tmp_path)
    assert not finding.settings["judged"]
    assert finding["auc_pixels"].value > 0.95
    shown = " ".join(capsys.readouterr().out.split())
    assert "shift between the two sets, not judged: pixels and files alone tell them apart" in shown


def test_what_cannot_be_compared_is_refused_with_a_remedy(sets, tmp_path, capsys):
    assert audited(sets, "members", "few", tmp_path / "a")[0] == 2
    assert "expected members and non-members, 200 of each" in " ".join(capsys.readouterr().err.split())
    assert audited(sets, "members", "members", tmp_path / "b")[0] == 2
    assert "give more images" in " ".join(capsys.readouterr().err.split())
    assert main([*ENCODER, "--members", sets["members"], "--out", str(tmp_path / "c")]) == 2
    assert "got no --non-members; name both, or neither" in " ".join(capsys.readouterr().err.split())
    assert audited(sets, "members", "others", tmp_path / "d", "--axes", "quality")[0] == 2
    assert "--members only with membership among --axes" in " ".join(capsys.readouterr().err.split())
