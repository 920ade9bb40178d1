"""A run that was trained with a choice of labels is audited with it, also on a folder of test pictures."""

import numpy as np
import pytest
from PIL import Image

from holdfast.findings import Finding


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """train/CLASS/*.png and test/CLASS/*.png of two colours."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for part, count in (("train", 30), ("test", 12)):
        for label, name in enumerate(("cats", "dogs")):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = (rng.integers(0, 120, (8, 8, 3)) + 120 * label).astype(np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    from holdfast.cli import main

    out = tmp_path_factory.mktemp("labels") / "run"
    words = (
        f"train simclr --data {folders / 'train'} --labels folder --image-size 8 --encoder timm/test_resnet --epochs 1 "
        f"--batch-size 16 --precision 32 --signals-every 0 --holdout 0 --out {out}"
    )
    assert main(words.split()) == 0
    return out


def test_test_pictures_have_the_runs_choice_of_labels(run, folders, own, said):
    copy = own(run)
    out = said(f"audit {copy} --test {folders / 'test'} --axes quality --no-page --no-atlas")
    assert f"labels of {folders / 'test'}: folder, as the run chose" in out
    finding = Finding.load(copy / "findings" / "quality.json")
    assert "linear_accuracy" in {score.name for score in finding.scores}
    assert finding.settings["test_images"] == 24


def test_a_named_choice_wins(run, folders, own, said):
    copy = own(run)
    out = said(f"audit {copy} --test {folders / 'test'} --labels none --axes quality --no-page --no-atlas")
    assert "as the run chose" not in out
    assert "linear_accuracy" not in {s.name for s in Finding.load(copy / "findings" / "quality.json").scores}
