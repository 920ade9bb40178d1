"""`holdfast inspect --by ENCODER`: near-duplicates by features beside hashes, with pictures."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from holdfast.cli import main


@pytest.fixture
def two_folders(tmp_path, monkeypatch):
    """60 pictures and 20 others, the last of which is the first of the 60, mirrored."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name, count, seed in (("train", 60, 0), ("test", 19, 1)):
        (tmp_path / name).mkdir()
        for n in range(count):
            pixels = np.random.default_rng([seed, n]).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{n:02d}.png")
    ImageOps.mirror(Image.open(tmp_path / "train" / "00.png")).save(tmp_path / "test" / "mirrored.png")
    Image.open(tmp_path / "train" / "07.png").save(tmp_path / "train" / "again.png", compress_level=1)
    return tmp_path


def test_what_an_encoder_holds_alike_is_counted_named_and_shown(two_folders, capsys):
    words = "inspect train --against test --by timm/test_resnet --method none --json x.json --page x.html"
    assert main(words.split()) == 0
    text, document = capsys.readouterr().out, json.loads((two_folders / "x.json").read_text())
    found = document["by_features"]
    assert found["load"]["weights"] == "random" and "RANDOM" in text
    (pair,) = found["within"]["first"]
    assert {pair["image"], pair["other"]} == {"07.png", "again.png"} and pair["cosine"] > 0.999
    assert "2 images have another one alike (pairs: 1; cosine from" in text
    assert found["against"]["images"] == 0, "random weights are not blind to a mirror"
    page = (two_folders / "x.html").read_text()
    assert "Alike by features, timm/test_resnet, in pairs" in page and page.count("cosine 1.0000") >= 2


def test_an_encoder_that_is_none_is_refused_before_images_are_looked_at(two_folders, capsys):
    assert main("inspect train --by nothing --method none".split()) == 2
    assert "where there is no file or folder; check the path" in capsys.readouterr().err
